//! Uploads: names, sizes, broken bodies. Whatever is refused leaves nothing behind.

use crate::harness::{Answer, Server, send};
use fieldstone_server::ServerConfig;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A multipart body of parts given as (Content-Disposition attributes, content).
fn body(parts: &[(&str, &str)]) -> String {
    let part = |(attributes, content): &(&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; {attributes}\r\n\r\n{content}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--XX--\r\n"
}

async fn post(server: &Server, project: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = server.request(Method::POST, &format!("{project}/assets"));
    send(request.header("Content-Type", "multipart/form-data; boundary=XX").body(body)).await
}

/// Sends `head` and the start of a body, ends the sending side when `ending`, and returns all that comes back.
async fn half(server: &Server, project: &str, headers: &str, start: &[u8], ending: bool) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {project}/assets HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=XX\r\nConnection: close\r\n{headers}\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(start).await.unwrap();
    if ending {
        stream.shutdown().await.unwrap();
    }
    let mut reply = Vec::new();
    // The server may reset the connection once it has answered or given up.
    stream.read_to_end(&mut reply).await.ok();
    String::from_utf8_lossy(&reply).into_owned()
}

/// Files below `folder` that hold `needle`.
fn files_with(folder: &Path, needle: &[u8]) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files_with(&entry.path(), needle),
            false => {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                usize::from(bytes.windows(needle.len()).any(|w| w == needle))
            }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_arrive_as_their_sender_meant_them() {
    let server = Server::start().await;
    let project = server.project().await;
    for (sent, kept) in [
        ("part.stl", "part.stl"),
        ("größe 形.stl", "größe 形.stl"),
        ("a%22b.stl", "a\"b.stl"),
        ("100%2F.stl", "100%2F.stl"),
        ("blob", "blob"),
    ] {
        let content = body(&[(&format!("name=\"file\"; filename=\"{sent}\""), "x")]);
        assert_eq!(post(&server, &project, content).await.expect(201)["filename"], kept);
    }
    let empty = body(&[("name=\"file\"; filename=\"empty\"", "")]);
    assert_eq!(post(&server, &project, empty).await.expect(201)["size"], 0);
    let around = body(&[("name=\"a\"", "1"), ("name=\"file\"; filename=\"f\"", "xyz"), ("name=\"b\"", "2")]);
    assert_eq!(post(&server, &project, around).await.expect(201)["size"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_without_exactly_one_good_file_are_refused() {
    let server = Server::start().await;
    let project = server.project().await;
    let long = format!("name=\"file\"; filename=\"{}\"", "x".repeat(256));
    for parts in [
        vec![],
        vec![("name=\"data\"; filename=\"a\"", "x")],
        vec![("name=\"file\"", "x")],
        vec![("name=\"file\"; filename=\"\"", "x")],
        vec![("name=\"file\"; filename=\"../../x\"", "x")],
        vec![("name=\"file\"; filename=\"..\"", "x")],
        vec![("name=\"file\"; filename=\"/etc/passwd\"", "x")],
        vec![("name=\"file\"; filename=\"a\tb\"", "x")],
        vec![(long.as_str(), "x")],
        vec![("name=\"file\"; filename=\"a\"", "x"), ("name=\"file\"; filename=\"b\"", "y")],
    ] {
        let answer = post(&server, &project, body(&parts)).await;
        answer.error(400);
        assert_eq!(answer.json()["errors"][0]["field"], "file", "{parts:?}");
    }
    post(&server, &project, "no boundary anywhere").await.error(400);
    post(&server, &project, "").await.error(400);
    server.post(&format!("{project}/assets"), json!({})).await.error(400);
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_body_leaves_nothing() {
    let server = Server::start().await;
    let project = server.project().await;
    let needle = "a needle that no other file holds";
    // Larger than what the engine gathers in memory, so that part of it has reached the disk.
    let content = format!("{needle}{}", "x".repeat(3 << 20));
    let whole = body(&[("name=\"file\"; filename=\"half.stl\"", &content)]);
    let start = &whole.as_bytes()[..whole.len() - 9];
    let declared = format!("Content-Length: {}", whole.len());
    let reply = half(&server, &project, &declared, start, true).await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");
    // A body that claims to be complete without its closing boundary.
    let declared = format!("Content-Length: {}", start.len());
    let reply = half(&server, &project, &declared, start, false).await;
    assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    assert!(reply.contains("\"code\":400"), "{reply}");
    let reply = half(&server, &project, "Transfer-Encoding: chunked", b"5\r\nab", true).await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");

    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200), json!([]));
    // A thread may still be writing a piece of what was given up; then it removes the file.
    let gone = async {
        while files_with(server.data.path(), needle.as_bytes()) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.expect("half a body leaves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_413_before_or_while_it_comes() {
    let server = Server::with(ServerConfig { max_upload_bytes: 100_000, ..ServerConfig::default() }).await;
    let project = server.project().await;
    server.upload(&project, "fits", &vec![b'x'; 100_000]).await.expect(201);
    let text = server.upload(&project, "one more", &vec![b'x'; 100_001]).await.error(413);
    assert!(text.contains("100000"), "{text}");

    // Nothing but the head was sent, and yet the answer is there.
    let reply = half(&server, &project, "Content-Length: 1000000000000", b"", false).await;
    assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
    assert!(reply.contains("\"code\":413"));

    // Without a declared length it is noticed while it streams.
    let chunk = bytes::Bytes::from(vec![b'x'; 50_000]);
    let head = bytes::Bytes::from_static(
        b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n",
    );
    let pieces = [head, chunk.clone(), chunk.clone(), chunk].map(Ok::<_, std::io::Error>);
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    post(&server, &project, stream).await.error(413);
    // Parts without content count, too.
    let part = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(100);
    let pieces = (0..10_000).map(move |_| Ok::<_, std::io::Error>(bytes::Bytes::from(part.clone())));
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    post(&server, &project, stream).await.error(413);
    assert_eq!(server.get(&format!("{project}/assets")).await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_wait_for_the_body() {
    let server = Server::start().await;
    let reply = half(&server, "/projects/999", "Content-Length: 1000000", b"--XX", false).await;
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    let project = server.project().await;
    let form = Form::new().part("file", Part::bytes(b"x".to_vec()).file_name("f"));
    send(server.request(Method::PATCH, &format!("{project}/assets/9")).multipart(form)).await.error(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_comes_back_as_it_was() {
    let server = Server::start().await;
    let project = server.project().await;
    let bytes: Vec<u8> = (0..5_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let asset = server.upload(&project, "large.bin", &bytes).await.expect(201);
    assert_eq!(asset["size"], bytes.len());
    let path = format!("{project}/assets/{}?download=1", asset["id"].as_str().unwrap());
    let link = server.get(&path).await.expect(200)["link"].as_str().unwrap().to_owned();
    assert_eq!(send(server.bare(Method::GET, &link)).await.bytes, bytes);
}
