//! Requests made to do harm: each is refused in our words, and the server goes on.
//!
//! What is not here is beside the good case: forged tokens in `issuer.rs`, altered links in `downloads.rs`, bodies that are
//! cut off or too large in `uploads.rs` and `errors.rs`; memory is watched in the tests of the program.

use crate::harness::{Answer, Server, send};
use fieldstone_server::router::ROUTES;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nesting that ends a parser that follows it on its stack.
const DEEP: usize = 100_000;
/// Far more than any answer here takes, far less than an attack wants.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends these bytes and returns all that comes back.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // A server that has heard enough may close while we still send.
    stream.write_all(bytes).await.ok();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.ok();
    String::from_utf8_lossy(&reply).into_owned()
}

/// A request without a body.
async fn raw_get(server: &Server, target: &str, headers: &str) -> String {
    let token = &server.token;
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{headers}\r\n"
    );
    raw(server, head.as_bytes()).await
}

async fn lives(server: &Server) {
    assert_eq!(send(server.bare(Method::GET, "/readyz")).await.status, 200);
}

/// A 4xx in our words, soon.
fn refused(what: &str, answer: &Answer, begun: Instant) {
    assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
    let text = answer.error(answer.status);
    assert!(text.len() < 10_000, "{what}: a refusal of {} bytes", text.len());
    assert!(begun.elapsed() < PATIENCE, "{what} took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_leads_nowhere_but_to_routes() {
    let server = Server::start().await;
    for target in [
        "/../../etc/passwd",
        "/docs/../../Cargo.toml",
        "/docs/..%2f..%2fCargo.toml",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/projects/1/../../etc/passwd",
        "/projects/..%2f..%2f",
        "/projects/1%00",
        "/projects/1;x",
        "//etc/passwd",
        "/projects/1/assets/..%5c..%5cx",
    ] {
        let reply = raw_get(&server, target, "").await;
        assert!(reply.starts_with("HTTP/1.1 404"), "{target}: {reply}");
        assert!(reply.contains("\"code\":404"), "{target}: {reply}");
    }
    // A digest is a digest: no name of a file, signed or not.
    for digest in ["..%2fledger.sqlite", "%2e%2e", "ab"] {
        let reply = raw_get(&server, &format!("/files/{digest}/f?expires=9999999999&signature=00"), "").await;
        assert!(reply.starts_with("HTTP/1.1 403"), "{digest}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_a_document_is_no_path_either() {
    let server = Server::start().await;
    let project = server.project().await;
    server.engine.start();
    let outside = server.data.path().join("../outside.stl");
    for name in ["../outside.stl", "/etc/passwd", "..\\outside.stl", "a\0b", ""] {
        let job = json!({"type": "test/copy", "assets": {"mesh": name}});
        server.post(&format!("{project}/jobs"), job).await.error(400);
        let graph = json!({"operators": [{"type": "LoadVolume", "parameters": {"volume_data": {"path": name}}}], "edges": []});
        let job = json!({"type": "implicit/evaluate", "params": {"graph": graph}});
        server.post(&format!("{project}/jobs"), job).await.error(400);
        let workflow = json!({"definition": "jobs: {a: {type: test/copy}}", "assets": {"a.mesh": name}});
        server.post(&format!("{project}/workflows"), workflow).await.error(400);
    }
    // Names of projects and jobs are texts that nothing on disk is called after.
    for name in ["../../outside", "/etc/passwd", "a/b\\c"] {
        server.post("/projects", json!({"name": name})).await.expect(201);
        server.upload(&project, "part.stl", b"solid").await.expect(201);
        let job = json!({"type": "test/copy", "name": name, "assets": {"mesh": "part.stl"}});
        let job = server.post(&format!("{project}/jobs"), job).await.expect(202);
        assert_eq!(server.poll(job["link"].as_str().unwrap()).await.status, 201);
    }
    assert!(!outside.exists());
    lives(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filename_adds_no_header() {
    let server = Server::start().await;
    let project = server.project().await;
    let asset = server.upload(&project, "part.stl", b"solid").await.expect(201);
    let path = format!("{project}/assets/{}", asset["id"].as_str().unwrap());
    for bad in ["a%0d%0aSet-Cookie:+x=1", "a%0ab", "a%00b", "a%7fb", "a%c2%85b", "..%2fx", "a%5cb"] {
        server.get(&format!("{path}?download=1&filename={bad}")).await.error(400);
    }
    for name in [
        "a\"; filename=\"evil.exe",
        "a; b=c",
        "gr\u{f6}\u{df}e \u{5f62}.stl",
        "\u{202e}lts.exe",
        "\u{2028}",
        "%0d%0aSet-Cookie: x=1",
        "\u{1f600}'*=UTF-8''x",
    ] {
        let encoded: String = name.bytes().map(|b| format!("%{b:02x}")).collect();
        let shown = server.get(&format!("{path}?download=1&filename={encoded}")).await.expect(200);
        let link = shown["link"].as_str().unwrap();
        assert!(link.bytes().all(|b| b.is_ascii_graphic()), "{link}");
        let answer = send(server.bare(Method::GET, link)).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b"solid"[..]), "{name:?}");
        assert_eq!(answer.header("set-cookie"), "");
        assert_eq!(answer.headers.get_all("content-disposition").iter().count(), 1);
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"") && disposition.is_ascii(),
            "{disposition}"
        );
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
    }
    // What a client calls its request comes back as it is or not at all.
    let reply = raw_get(&server, "/projects", "X-Request-Id: a\tb \"c\"\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert_eq!(reply.to_lowercase().matches("x-request-id").count(), 2, "once exposed, once itself: {reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_counts_once_and_for_reading() {
    let server = Server::start().await;
    let project = server.project().await;
    let asset = server.upload(&project, "part.stl", b"solid").await.expect(201);
    let path = format!("{project}/assets/{}?download=1", asset["id"].as_str().unwrap());
    let link = server.get(&path).await.expect(200)["link"].as_str().unwrap().to_owned();
    let (before, query) = link.split_once('?').unwrap();
    let later = query.replacen("expires=", "expires=9", 1);
    for query in [
        format!("{later}&{query}"),
        format!("{query}&{later}"),
        format!("expires=9999999999&{query}"),
        query.replace("expires=", "expires=-"),
        query.replace("expires=", "expires=%20"),
        query.replace("signature=", "signature=%00"),
        query.replace('&', ";"),
    ] {
        send(server.bare(Method::GET, &format!("{before}?{query}"))).await.error(403);
    }
    for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
        send(server.bare(method, &link)).await.error(405);
    }
    assert_eq!(send(server.bare(Method::GET, &link)).await.bytes, b"solid");
}

/// Texts that unfold to far more than they are, or nest far deeper than a stack.
fn yaml_bombs() -> Vec<(&'static str, String)> {
    let laughs = |open: &str, close: &str| {
        let mut text = format!("a0: &a0 {open}x, x, x, x, x, x, x, x, x{close}\n");
        for i in 1..30 {
            let refs = vec![format!("*a{}", i - 1); 9].join(", ");
            text += &format!("a{i}: &a{i} {open}{refs}{close}\n");
        }
        text + "jobs: {j: {type: x, parameters: {p: *a29}}}\n"
    };
    let merges = (1..30).map(|i| format!("m{i}: &m{i} {{<<: [*m{0}, *m{0}, *m{0}], k{i}: 1}}\n", i - 1));
    let deep = |open: &str| format!("jobs: {}", open.repeat(DEEP));
    vec![
        ("a billion laughs", laughs("[", "]")),
        ("a chain of merges", format!("m0: &m0 {{a: 1}}\n{}jobs: *m29\n", merges.collect::<String>())),
        ("an anchor in itself", "jobs: &a {j: *a}\n".into()),
        ("lists in lists", deep("[")),
        ("mappings in mappings", deep("{a: ")),
        ("dashes", deep("\n- ").replace("\n- ", "- ").replacen("jobs: ", "jobs:\n", 1)),
        ("keys in keys", deep("? ")),
        ("quotes that never end", format!("jobs: \"{}", "x".repeat(1 << 20))),
        ("documents", "---\njobs: {}\n".repeat(DEEP)),
        ("anchors", (0..DEEP).map(|i| format!("a{i}: &a{i} x\n")).collect()),
        ("aliases", format!("a: &a x\nb: [{}]\njobs: {{}}\n", "*a, ".repeat(DEEP))),
        ("tags", format!("jobs: {} x", "!t ".repeat(DEEP))),
        ("a number", format!("jobs: {}", "9".repeat(1 << 20))),
        (
            "jobs",
            format!("jobs:\n{}", (0..DEEP).map(|i| format!("  j{i}: {{type: x}}\n")).collect::<String>()),
        ),
        (
            "a job that needs itself often",
            format!("jobs: {{a: {{type: x, needs: [{}]}}}}", "a, ".repeat(DEEP)),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yaml_bombs_do_not_go_off() {
    let server = Server::start().await;
    let path = format!("{}/workflows", server.project().await);
    for (what, definition) in yaml_bombs() {
        let begun = Instant::now();
        let answer = server.post(&path, json!({ "definition": definition })).await;
        refused(what, &answer, begun);
    }
    assert_eq!(server.get(&path).await.expect(200), json!([]));
    lives(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_json_is_refused_by_every_body() {
    let server = Server::start().await;
    let project = server.project().await;
    server.upload(&project, "part.stl", b"solid").await.expect(201);
    let job = json!({"type": "test/copy", "assets": {"mesh": "part.stl"}});
    server.post(&format!("{project}/jobs"), job).await.expect(202);
    let bodies = [
        "[".repeat(DEEP),
        "{\"a\":".repeat(DEEP),
        format!("{{\"name\": {}", "[".repeat(DEEP)),
        format!("{{\"project\": {}{}}}", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("{{\"params\": {{\"graph\": {}{}}}}}", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("{{\"assets\": {}1{}}}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP)),
    ];
    let writes = ROUTES.iter().filter(|(method, path)| {
        let is_document =
            !path.contains("/assets") && !path.contains("/uploads") && !path.ends_with("/cancel");
        matches!(*method, "post" | "patch") && is_document
    });
    let mut asked = 0;
    for (method, path) in writes {
        let path = path.replace("{projectId}", project.rsplit('/').next().unwrap()).replace("{jobId}", "1");
        for body in &bodies {
            let begun = Instant::now();
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = send(server.request(method, &path).body(body.clone())).await;
            refused(&format!("{path} {}", &body[..20]), &answer, begun);
            asked += 1;
        }
    }
    assert!(asked >= 6 * bodies.len(), "{asked}");
    // What is wrong is not repeated at any length.
    let (begun, long) = (Instant::now(), "x".repeat(4 << 20));
    refused("a long word", &server.post("/projects", json!({"name": "n", "access": long})).await, begun);
    // JSON inside of a text is JSON, too.
    for (type_name, param) in [("implicit/evaluate", "graph"), ("evaluate_graph", "graph")] {
        let text = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
        let job = json!({"type": type_name, "params": {param: text}});
        let begun = Instant::now();
        refused(type_name, &server.post(&format!("{project}/jobs"), job).await, begun);
    }
    lives(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_bodies_are_not_unpacked() {
    let server = Server::start().await;
    let project = server.project().await;
    // gzip of `{"name": "x"}`.
    let packed: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0x56, 0xca, 0x4b, 0xcc, 0x4d, 0x55, 0xb2, 0x52, 0x50, 0xaa,
        0x50, 0xaa, 5, 0, 0x37, 0xd9, 0xe5, 0x5c, 13, 0, 0, 0,
    ];
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip"] {
        let request = server.request(Method::POST, "/projects").header("Content-Encoding", encoding);
        send(request.body(packed)).await.error(400);
        let request = server.request(Method::POST, &format!("{project}/assets"));
        let request = request.header("Content-Type", "multipart/form-data; boundary=X");
        send(request.header("Content-Encoding", encoding).body(packed)).await.error(400);
    }
    lives(&server).await;
}

/// A multipart body of one part whose headers are these.
async fn upload(server: &Server, project: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = server.request(Method::POST, &format!("{project}/assets"));
    send(request.header("Content-Type", "multipart/form-data; boundary=X").body(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_has_few_headers_and_short_ones() {
    let server = Server::start().await;
    let project = server.project().await;
    let name = "Content-Disposition: form-data; name=\"file\"; filename=\"f\"";
    let many = (0..1_000_000).map(|i| format!("A{i}: b\r\n")).collect::<String>();
    let bodies = [
        ("a million headers", format!("--X\r\n{name}\r\n{many}\r\nx\r\n--X--\r\n")),
        ("a long header", format!("--X\r\n{name}\r\nA: {}\r\n\r\nx\r\n--X--\r\n", "b".repeat(10 << 20))),
        ("a long filename", format!("--X\r\n{name}{}\r\n\r\nx\r\n--X--\r\n", "\\\"".repeat(1 << 20))),
        ("no first boundary", "x".repeat(10 << 20)),
        ("no end of the headers", format!("--X\r\n{name}\r\n{}", "A: b\r\n".repeat(1 << 20))),
        ("a colon missing", format!("--X\r\n{}\r\n\r\nx\r\n--X--\r\n", "a".repeat(1000))),
    ];
    for (what, body) in bodies {
        let begun = Instant::now();
        refused(what, &upload(&server, &project, body).await, begun);
    }
    // Many parts before and after the file are only passed over.
    let other = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n".repeat(20_000);
    let body = format!("{other}--X\r\n{name}\r\n\r\n{}\r\n{other}--X--\r\n", "x".repeat(3 << 20));
    assert_eq!(upload(&server, &project, body).await.expect(201)["size"], 3 << 20);
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200).as_array().map(Vec::len), Some(1));
    lives(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_few_headers_and_short_ones() {
    let server = Server::start().await;
    let long = "x".repeat(2 << 20);
    // These are refused below us, by the HTTP library, which has no body for it.
    for (what, headers) in [
        ("a long header", format!("A: {long}\r\n")),
        ("a long name", format!("{long}: a\r\n")),
        ("many headers", "A: b\r\n".repeat(100_000)),
        ("many cookies", format!("Cookie: {}\r\n", "a=b; ".repeat(1 << 19))),
    ] {
        let reply = raw_get(&server, "/projects", &headers).await;
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{what}: {reply}");
    }
    let reply = raw_get(&server, &format!("/projects?q={long}"), "").await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "a long target: {reply}");
    // What fits into a head is answered by us.
    server.get(&format!("/projects?q=name:{}", "x".repeat(60_000))).await.error(400);
    let token = "a.".repeat(30_000);
    send(server.bare(Method::GET, "/projects").bearer_auth(token)).await.error(401);
    lives(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_one_length() {
    let server = Server::start().await;
    let head = format!("POST /projects HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n", server.token);
    let smuggled = "GET /projects HTTP/1.1\r\nHost: h\r\n\r\n";
    for lengths in [
        "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
        "Content-Length: +2\r\n\r\n{}",
        "Content-Length: 99999999999999999999999\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}",
        "Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}",
    ] {
        let reply = raw(&server, format!("{head}Connection: close\r\n{lengths}{smuggled}").as_bytes()).await;
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{lengths}: {reply}");
        assert!(reply.matches("HTTP/1.1 ").count() <= 1, "{lengths}: {reply}");
    }
    let seen: Value = server.get("/projects").await.expect(200);
    assert_eq!(seen, json!([]));
    lives(&server).await;
}
