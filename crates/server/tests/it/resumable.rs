//! Uploads that go on after a cut, as the tus protocol 1.0 has them, and clients that keep to nothing.

use crate::harness::{Answer, Server, send};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fieldstone_engine::EngineConfig;
use fieldstone_server::ServerConfig;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PIECE: &str = "application/offset+octet-stream";
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn tus(server: &Server, method: Method, path: &str) -> RequestBuilder {
    server.request(method, path).header("Tus-Resumable", "1.0.0")
}

fn metadata(name: &str) -> String {
    format!("filename {},filetype bW9kZWwvc3Rs", STANDARD.encode(name))
}

fn begin(server: &Server, project: &str, name: &str, size: usize) -> RequestBuilder {
    let request = tus(server, Method::POST, &format!("{project}/uploads"));
    request.header("Upload-Length", size.to_string()).header("Upload-Metadata", metadata(name))
}

/// Where the pieces of a new upload go.
async fn begun(server: &Server, project: &str, name: &str, size: usize) -> String {
    let answer = send(begin(server, project, name, size)).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.bytes));
    format!("{project}/{}", answer.header("location"))
}

fn piece(server: &Server, upload: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
    let request = tus(server, Method::PATCH, upload).header("Content-Type", PIECE);
    request.header("Upload-Offset", offset.to_string()).body(bytes.to_vec())
}

async fn head(server: &Server, upload: &str) -> Answer {
    send(tus(server, Method::HEAD, upload)).await
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 / 5) as u8).collect()
}

fn checksum(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn assets(server: &Server, project: &str) -> Vec<serde_json::Value> {
    server.get(&format!("{project}/assets")).await.expect(200).as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_make_the_asset_that_one_upload_would_make() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes = content(3_000_000);
    let upload = begun(&server, &project, "größe.stl", bytes.len()).await;
    assert_eq!(upload, format!("{project}/uploads/1"));
    let first = head(&server, &upload).await;
    let said = ["upload-offset", "upload-length", "upload-metadata", "cache-control", "tus-resumable"];
    let expected = ["0", "3000000", &metadata("größe.stl"), "no-store", "1.0.0"];
    assert_eq!((first.status, said.map(|name| first.header(name))), (200, expected));
    assert!(first.header("upload-expires").ends_with("GMT") && first.bytes.is_empty());

    let kept = send(piece(&server, &upload, 0, &bytes[..1_234_567])).await;
    assert_eq!((kept.status, kept.header("upload-offset")), (204, "1234567"));
    assert_eq!(assets(&server, &project).await.len(), 0, "it is no asset yet");
    let listed = server.get(&format!("{project}/uploads")).await.expect(200);
    assert_eq!((&listed[0]["id"], &listed[0]["offset"]), (&json!("1"), &json!(1_234_567)));
    assert_eq!(server.get(&upload).await.expect(200), listed[0]);

    let kept = send(piece(&server, &upload, 1_234_567, &bytes[1_234_567..])).await;
    assert_eq!((kept.status, kept.header("upload-offset"), kept.header("x-asset")), (204, "3000000", "1"));
    let made = assets(&server, &project).await;
    let facts = ["filename", "checksum", "job_id"].map(|name| made[0][name].clone());
    assert_eq!(facts, [json!("größe.stl"), json!(checksum(&bytes)), json!(null)]);
    // Who has not heard of the end asks again, and hears it.
    let last = head(&server, &upload).await;
    assert_eq!((last.header("upload-offset"), last.header("x-asset")), ("3000000", "1"));
    let nothing = send(piece(&server, &upload, 3_000_000, b"")).await;
    assert_eq!((nothing.status, nothing.header("x-asset")), (204, "1"));
    assert_eq!(server.get(&format!("{project}/uploads")).await.expect(200), json!([]));
    assert_eq!(assets(&server, &project).await.len(), 1);
    assert_eq!(std::fs::read_dir(server.data.path().join("uploads")).unwrap().count(), 0);

    let empty = send(begin(&server, &project, "empty.bin", 0)).await;
    assert_eq!((empty.status, empty.header("x-asset")), (201, "2"));
    assert_eq!(assets(&server, &project).await[0]["checksum"], checksum(b""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_what_it_speaks() {
    let server = Server::start().await;
    let project = server.project().await;
    let question = send(server.bare(Method::OPTIONS, &format!("{project}/uploads"))).await;
    let said = ["tus-version", "tus-extension", "tus-checksum-algorithm", "tus-max-size"];
    let most = ServerConfig::default().max_upload_bytes.to_string();
    assert_eq!(
        said.map(|name| question.header(name)),
        ["1.0.0", "creation,termination,expiration,checksum", "sha1,sha256", &most]
    );
    assert!(question.header("access-control-allow-headers").contains("upload-offset"));
    let upload = begun(&server, &project, "a", 3).await;
    // A page of another origin may read what an upload's answer says, and no header that others never have.
    let kept = send(server.request(Method::HEAD, &upload).header("Tus-Resumable", "1.0.0")).await;
    let exposed = |answer: &Answer| {
        let lines = answer.headers.get_all("access-control-expose-headers").iter();
        lines.map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join(",")
    };
    let names = kept.headers.keys().map(|name| name.as_str());
    for name in names.filter(|name| name.starts_with("upload-") || name.starts_with("tus-")) {
        assert!(exposed(&kept).split(',').any(|other| other == name), "{name} of {}", exposed(&kept));
    }
    assert!(exposed(&kept).contains("upload-offset") && exposed(&kept).contains("etag"));
    assert!(!exposed(&send(server.request(Method::GET, &project)).await).contains("upload-"));
    for (method, path) in
        [(Method::POST, &format!("{project}/uploads")), (Method::PATCH, &upload), (Method::DELETE, &upload)]
    {
        for version in ["0.2.2", ""] {
            let answer = send(server.request(method.clone(), path).header("Tus-Resumable", version)).await;
            answer.error(412);
            assert_eq!((answer.header("tus-version"), answer.header("tus-resumable")), ("1.0.0", "1.0.0"));
        }
    }
    let refused = send(server.bare(Method::HEAD, &upload)).await;
    assert_eq!((refused.status, refused.header("tus-resumable")), (401, "1.0.0"));
    let elsewhere = send(server.bare(Method::OPTIONS, &format!("{project}/assets"))).await;
    assert_eq!(elsewhere.header("tus-version"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes = content(1000);
    let upload = begun(&server, &project, "a.stl", 1000).await;
    send(piece(&server, &upload, 0, &bytes[..400])).await;
    let wrong = |offset: usize, bytes: &[u8]| send(piece(&server, &upload, offset, bytes));
    for offset in [0, 399, 401, 1000, 5000] {
        let text = wrong(offset, &bytes[400..500]).await.error(409);
        assert_eq!(text, format!("upload 1 goes on at byte 400, not at byte {offset}"));
    }
    wrong(400, &content(601)).await.error(413);
    // The same, where the length is not said beforehand.
    let pieces = [content(500), content(200)].map(Ok::<_, std::io::Error>);
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let request = tus(&server, Method::PATCH, &upload).header("Content-Type", PIECE);
    send(request.header("Upload-Offset", "400").body(stream)).await.error(413);
    let offset = head(&server, &upload).await.header("upload-offset").parse::<usize>().unwrap();
    assert!([400, 900].contains(&offset), "{offset}: what fitted may have been kept, and nothing else");
    let other = begun(&server, &project, "b.stl", 1000).await;
    for kind in ["text/plain", "application/octet-stream", ""] {
        let request = tus(&server, Method::PATCH, &other).header("Content-Type", kind);
        send(request.header("Upload-Offset", "0").body(bytes.clone())).await.error(415);
    }
    for offset in ["", "-1", "0x10", "1.5", "99999999999999999999"] {
        let request = tus(&server, Method::PATCH, &other).header("Content-Type", PIECE);
        send(request.header("Upload-Offset", offset).body(bytes.clone())).await.error(400);
    }
    assert_eq!(head(&server, &other).await.header("upload-offset"), "0");
    for path in ["uploads/99", "uploads/x", "uploads/01"] {
        let path = format!("{project}/{path}");
        send(piece(&server, &path, 0, b"a")).await.error(404);
        let answer = head(&server, &path).await;
        assert_eq!((answer.status, answer.header("upload-offset")), (404, ""));
    }
    for bad in ["filename YQ", "name YQ==", "filename Li4vYQ==", ""] {
        let request = tus(&server, Method::POST, &format!("{project}/uploads"));
        send(request.header("Upload-Length", "1").header("Upload-Metadata", bad)).await.error(400);
    }
    assert_eq!(assets(&server, &project).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_that_was_damaged_on_its_way_is_not_kept() {
    let server = Server::start().await;
    let project = server.project().await;
    let upload = begun(&server, &project, "a", 11).await;
    // SHA-1 of "hello world", from the protocol's own example.
    let sum = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
    let sent =
        |bytes: &[u8], sum: &str| send(piece(&server, &upload, 0, bytes).header("Upload-Checksum", sum));
    let refused = sent(b"hello w0rld", sum).await;
    assert_eq!((refused.status, &refused.json()["name"]), (460, &json!("Checksum Mismatch")));
    sent(b"hello world", "md5 XrY7u+Ae7tCTyyK7j1rNww==").await.error(400);
    assert_eq!(head(&server, &upload).await.header("upload-offset"), "0");
    let kept = sent(b"hello world", sum).await;
    assert_eq!((kept.status, kept.header("x-asset")), (204, "1"));

    // The checksum of the whole.
    let told = |bytes: &[u8]| format!("filename YQ==,checksum {}", STANDARD.encode(checksum(bytes)));
    let request = tus(&server, Method::POST, &format!("{project}/uploads")).header("Upload-Length", "3");
    let answer = send(request.header("Upload-Metadata", told(b"abc"))).await;
    let upload = format!("{project}/{}", answer.header("location"));
    assert_eq!(send(piece(&server, &upload, 0, b"ab")).await.status, 204);
    assert_eq!(send(piece(&server, &upload, 2, b"d")).await.status, 460);
    assert_eq!(head(&server, &upload).await.status, 404, "it can only be begun again");
    assert_eq!(assets(&server, &project).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_its_writers_alone() {
    let server = Server::start().await;
    let project = server.project().await;
    server.patch(&project, json!({"access": "public"})).await.expect(200);
    let upload = begun(&server, &project, "a", 3).await;
    let reader = server.key(&["assets:read"], None, None).await;
    let eve = server.key(&[], None, Some("eve")).await;
    let uploads = format!("{project}/uploads");
    for (token, status) in [(&reader, 401), (&eve, 404)] {
        for (method, path) in [
            (Method::GET, &uploads),
            (Method::POST, &uploads),
            (Method::GET, &upload),
            (Method::PATCH, &upload),
            (Method::DELETE, &upload),
        ] {
            let request =
                server.bare(method.clone(), path).bearer_auth(token).header("Tus-Resumable", "1.0.0");
            let request = request.header("Upload-Length", "3").header("Upload-Metadata", metadata("a"));
            let request = request.header("Content-Type", PIECE).header("Upload-Offset", "0");
            assert_eq!(send(request).await.status, status, "{method} {path}");
        }
    }
    // Nor is it there under another project.
    let other = server.project().await;
    let elsewhere = upload.replace(&project, &other);
    assert_eq!(send(piece(&server, &elsewhere, 0, b"abc")).await.status, 404);
    assert_eq!(send(tus(&server, Method::DELETE, &elsewhere)).await.status, 404);
    assert_eq!(head(&server, &upload).await.header("upload-offset"), "0");
    assert_eq!(send(tus(&server, Method::DELETE, &upload)).await.status, 204);
    assert_eq!(head(&server, &upload).await.status, 404);
    send(tus(&server, Method::DELETE, &upload)).await.error(404);
    // A project takes its uploads with it.
    let upload = begun(&server, &other, "a", 3).await;
    send(piece(&server, &upload, 0, b"ab")).await;
    server.delete(&other).await.expect(200);
    send(piece(&server, &upload, 2, b"c")).await.error(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_on_the_way_count_towards_the_quota() {
    // The project itself counts 512.
    let change = |c| EngineConfig { project_quota_bytes: Some(1512), max_open_uploads: 3, ..c };
    let server = Server::with_both(ServerConfig::default(), change).await;
    let project = server.project().await;
    send(begin(&server, &project, "a", 1001)).await.error(403);
    let first = begun(&server, &project, "a", 600).await;
    let second = begun(&server, &project, "b", 600).await;
    assert_eq!(send(piece(&server, &first, 0, &content(500))).await.status, 204);
    send(piece(&server, &second, 0, &content(600))).await.error(403);
    // What was refused counts no longer, and what has come of others still does.
    send(piece(&server, &second, 0, &content(501))).await.error(403);
    let kept = head(&server, &second).await.header("upload-offset").parse::<usize>().unwrap();
    assert_eq!(kept, 0);
    assert_eq!(send(piece(&server, &second, 0, &content(500))).await.status, 204);
    server.upload(&project, "c", &content(1)).await.error(403);
    send(tus(&server, Method::DELETE, &second)).await;
    server.upload(&project, "c", &content(400)).await.expect(201);
    assert_eq!(send(piece(&server, &first, 500, &content(100))).await.status, 204);
    assert_eq!(assets(&server, &project).await.len(), 2);

    let other = server.project().await;
    for n in 0..3 {
        begun(&server, &other, &format!("{n}"), 10).await;
    }
    let many = send(begin(&server, &other, "one more", 10)).await;
    assert!(many.error(429).contains("setting max_open_uploads"));
    assert!(!many.header("retry-after").is_empty());
    begun(&server, &project, "others are not kept waiting", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_nobody_goes_on_with_expires() {
    let change = |c| EngineConfig { upload_lifetime: Duration::ZERO, ..c };
    let server = Server::with_both(ServerConfig::default(), change).await;
    let project = server.project().await;
    let upload = begun(&server, &project, "a", 3).await;
    let expired = send(piece(&server, &upload, 0, b"abc")).await;
    assert!(expired.error(410).contains("setting upload_lifetime"));
    let answer = head(&server, &upload).await;
    assert_eq!((answer.status, answer.header("upload-offset")), (410, ""));
    assert_eq!(server.get(&format!("{project}/uploads")).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_beyond_the_limit_are_refused_before_they_come() {
    let change = |c| EngineConfig { max_upload_bytes: 1000, ..c };
    let server =
        Server::with_both(ServerConfig { max_upload_bytes: 1000, ..ServerConfig::default() }, change).await;
    let project = server.project().await;
    assert!(send(begin(&server, &project, "a", 1001)).await.error(413).contains("max_upload"));
    begun(&server, &project, "a", 1000).await;
}

/// The head of a piece and its first bytes; the connection stays open.
async fn half_a_piece(
    server: &Server,
    upload: &str,
    offset: usize,
    length: usize,
    start: &[u8],
) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nContent-Type: {PIECE}\r\n\
         Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(start).await.unwrap();
    stream
}

/// Asks until so much is there.
async fn reaches(server: &Server, upload: &str, offset: usize) {
    let asked = async { while head(server, upload).await.header("upload-offset") != offset.to_string() {} };
    tokio::time::timeout(PATIENCE, asked).await.expect("what came of a piece that was cut is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_cut_is_kept() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes = content(2_500_000);
    let upload = begun(&server, &project, "a", bytes.len()).await;
    let mut at = 0;
    for more in [10_000, 1_300_000, 1] {
        drop(half_a_piece(&server, &upload, at, bytes.len() - at, &bytes[at..at + more]).await);
        at += more;
        reaches(&server, &upload, at).await;
    }
    assert_eq!(send(piece(&server, &upload, at, &bytes[at..])).await.header("x-asset"), "1");
    assert_eq!(assets(&server, &project).await[0]["checksum"], checksum(&bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_piece_ends_one_that_hangs() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes = content(100_000);
    let upload = begun(&server, &project, "a", bytes.len()).await;
    let mut hangs = half_a_piece(&server, &upload, 0, bytes.len(), &bytes[..7000]).await;
    // The client has lost its way to us and comes anew: it is told where to go on, at the second try at the latest.
    let next = async {
        loop {
            let at: usize = head(&server, &upload).await.header("upload-offset").parse().unwrap();
            let answer = send(piece(&server, &upload, at, &bytes[at..])).await;
            match answer.status {
                204 => return answer.header("x-asset").to_owned(),
                status => assert_eq!(status, 409),
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, next).await.unwrap(), "1");
    let mut reply = Vec::new();
    hangs.read_to_end(&mut reply).await.ok();
    assert!(reply.is_empty() || reply.starts_with(b"HTTP/1.1 409"), "{}", String::from_utf8_lossy(&reply));
    assert_eq!(assets(&server, &project).await[0]["checksum"], checksum(&bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_at_once_never_mix() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes = content(400_000);
    let upload = begun(&server, &project, "a", bytes.len()).await;
    let senders = (0..8).map(|_| async {
        for at in (0..bytes.len()).step_by(100_000) {
            let answer = send(piece(&server, &upload, at, &bytes[at..at + 100_000])).await;
            assert!([204, 409, 413].contains(&answer.status), "{}", answer.status);
        }
    });
    futures::future::join_all(senders).await;
    let at: usize = head(&server, &upload).await.header("upload-offset").parse().unwrap();
    send(piece(&server, &upload, at, &bytes[at..])).await;
    let made = assets(&server, &project).await;
    assert_eq!((made.len(), &made[0]["checksum"]), (1, &json!(checksum(&bytes))));
}
