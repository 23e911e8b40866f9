//! A store that speaks as much of S3 as a bucket asks for, on loopback, for tests: one request at a time of it fails as they say, and all of
//! it goes away or to sleep, and comes back with what it has acknowledged.

use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io::Result;
use std::net::TcpListener as Listener;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Name of the bucket that it has.
pub(crate) const BUCKET: &str = "parts";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, with this code.
    Answer(u16, &'static str),
    /// The connection ends in the middle of the request.
    CutRequest,
    /// It is done, and the connection ends in the middle of the answer.
    CutAnswer,
}

/// Whether it is there at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It answers.
    There,
    /// Connections are taken, and nothing is answered.
    Asleep,
    /// Connections end, those that stand, too.
    Gone,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, BTreeMap<u32, Vec<u8>>>,
    requests: usize,
    /// Which requests fail, and how.
    fault: Option<(Range<usize>, Fault)>,
}

struct Object {
    bytes: Vec<u8>,
    written: Timestamp,
}

impl Object {
    fn new(bytes: Vec<u8>) -> Object {
        Object { bytes, written: Timestamp::now() }
    }
}

/// One that listens as long as its runtime.
#[derive(Clone)]
pub struct S3Peer {
    state: Arc<Mutex<State>>,
    presence: Arc<watch::Sender<Presence>>,
    endpoint: String,
}

struct Request {
    method: String,
    key: String,
    query: HashMap<String, String>,
    range: Option<(usize, usize)>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    dated(status, body, Timestamp::now())
}

/// With the moment at which its object was written.
fn dated(status: u16, body: impl Into<Vec<u8>>, written: Timestamp) -> Answer {
    // RFC 9110, 5.6.7.
    let written = written.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let headers = format!("ETag: \"e\"\r\nLast-Modified: {written}\r\n");
    Answer { status, headers, body: body.into() }
}

fn refusal(status: u16, code: &str) -> Answer {
    answer(status, format!("<Error><Code>{code}</Code><Message>as the test says</Message></Error>"))
}

impl S3Peer {
    /// Starts one in the runtime of the caller.
    pub fn start() -> S3Peer {
        let (peer, listener) = S3Peer::bound();
        tokio::spawn(peer.clone().listen(listener));
        peer
    }

    /// Starts one with a runtime of its own, for as long as this process.
    pub fn start_alone() -> S3Peer {
        let (peer, listener) = S3Peer::bound();
        let this = peer.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(this.listen(listener));
        });
        peer
    }

    fn bound() -> (S3Peer, Listener) {
        let listener = Listener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be made not to wait");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let presence = Arc::new(watch::Sender::new(Presence::There));
        (S3Peer { state: Arc::default(), presence, endpoint }, listener)
    }

    async fn listen(self, listener: Listener) {
        let listener = TcpListener::from_std(listener).expect("it listens");
        while let Ok((stream, _)) = listener.accept().await {
            let this = self.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = this.serve(stream) => {}
                    () = this.until(Presence::Gone) => {}
                }
            });
        }
    }

    /// Variables by which a server keeps its blobs here.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("FIELDSTONE_BLOBS", format!("s3://{BUCKET}/lab")),
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
        ]
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// It is there, asleep or gone from now on.
    pub fn be(&self, presence: Presence) {
        self.presence.send_replace(presence);
    }

    async fn until(&self, wanted: Presence) {
        let mut seen = self.presence.subscribe();
        while *seen.borrow_and_update() != wanted {
            if seen.changed().await.is_err() {
                return; // Nobody is left to change it.
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests fail like this, counted from now; how many there were before.
    pub fn fail(&self, which: Range<usize>, how: Fault) -> usize {
        let mut state = self.lock();
        state.fault = Some((which, how));
        std::mem::take(&mut state.requests)
    }

    /// Nothing fails any more; how many requests there were.
    pub fn heal(&self) -> usize {
        let mut state = self.lock();
        state.fault = None;
        std::mem::take(&mut state.requests)
    }

    /// Uploads that have neither been ended nor thrown away.
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    async fn serve(&self, mut stream: TcpStream) -> Result<()> {
        let (head, mut body) = read_head(&mut stream).await?;
        self.until(Presence::There).await;
        let fault = {
            let mut state = self.lock();
            let number = state.requests;
            state.requests += 1;
            state.fault.clone().filter(|(which, _)| which.contains(&number)).map(|(_, how)| how)
        };
        let length = header(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        if fault == Some(Fault::CutRequest) {
            body.resize(length / 2, 0);
            return Ok(());
        }
        let had = body.len();
        body.resize(length, 0);
        stream.read_exact(&mut body[had..]).await?;
        let is_head = head.starts_with("HEAD");
        let Answer { status, headers, body } = match fault {
            Some(Fault::Answer(status, code)) => refusal(status, code),
            _ => self.lock().answer(&parse(&head, body)),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut whole = head.into_bytes();
        self.until(Presence::There).await;
        if !is_head {
            whole.extend_from_slice(&body);
        }
        if fault == Some(Fault::CutAnswer) {
            whole.truncate(whole.len() * 2 / 3);
        }
        stream.write_all(&whole).await?;
        stream.shutdown().await
    }
}

async fn read_head(stream: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await?;
        read.extend_from_slice(&chunk[..n]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), body));
        }
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn parse(head: &str, body: Vec<u8>) -> Request {
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, target) = (word().to_owned(), word());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.replace("%2F", "/"))
    };
    let range = header(head, "range").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    });
    let key = path.trim_start_matches('/').trim_start_matches(BUCKET).trim_start_matches('/').to_owned();
    let query = query.split('&').filter(|part| !part.is_empty()).map(pair).collect();
    Request { method, key, query, range, body }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        let Request { method, key, query, range, body } = request;
        let upload = query.get("uploadId");
        match (method.as_str(), upload) {
            ("GET", _) if query.contains_key("list-type") => self.list(&query["prefix"]),
            ("PUT", None) => {
                self.objects.insert(key.clone(), Object::new(body.clone()));
                answer(200, "")
            }
            ("PUT", Some(id)) => {
                let Some(parts) = self.uploads.get_mut(id) else { return refusal(404, "NoSuchUpload") };
                let Ok(number) = query["partNumber"].parse() else { return refusal(400, "InvalidPart") };
                parts.insert(number, body.clone());
                answer(200, "")
            }
            ("POST", None) => {
                let id = format!("u{}", self.requests);
                self.uploads.insert(id.clone(), BTreeMap::new());
                answer(
                    200,
                    format!(
                        "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                    ),
                )
            }
            ("POST", Some(id)) => match self.uploads.remove(id) {
                Some(parts) => {
                    let bytes = parts.into_values().flatten().collect();
                    self.objects.insert(key.clone(), Object::new(bytes));
                    answer(
                        200,
                        "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
                    )
                }
                None => refusal(404, "NoSuchUpload"),
            },
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                answer(204, "")
            }
            ("DELETE", None) => {
                self.objects.remove(key);
                answer(204, "")
            }
            _ => self.get(key, *range),
        }
    }

    fn get(&self, key: &str, range: Option<(usize, usize)>) -> Answer {
        let Some(Object { bytes, written }) = self.objects.get(key) else { return refusal(404, "NoSuchKey") };
        let Some((from, to)) = range else { return dated(200, bytes.clone(), *written) };
        if from >= bytes.len() {
            return refusal(416, "InvalidRange");
        }
        let to = to.min(bytes.len() - 1);
        let mut part = dated(206, &bytes[from..=to], *written);
        part.headers.push_str(&format!("Content-Range: bytes {from}-{to}/{}\r\n", bytes.len()));
        part
    }

    fn list(&self, prefix: &str) -> Answer {
        let found = self.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let shown = found.map(|(key, Object { bytes, written })| {
            let size = bytes.len();
            format!(
                "<Contents><Key>{key}</Key><LastModified>{written}</LastModified><ETag>\"e\"</ETag>\
                 <Size>{size}</Size></Contents>"
            )
        });
        let shown: String = shown.collect();
        answer(200, format!("<ListBucketResult><IsTruncated>false</IsTruncated>{shown}</ListBucketResult>"))
    }
}
