//! Connections when there are too many of them: who says nothing makes room, who is at work stays, and no address takes all.

use crate::harness::{Server, send};
use fieldstone_server::{Listeners, ServerConfig, Tls};
use reqwest::Method;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const MOST: usize = 12;
const SHARE: usize = 6;
/// Far less than the minute after which what is idle is closed anyway.
const SOON: Duration = Duration::from_secs(20);

fn few() -> ServerConfig {
    ServerConfig {
        max_connections: MOST,
        max_connections_per_address: Some(SHARE),
        ..ServerConfig::default()
    }
}

/// An address of this machine, other than the usual one.
fn neighbour(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Opens more connections than there are slots, from several addresses, and sends each of them `words`.
async fn crowd(to: SocketAddr, words: &str) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for n in 0..3 * MOST {
        let mut stream = connect(neighbour(10 + (n % 3) as u8), to).await;
        // Those that came first may have been closed by now.
        stream.write_all(words.as_bytes()).await.ok();
        all.push(stream);
    }
    all
}

/// What is answered to `GET path` over a connection from there; empty when it is closed without an answer.
async fn ask(from: IpAddr, server: &Server, path: &str) -> String {
    let mut stream = connect(from, server.address).await;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.ok();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.ok();
    String::from_utf8(reply).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_keeps_the_server_waiting_makes_room() {
    let server = Server::with(few()).await;
    let project = server.project().await;
    let auth = format!("Host: h\r\nAuthorization: Bearer {}\r\n", server.token);
    let form = "Content-Type: multipart/form-data; boundary=X\r\n";
    for (what, words) in [
        ("silence", String::new()),
        ("half a head", format!("GET /projects HTTP/1.1\r\n{auth}")),
        ("an answered request", "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n".into()),
        ("half a document", format!("POST /projects HTTP/1.1\r\n{auth}Content-Length: 99\r\n\r\n{{")),
        ("half a form", "POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n{".into()),
        (
            "half a file",
            format!("POST {project}/assets HTTP/1.1\r\n{auth}{form}Content-Length: 999\r\n\r\n--X\r\n"),
        ),
    ] {
        let crowd = crowd(server.address, &words).await;
        let begun = Instant::now();
        for from in [neighbour(1), neighbour(10)] {
            let reply = ask(from, &server, "/healthz").await;
            assert!(reply.starts_with("HTTP/1.1 200"), "{what}: {reply:?}");
        }
        assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
        let page = ask(neighbour(1), &server, "/metrics").await;
        let open = page.lines().find_map(|line| line.strip_prefix("fieldstone_connections "));
        assert!(open.unwrap().parse::<usize>().unwrap() <= MOST, "{what}: {open:?} connections");
        drop(crowd);
    }
    assert!(!ask(neighbour(1), &server, "/metrics").await.contains("closed_total{why=\"idle\"} 0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_of_an_answer_makes_room() {
    let server = Server::with(few()).await;
    let project = server.project().await;
    let asset = server.upload(&project, "big.bin", &vec![7; 32 << 20]).await.expect(201);
    let path = format!("{project}/assets/{}?download=1", asset["id"].as_str().unwrap());
    let link = server.get(&path).await.expect(200)["link"].as_str().unwrap().to_owned();
    let target = link.split_once(&server.address.to_string()).unwrap().1;
    let crowd = crowd(server.address, &format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
    let begun = Instant::now();
    assert!(ask(neighbour(1), &server, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    drop(crowd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_whose_connections_are_all_at_work_has_no_more() {
    let server = Server::with(few()).await;
    let project = server.project().await;
    // The engine does not run: the job waits, and whoever watches it is told nothing more.
    let job = server.post(&format!("{project}/jobs"), json!({"type": "no/such"})).await.expect(202);
    let events = format!("{project}/jobs/{}/events", job["id"].as_str().unwrap());
    let mut streams = Vec::new();
    for _ in 0..SHARE {
        let mut stream = connect(neighbour(20), server.address).await;
        let auth = &server.token;
        let head = format!("GET {events} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {auth}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut begun = [0; 15];
        stream.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200 OK");
        streams.push(stream);
    }
    assert_eq!(ask(neighbour(20), &server, "/healthz").await, "");
    assert!(ask(neighbour(21), &server, "/healthz").await.starts_with("HTTP/1.1 200"));
    let page = ask(neighbour(21), &server, "/metrics").await;
    assert!(page.contains("fieldstone_connections_closed_total{why=\"address\"} 1\n"), "{page}");
    streams.pop();
    // The server learns of it in its own time.
    let begun = Instant::now();
    while ask(neighbour(20), &server, "/healthz").await.is_empty() {
        assert!(begun.elapsed() < SOON, "its slot stays taken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_nobody_goes_on_with_hold_nobody_up() {
    let server = Server::start().await;
    let (tls, ca) = Tls::self_signed(&server.data.path().join("tls"), &["localhost".to_owned()]).unwrap();
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (plain, secure) = (bind().await, bind().await);
    let (plain_address, address) = (plain.local_addr().unwrap(), secure.local_addr().unwrap());
    let config = ServerConfig { handshake_timeout_s: 1, ..few() };
    let listeners = Listeners { plain, tls: Some((secure, tls)) };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async { stopped.await.unwrap_or(()) };
    let serving = fieldstone_server::serve(listeners, server.engine.clone(), config, shutdown);
    let serving = tokio::spawn(serving);
    let crowd = crowd(address, "").await;
    let trusting = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([trusting]).build().unwrap();
    let begun = Instant::now();
    let url = format!("https://localhost:{}/healthz", address.port());
    assert_eq!(send(http.request(Method::GET, &url)).await.status, 200);
    let plain = send(server.bare(Method::GET, &format!("http://{plain_address}/healthz"))).await;
    assert_eq!(plain.status, 200);
    // Who does not shake hands is sent away, in need of room or not.
    for mut silent in crowd {
        let mut nothing = Vec::new();
        silent.read_to_end(&mut nothing).await.ok();
        assert!(nothing.is_empty());
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let _undecided = connect(neighbour(30), address).await;
    drop(http);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(begun.elapsed() < SOON, "a handshake does not keep the server from stopping");
}
