//! A server per test, requests against it, and job types whose course a test decides.

use fieldstone_engine::keys::{self, Secret};
use fieldstone_engine::model::{CredentialKind, NewKey};
use fieldstone_engine::{Engine, EngineConfig, JobTypes};
use fieldstone_jobs::{
    JobContext, JobEntry, JobError, JobLimits, Kind, KnownInputs, Param, ParamError, Prepared, Product, Slot,
    Values, Work,
};
use fieldstone_server::ServerConfig;
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Server {
    pub address: SocketAddr,
    pub engine: Engine,
    pub token: String,
    pub data: TempDir,
    http: reqwest::Client,
    /// Dropped with the server, which stops it.
    _running: tokio::sync::oneshot::Sender<()>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The body of a reply that must have `status`.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Checks that this is an error body with `status` and returns its text.
    pub fn error(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(body["code"], status);
        assert!(!body["name"].as_str().unwrap().is_empty());
        assert_eq!(body["description"], body["msg"]);
        body["description"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let mut response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    if headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
        // It may have no end: its first event will do.
        let bytes = response.chunk().await.unwrap().unwrap_or_default().to_vec();
        return Answer { status, headers, bytes };
    }
    Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

impl Server {
    pub async fn start() -> Server {
        Server::with(ServerConfig::default()).await
    }

    pub async fn with(config: ServerConfig) -> Server {
        Server::with_both(config, |engine| engine).await
    }

    pub async fn with_both(config: ServerConfig, change: fn(EngineConfig) -> EngineConfig) -> Server {
        let data = tempfile::tempdir().unwrap();
        let engine_config = EngineConfig {
            data: data.path().to_owned(),
            threads: 1,
            max_workflow_jobs: 100,
            ..EngineConfig::default()
        };
        let engine = Engine::open_with_types(change(engine_config), *TYPES).await.unwrap();
        let token = engine.create_key(NewKey { name: "test".into(), ..NewKey::default() }).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (running, stopped) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async {
            stopped.await.ok();
        };
        tokio::spawn(fieldstone_server::serve(listener, engine.clone(), config, shutdown));
        fieldstone_engine::choose_cryptography();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Server { address, engine, token, data, http, _running: running }
    }

    /// A request without a key.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("http://{}{path}", self.address) };
        self.http.request(method, url)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// A key with other properties.
    pub async fn key(&self, scopes: &[&str], dialect: Option<&str>, user: Option<&str>) -> String {
        let new = NewKey {
            name: "other".into(),
            user: user.map(str::to_owned),
            scopes: scopes.iter().map(|s| (*s).to_owned()).collect(),
            dialect: dialect.map(str::to_owned),
            ..NewKey::default()
        };
        self.engine.create_key(new).await.unwrap()
    }

    /// Makes an OAuth client beside the running server.
    pub async fn client(&self, new: NewKey) -> Secret {
        keys::create(self.data.path(), CredentialKind::Client, new).await.unwrap()
    }

    /// Makes a project; returns its path.
    pub async fn project(&self) -> String {
        let made = self.post("/projects", json!({"name": "p"})).await.expect(201);
        format!("/projects/{}", made["id"].as_str().unwrap())
    }

    pub async fn upload(&self, project: &str, filename: &str, bytes: &[u8]) -> Answer {
        let part = Part::bytes(bytes.to_vec()).file_name(filename.to_owned());
        let form = Form::new().part("file", part);
        send(self.request(Method::POST, &format!("{project}/assets")).multipart(form)).await
    }

    /// Polls as clients do: until the status is not 202.
    pub async fn poll(&self, link: &str) -> Answer {
        self.poll_until(link, |answer| answer.status != 202).await
    }

    pub async fn poll_until(&self, path: &str, done: impl Fn(&Answer) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if done(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{path} takes too long");
        }
    }
}

/// Gates that are open; a `test/gate` job waits for its own.
static OPEN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
static OPENED: Condvar = Condvar::new();

/// Lets the `test/gate` job whose `mesh` is called `name` go on.
pub fn open_gate(name: &str) {
    OPEN.lock().unwrap().get_or_insert_default().insert(name.to_owned());
    OPENED.notify_all();
}

fn gate(_: &Values, context: &mut JobContext) -> Result<(), JobError> {
    let name = context.input("mesh")?.filename.clone();
    context.monitor().progress(0.5);
    let mut open = OPEN.lock().unwrap();
    while !is_open(&open, &name) {
        context.monitor().check()?;
        // Wakes now and then to see whether it was cancelled.
        open = OPENED.wait_timeout(open, Duration::from_millis(5)).unwrap().0;
    }
    copy(context)
}

fn is_open(open: &Option<HashSet<String>>, name: &str) -> bool {
    open.as_ref().is_some_and(|names| names.contains(name))
}

/// Documents of `test/slow` that are or were being read.
pub static SLOW_BEGUN: AtomicUsize = AtomicUsize::new(0);

/// A document that is not read before its gate is open.
struct Slow;

impl Slow {
    fn read(mut values: Values, _: &JobLimits) -> Result<Box<dyn Prepared>, ParamError> {
        let document = values.take_json("document").expect("the test gives it");
        SLOW_BEGUN.fetch_add(1, Ordering::Relaxed);
        let name = document["gate"].as_str().expect("the test names its gate");
        let shut = |open: &mut Option<HashSet<String>>| !is_open(open, name);
        let wait = OPENED.wait_timeout_while(OPEN.lock().unwrap(), Duration::from_secs(60), shut).unwrap();
        assert!(!wait.1.timed_out(), "nothing goes on while a document is read");
        Ok(Box::new(Slow))
    }
}

impl Prepared for Slow {
    fn check(&self, _: &KnownInputs) -> Result<(), ParamError> {
        Ok(())
    }

    fn memory_bytes(&self, _: &KnownInputs) -> u64 {
        1
    }

    fn run(&self, _: &mut JobContext) -> Result<(), JobError> {
        Ok(())
    }
}

fn fail(_: &Values, context: &mut JobContext) -> Result<(), JobError> {
    Err(JobError::Invalid(format!("cannot use {:?}", context.input("mesh")?.filename)))
}

fn copy_run(_: &Values, context: &mut JobContext) -> Result<(), JobError> {
    copy(context)
}

fn copy(context: &mut JobContext) -> Result<(), JobError> {
    let bytes = std::fs::read(&context.input("mesh")?.path)?;
    let mut out = context.output("mesh", "stl")?;
    out.write_all(&bytes)?;
    out.flush()?;
    context.set_param("size", bytes.len());
    context.set_param("patch", "{\"size\": [2.0, 2.0, 2.0]}\n");
    context.set_param("word", "Float");
    Ok(())
}

const MESH: Slot = Slot { name: "mesh", required: true, from_param: None, doc: "any file" };
const COPY: JobEntry = JobEntry {
    type_name: "test/copy",
    doc: "Copies its input.",
    inputs: &[MESH],
    products: &[Product { name: "mesh", extension: "stl", doc: "the same bytes" }],
    results: &["size", "patch", "word"],
    work: Work::plain(|_, _| 1, copy_run),
    ..JobEntry::DEFAULT
};
const OLD_COPY: JobEntry =
    JobEntry { type_name: "old_copy", inputs: &[Slot { from_param: Some("mesh_filename"), ..MESH }], ..COPY };
const FAIL: JobEntry = JobEntry { type_name: "test/fail", work: Work::plain(|_, _| 1, fail), ..COPY };
const GATE: JobEntry = JobEntry { type_name: "test/gate", work: Work::plain(|_, _| 1, gate), ..COPY };

const SLOW: JobEntry = JobEntry {
    type_name: "test/slow",
    doc: "Reads a document slowly.",
    params: &[Param { name: "document", kind: Kind::Json, default: None, doc: "{gate: its name}" }],
    work: Work::Document(Slow::read),
    ..JobEntry::DEFAULT
};

static TYPES: LazyLock<JobTypes> = LazyLock::new(|| {
    static OURS: [JobEntry; 5] = [COPY, OLD_COPY, FAIL, GATE, SLOW];
    Box::leak(fieldstone_jobs::JOB_TYPES.iter().copied().chain(&OURS).collect())
});

/// A closed tetrahedron with a right angle at the origin, legs of 10 mm, outward orientation.
pub fn tetrahedron_stl() -> Vec<u8> {
    let [o, x, y, z] = [[0., 0., 0.], [10., 0., 0.], [0., 10., 0.], [0., 0., 10.]];
    let faces: [[[f32; 3]; 3]; 4] = [[o, y, x], [o, x, z], [o, z, y], [x, y, z]];
    let mut stl = vec![b' '; 80];
    stl.extend(4u32.to_le_bytes());
    for face in faces {
        let numbers = [[0.; 3]].into_iter().chain(face).flatten();
        stl.extend(numbers.flat_map(f32::to_le_bytes));
        stl.extend([0, 0]);
    }
    stl
}
