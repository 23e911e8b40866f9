//! Every source of a non-2xx answers with the same body.

use crate::harness::{Server, send};
use fieldstone_server::ServerConfig;
use fieldstone_server::router::ROUTES;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_and_methods_that_do_not_exist() {
    let server = Server::start().await;
    for path in [
        "/nothing",
        "/index.html",
        "/app/",
        "/app/none.js",
        "/projects/",
        "/projects/1/jobs/1/state",
        "/files/ab",
        "//projects",
    ] {
        server.get(path).await.error(404);
        send(server.bare(Method::POST, path)).await.error(404);
    }
    for (_, path) in ROUTES.iter().filter(|(method, path)| *method == "get" && path.contains('{')) {
        let path = path.split('/').map(|part| if part.starts_with('{') { "%ff" } else { part });
        server.get(&path.collect::<Vec<_>>().join("/")).await.error(400);
    }
    let answer = send(server.request(Method::PUT, "/projects")).await;
    answer.error(405);
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    send(server.request(Method::POST, "/healthz")).await.error(405);
    send(server.request(Method::GET, "/projects/1/workflows/1/cancel")).await.error(405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_not_what_they_should_be() {
    let server = Server::with(ServerConfig { max_json_bytes: 1000, ..ServerConfig::default() }).await;
    let post = |body: &str| send(server.request(Method::POST, "/projects").body(body.to_owned()));
    for body in ["", "{", "[]", "null", "\"name\"", "{\"name\": \"a\"} x", "\u{feff}{}"] {
        let answer = post(body).await;
        answer.error(400);
        assert_eq!(answer.json().get("errors"), None, "nothing is known about fields");
    }
    // JSON is JSON, whatever the browser calls it.
    post("{\"name\": \"a\"}").await.expect(201);
    let deep = format!("{{\"name\": \"a\", \"project\": {}}}", "[".repeat(500));
    post(&deep).await.error(400);
    let text = post(&format!("{{\"name\": \"{}\"}}", "x".repeat(1000))).await.error(413);
    assert!(text.contains("1000"), "{text}");
    let pieces = (0..3).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b' '; 400])));
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    send(server.request(Method::POST, "/projects").body(stream)).await.error(413);

    let wrong = json!({"name": 1, "access": "secret", "type": "x", "source": true});
    let answer = server.post("/projects", wrong).await;
    answer.error(400);
    let fields: Vec<String> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["name", "access", "type", "source"]);
    server.post("/projects", json!({"name": ""})).await.error(400);
    server.post("/projects", json!({"name": "a", "source": "999"})).await.error(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_open_nothing() {
    let server = Server::start().await;
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer nobody", "bearer fst_a_b", "Bearer \u{e9}"] {
        let answer = send(server.bare(Method::GET, "/projects").header("Authorization", value)).await;
        answer.error(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{value}");
    }
    let token = server.token.clone();
    let answer =
        send(server.bare(Method::GET, "/projects").header("Authorization", format!("bEARER  {token}"))).await;
    answer.expect(200);
    let reader = server.key(&["jobs:read"], None, None).await;
    let ask = |method: Method, path: &str| send(server.bare(method, path).bearer_auth(&reader));
    let refused = ask(Method::GET, "/projects").await;
    refused.error(401);
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"projects:read\"";
    assert_eq!(refused.header("www-authenticate"), challenge);
    let project = server.project().await;
    ask(Method::GET, &format!("{project}/jobs")).await.expect(200);
    ask(Method::POST, &format!("{project}/jobs")).await.error(401);
    ask(Method::GET, "/user/license").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_none_cannot_be_linked_to() {
    let server = Server::start().await;
    let project = server.project().await;
    let body = "{\"definition\": \"jobs: {}\"}";
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "POST {project}/workflows HTTP/1.1\r\nHost: a b/c\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        server.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    assert_eq!(server.get(&format!("{project}/workflows")).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_coming_is_given_up() {
    let server = Server::with(ServerConfig { body_timeout_s: 0, ..ServerConfig::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "POST /projects HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{{",
        server.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 408"), "{reply}");
    assert!(reply.contains("\"code\":408"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_reaches_a_client_that_sends_everything_first() {
    let server = Server::with(ServerConfig { max_json_bytes: 1000, ..ServerConfig::default() }).await;
    let (nobody, assets) = ("nobody".to_owned(), format!("{}/assets", server.project().await));
    for (path, key, status) in [
        ("/projects", &server.token, 413),
        ("/projects", &nobody, 401),
        ("/nothing", &server.token, 404),
        (&assets, &server.token, 400),
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let body = vec![b' '; 20_000_000];
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap_or_else(|e| panic!("{path} {status}: {e}"));
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    }
    // Who waits for a go-ahead is told at once, without it.
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /projects HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Length: 2000\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
}
