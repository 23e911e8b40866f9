//! The real server process for tests: started on a free port of loopback, spoken to over HTTP, killed.
#![allow(dead_code, reason = "each test binary uses its part")]

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_fieldstone");

/// A running `fieldstone serve`; killed when dropped.
pub struct Served {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Served {
    /// Starts the server on `data` with more settings from the environment and waits until it listens.
    pub fn start(data: &Path, settings: &[(&str, &str)]) -> Served {
        Served::start_at(data, "127.0.0.1:0", settings)
    }

    /// The same on this address.
    pub fn start_at(data: &Path, listen: &str, settings: &[(&str, &str)]) -> Served {
        Served::try_start_at(data, listen, settings).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same; what it says where it ends before it listens.
    #[allow(clippy::zombie_processes)] // the caller's: `Drop` waits
    pub fn try_start_at(data: &Path, listen: &str, settings: &[(&str, &str)]) -> Result<Served, String> {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", listen, "--data"]).arg(data);
        command.envs(settings.iter().copied()).current_dir(data.parent().expect("a folder in a folder"));
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the server starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let log = Arc::new(Mutex::new(Vec::new()));
        loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).expect("stderr is text");
            let seen = line.split_once("listening on ").map(|(_, url)| url.trim().to_owned());
            log.lock().unwrap().push(line);
            if let Some(url) = seen {
                let more = log.clone();
                std::thread::spawn(move || {
                    stderr.lines().map_while(Result::ok).for_each(|line| more.lock().unwrap().push(line));
                });
                return Ok(Served { child, url, log });
            }
            if read == 0 {
                let status = child.wait();
                let said = log.lock().unwrap().concat();
                return Err(format!("the server ended before it listened: {status:?}\n{said}"));
            }
        }
    }

    /// `kill -9`, and the end of the process.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL can be sent");
        self.child.wait().expect("a killed process ends");
    }

    /// Waits for its end; what it has said, and whether it ended in order.
    pub fn ended(&mut self) -> (String, bool) {
        let status = patiently("the server ends", || self.child.try_wait().expect("it is a child of ours"));
        (self.log(), status.success())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes that the server has held at most.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") << 10
    }

    /// What the server wrote on stderr, for messages.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new API key of the data folder.
pub fn token(data: &Path) -> String {
    command(data, &["keys", "create", "--name", "test"], &[]).trim().to_owned()
}

/// A new key for workers, in the file `worker.token` beside the data folder.
pub fn worker_key(data: &Path, settings: &[(&str, &str)]) -> PathBuf {
    let key = data.with_file_name("worker.token");
    let token = command(data, &["keys", "create", "--worker", "--name", "w"], settings);
    std::fs::write(&key, token).expect("a file beside the data folder");
    key
}

/// What a command of the data folder prints, which must succeed.
pub fn command(data: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--data").arg(data).envs(settings.iter().copied());
    let out = command.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&out.stderr);
    let printed = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{arguments:?}: {printed}{said}");
    printed.into_owned()
}

/// `fieldstone worker`; killed when dropped.
#[cfg(target_os = "linux")]
pub struct Worker(pub Child);

#[cfg(target_os = "linux")]
impl Worker {
    /// Starts one whose folder is beside its token.
    pub fn start(url: &str, token: &Path, arguments: &[&str]) -> Worker {
        let mut command = Command::new(BINARY);
        command.args(["worker", "--server", url, "--memory", "4GiB", "--threads", "1", "--token-file"]);
        command.arg(token).args(["--scratch".as_ref(), token.parent().unwrap().as_os_str()]).args(arguments);
        Worker(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        patiently("the worker ends", || self.0.try_wait().unwrap())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `sha256:` and the hex digits, as the API writes checksums.
pub fn checksum(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A status and a body that is JSON, or the reason why there is no answer.
pub type Answer = Result<(u16, Value), reqwest::Error>;

/// An HTTP client with a key.
#[derive(Clone)]
pub struct Api {
    client: Client,
    url: String,
    token: String,
}

impl Api {
    /// Speaks to `url` with `token`.
    pub fn new(url: &str, token: &str) -> Api {
        Api::within(url, token, Duration::from_secs(120))
    }

    /// The same; waits so long for an answer.
    pub fn within(url: &str, token: &str, most: Duration) -> Api {
        fieldstone_engine::choose_cryptography();
        let client = Client::builder().timeout(most).build().expect("a client");
        Api { client, url: url.to_owned(), token: token.to_owned() }
    }

    fn answer(response: reqwest::Result<Response>) -> Answer {
        let response = response?;
        let (status, url) = (response.status().as_u16(), response.url().clone());
        let text = response.text()?;
        let body =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{url} answers {status} {text:?}: {e}"));
        Ok((status, body))
    }

    /// GET of a path.
    pub fn get(&self, path: &str) -> Answer {
        Self::answer(self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token).send())
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        Self::answer(request.json(body).send())
    }

    /// DELETE of a path.
    pub fn delete(&self, path: &str) -> Answer {
        Self::answer(self.client.delete(format!("{}{path}", self.url)).bearer_auth(&self.token).send())
    }

    /// PATCH of JSON.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.client.patch(format!("{}{path}", self.url)).bearer_auth(&self.token);
        Self::answer(request.json(body).send())
    }

    /// POST of a body as it is.
    pub fn post_text(&self, path: &str, body: &str) -> Answer {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        Self::answer(request.header("Content-Type", "application/json").body(body.to_owned()).send())
    }

    /// Streams a file into the assets of a project.
    pub fn upload(&self, project: &str, name: &str, body: impl Read + Send + 'static, size: u64) -> Answer {
        let part = Part::reader_with_length(body, size).file_name(name.to_owned());
        let url = format!("{}/projects/{project}/assets", self.url);
        let request = self.client.post(url).bearer_auth(&self.token);
        Self::answer(request.multipart(Form::new().part("file", part)).send())
    }

    /// Uploads bytes; they must be accepted. Returns the asset.
    pub fn must_upload(&self, project: &str, name: &str, bytes: &[u8]) -> Value {
        let body = std::io::Cursor::new(bytes.to_vec());
        let (status, asset) = self.upload(project, name, body, bytes.len() as u64).expect("an answer");
        assert_eq!(status, 201, "{asset}");
        assert_eq!(asset["checksum"], checksum(bytes), "{name}");
        asset
    }

    /// Makes a project and returns its id.
    pub fn project(&self, name: &str) -> String {
        let (status, project) =
            self.post("/projects", &serde_json::json!({ "name": name })).expect("an answer");
        assert_eq!(status, 201, "{project}");
        project["id"].as_str().expect("ids are strings").to_owned()
    }

    /// The bytes of an asset, by way of its signed link.
    pub fn download(&self, project: &str, asset: &str) -> Vec<u8> {
        let path = format!("/projects/{project}/assets/{asset}?download=true");
        let (status, body) = self.get(&path).expect("an answer");
        assert_eq!(status, 200, "asset {asset}: {body}");
        let link = body["link"].as_str().expect("a link");
        let response = self.client.get(link).send().expect("an answer");
        assert_eq!(response.status(), 200, "{link}");
        response.bytes().expect("all of the bytes").to_vec()
    }

    /// Polls a status path until the work is over. The pause only spares the processor; the deadline is a bound.
    pub fn finished(&self, path: &str) -> (u16, Value) {
        let deadline = Instant::now() + Duration::from_secs(240);
        loop {
            let (status, body) = self.get(path).expect("an answer");
            if status != 202 {
                return (status, body);
            }
            assert!(Instant::now() < deadline, "{path} is still unfinished: {body}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// A binary STL of a box with `k`² squares per side, hence 12·k² triangles.
pub fn box_stl(size: [f32; 3], k: u32) -> Vec<u8> {
    let mut triangles: Vec<[[f32; 3]; 3]> = Vec::new();
    for axis in 0..3 {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        for side in [0.0, 1.0] {
            let at = |i: u32, j: u32| {
                let mut p = [0.0; 3];
                p[axis] = side * size[axis];
                p[u] = i as f32 / k as f32 * size[u];
                p[v] = j as f32 / k as f32 * size[v];
                p
            };
            for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
                let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
                triangles.extend(if side > 0.0 { [[a, b, c], [a, c, d]] } else { [[a, c, b], [a, d, c]] });
            }
        }
    }
    let mut stl = vec![0; 80];
    stl.extend((triangles.len() as u32).to_le_bytes());
    for triangle in &triangles {
        stl.extend([0; 12]);
        triangle.iter().flatten().for_each(|x| stl.extend(x.to_le_bytes()));
        stl.extend([0; 2]);
    }
    stl
}

/// Looks until there is something to see, for two minutes at most.
pub fn patiently<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// `fieldstone check`, or `gc`, which must find nothing wrong. Returns its summary.
pub fn check(data: &Path, command: &str) -> String {
    let output = Command::new(BINARY).args([command, "--data"]).arg(data).output();
    let output = output.expect("the binary runs");
    let (found, summary) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && found.is_empty(), "{command}: {found}{summary}");
    print!("{command}: {summary}");
    summary.into_owned()
}

/// Splitmix64 (Steele, Lea, Flood 2014): a seed means the same choices for ever.
pub struct Choices(pub u64);

impl Choices {
    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n` − 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}
