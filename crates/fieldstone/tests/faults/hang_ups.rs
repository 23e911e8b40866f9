//! Clients that go away in the middle, and clients that stay and say nothing.

use crate::served::{Api, Choices, Served, check, token};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

const SEED: u64 = 20_261_124;
const MIB: usize = 1 << 20;

fn connect(server: &Served) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap()
}

/// Waits until the server ends the connection, for ten seconds at most; meanwhile `nag` is sent every now and then.
/// Returns what it said before.
fn until_closed(mut stream: TcpStream, nag: &[u8]) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    while Instant::now() < deadline {
        match stream.read(&mut chunk) {
            Ok(0) => return String::from_utf8(said).unwrap(),
            Ok(n) => said.extend_from_slice(&chunk[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A server that has closed its end refuses this; the next read tells.
                let _ = stream.write_all(nag);
            }
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return String::from_utf8(said).unwrap();
            }
            Err(e) => panic!("{e}"),
        }
    }
    panic!("the connection is still open; it said {:?}", String::from_utf8_lossy(&said));
}

#[test]
fn who_says_nothing_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let settings = [
        ("FIELDSTONE_HEADER_TIMEOUT", "1"),
        ("FIELDSTONE_BODY_TIMEOUT", "1"),
        ("FIELDSTONE_MAX_CONNECTIONS", "32"),
    ];
    let server = Served::start(&data, &settings);
    let api = Api::new(&server.url, &token);
    let project = api.project("patient");
    // Not a byte; a header that never ends; an answer, and then nothing more.
    assert_eq!(until_closed(connect(&server), b""), "");
    let mut slow = connect(&server);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: ").unwrap();
    assert_eq!(until_closed(slow, b"x"), "");
    let mut idle = connect(&server);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    assert!(until_closed(idle, b"").starts_with("HTTP/1.1 200"));
    // A body that stops.
    for (path, kind) in [
        ("/projects".to_owned(), "application/json"),
        (format!("/projects/{project}/assets"), "multipart/form-data; boundary=b"),
    ] {
        let mut stuck = connect(&server);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
             Content-Length: 1000\r\n\r\n--b\r\n"
        );
        stuck.write_all(head.as_bytes()).unwrap();
        let said = until_closed(stuck, b"");
        assert!(said.starts_with("HTTP/1.1 408") && said.contains("setting body_timeout"), "{path}: {said}");
    }
    // More of them than there are connections: others wait for a moment, and are served.
    let crowd: Vec<TcpStream> = (0..100).map(|_| connect(&server)).collect();
    assert_eq!(api.get(&format!("/projects/{project}")).unwrap().0, 200);
    drop(crowd);
}

#[test]
fn who_does_not_read_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let settings = [
        ("FIELDSTONE_BODY_TIMEOUT", "1"),
        ("FIELDSTONE_MAX_CONNECTIONS", "4"),
        // Here all come from one address.
        ("FIELDSTONE_MAX_CONNECTIONS_PER_ADDRESS", "100"),
    ];
    let server = Served::start(&data, &settings);
    let api = Api::new(&server.url, &token);
    let project = api.project("unread");
    // More than the kernel keeps for both ends of a connection.
    let kept = api.must_upload(&project, "large.bin", &vec![5; 48 * MIB]);
    let id = kept["id"].as_str().unwrap();
    let link = api.get(&format!("/projects/{project}/assets/{id}?download=true")).unwrap().1;
    let path = link["link"].as_str().unwrap().strip_prefix(server.url.as_str()).unwrap();
    // More of them than there are connections; each sees that it is served, and then takes no more.
    let ask = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
    let stuck: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = connect(&server);
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.write_all(ask.as_bytes()).unwrap();
            let mut head = [0; 12];
            stream.read_exact(&mut head).unwrap();
            assert_eq!(&head, b"HTTP/1.1 200");
            stream
        })
        .collect();
    assert_eq!(api.get(&format!("/projects/{project}")).unwrap().0, 200);
    drop(stuck);
    check(&data, "check");
}

#[test]
fn who_hangs_up_leaves_nothing() {
    let mut choices = Choices(SEED);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let server = Served::start(&data, &[]);
    let api = Api::new(&server.url, &token);
    let project = api.project("torn");
    let content: Vec<u8> = (0..8 * MIB).map(|i| (i ^ (i >> 9)) as u8).collect();

    for round in 0..30 {
        let mut stream = connect(&server);
        let length = content.len() + 200;
        let head = format!(
            "POST /projects/{project}/assets HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"torn{round}.bin\"\r\n\r\n"
        );
        let whole = [head.as_bytes(), &content[..]].concat();
        // In the middle of the head as well as of the body.
        let most = if round % 3 == 0 { head.len() as u64 } else { whole.len() as u64 };
        let _ = stream.write_all(&whole[..choices.below(most) as usize]);
        drop(stream);
    }
    let kept = api.must_upload(&project, "whole.bin", &content);
    let (_, assets) = api.get(&format!("/projects/{project}/assets")).unwrap();
    assert_eq!(assets.as_array().unwrap().len(), 1, "{assets}");
    empties(&data.join("tmp"));

    let id = kept["id"].as_str().unwrap();
    let link = api.get(&format!("/projects/{project}/assets/{id}?download=true")).unwrap().1;
    let path = link["link"].as_str().unwrap().strip_prefix(server.url.as_str()).unwrap();
    for _ in 0..30 {
        let mut stream = connect(&server);
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()).unwrap();
        let mut part = vec![0; choices.below(content.len() as u64) as usize];
        stream.read_exact(&mut part).unwrap();
        assert!(part.len() < 12 || part.starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(api.download(&project, id), content);
    check(&data, "check");
    let report = check(&data, "gc");
    assert!(report.contains("0 blobs (0 B) moved to quarantine, 0 (0 B) deleted"), "{report}");
    drop(server);
    check(&data, "check");
}

/// Waits until nothing is left in a folder.
fn empties(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_dir(folder).unwrap().next().is_some() {
        assert!(Instant::now() < deadline, "something stays in {}", folder.display());
        std::thread::yield_now();
    }
}
