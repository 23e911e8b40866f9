//! Requests made to fill the memory of the server: it answers, stays small and goes on.
#![cfg(target_os = "linux")]

mod served;

use serde_json::json;
use served::{Api, Served, token};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Bytes that an endless request sends at most.
const ENDLESS: usize = 400 << 20;
/// What the server may use at its peak: far less than that.
const MEMORY: u64 = 200 << 20;

struct Bench {
    api: Api,
    server: Served,
    key: String,
    project: String,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let key = token(&data);
        let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn")]);
        let api = Api::new(&server.url, &key);
        let project = api.project("hostile");
        Bench { api, server, key, project, _folder: folder }
    }

    /// Sends `start` and then `piece` over and over until the server has heard enough; returns what it says, and how many bytes
    /// it took.
    fn endless(&self, head: &str, start: &str, piece: &str) -> (String, usize) {
        let address = self.server.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        let request = format!("{head} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n{start}", self.key);
        stream.write_all(request.as_bytes()).unwrap();
        let piece = piece.repeat((1 << 20) / piece.len());
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        let mut sent = 0;
        while sent < ENDLESS && stream.write_all(chunk.as_bytes()).is_ok() {
            sent += piece.len();
        }
        let mut reply = Vec::new();
        match stream.read_to_end(&mut reply) {
            Ok(_) => {}
            Err(e) => assert_eq!(e.kind(), ErrorKind::ConnectionReset, "{e}"),
        }
        (String::from_utf8_lossy(&reply).into_owned(), sent)
    }

    fn stays_small(&self, what: &str) {
        let peak = self.server.peak_memory();
        assert!(peak < MEMORY, "{what}: {} MiB", peak >> 20);
        assert_eq!(self.api.get("/projects").unwrap().0, 200, "{what}");
    }
}

#[test]
fn endless_uploads_are_ended() {
    let bench = Bench::start();
    let head = format!("POST /projects/{}/assets", bench.project);
    let chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
    let form = format!("{chunked}Content-Type: multipart/form-data; boundary=X\r\n\r\n");
    let part = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n";
    let chunk = format!("{:x}\r\n{part}\r\n", part.len());
    for (what, start, piece) in [
        ("no first boundary", form.clone(), "x"),
        ("headers that never end", format!("{form}{chunk}"), "A: b\r\n"),
        ("a header that never ends", format!("{form}{chunk}"), "a"),
    ] {
        let (reply, sent) = bench.endless(&head, &start, piece);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{what}: {reply}");
        assert!(reply.is_empty() || reply.contains("before the content of a part"), "{what}: {reply}");
        assert!(sent > 0, "{what}");
        bench.stays_small(what);
    }
}

#[test]
fn endless_documents_are_ended() {
    let bench = Bench::start();
    let head = format!("POST /projects/{}/jobs", bench.project);
    let chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    for piece in ["[", "{\"a\":", " ", "\"", "[],"] {
        let (reply, _) = bench.endless(&head, chunked, piece);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 413"), "{piece}: {reply}");
        bench.stays_small(piece);
    }
}

#[test]
fn what_unfolds_is_refused_before_it_has() {
    let bench = Bench::start();
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..30 {
        let refs = vec![format!("*a{}", i - 1); 9].join(", ");
        laughs += &format!("a{i}: &a{i} [{refs}]\n");
    }
    let scalar = format!(
        "a: &a {}\njobs: {{j: {{type: x, parameters: {{p: [{}]}}}}}}\n",
        "x".repeat(1 << 20),
        "*a, ".repeat(9999)
    );
    let flat =
        |nodes: usize| format!("jobs: {{j: {{type: x, parameters: {{p: [{}]}}}}}}\n", "[],".repeat(nodes));
    for (what, definition, refusal) in [
        ("laughs", laughs + "jobs: *a29\n", 400),
        ("a long scalar", scalar, 400),
        ("many nodes", flat(700_000), 400),
        ("nodes beyond the memory of all bodies", flat(1_300_000), 413),
    ] {
        let path = format!("/projects/{}/workflows", bench.project);
        let (status, body) = bench.api.post(&path, &json!({ "definition": definition })).unwrap();
        assert_eq!(status, refusal, "{what}: {body}");
        bench.stays_small(what);
    }
}
