//! What the tests share: the binary, the bracket, a server that ends with its test.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The binary, in `folder`, with no setting from outside.
pub fn fieldstone(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldstone"));
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("FIELDSTONE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub fn call(folder: &Path, args: &[&str]) -> Output {
    fieldstone(folder, args).output().unwrap()
}

/// Runs the binary, which must fail with `code`; its stderr.
pub fn refusal(folder: &Path, args: &[&str], code: i32) -> String {
    let output = call(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    stderr
}

pub fn bracket() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/parts/bracket.stl").canonicalize().unwrap()
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn checksum(path: &Path) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", hex::encode(Sha256::digest(std::fs::read(path).unwrap())))
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A running `fieldstone serve`, killed when dropped.
pub struct Server {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    pub url: String,
    /// What it wrote to stderr before it served.
    pub seen: String,
    /// The admin key, when the data folder was new.
    pub token: Option<String>,
}

impl Server {
    /// Starts `command` and waits for the line with the address.
    pub fn start(mut command: Command) -> Server {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut server = Server { child, stderr, url: String::new(), seen: String::new(), token: None };
        while server.url.is_empty() {
            let mut line = String::new();
            let length = server.stderr.read_line(&mut line).unwrap();
            server.seen.push_str(&line);
            assert!(length > 0, "the server ended: {}", server.seen);
            // A pipe may be a log: the key goes to a file.
            if let Some((path, _)) =
                line.trim().strip_prefix("admin key: in ").and_then(|l| l.split_once(", "))
            {
                let path = command.get_current_dir().unwrap_or(Path::new(".")).join(path);
                server.token = Some(std::fs::read_to_string(path).unwrap().trim().to_owned());
            }
            server.url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        }
        server
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, then the exit code and what else was written to stderr.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::new();
        while self.stderr.read_line(&mut rest).unwrap() > 0 {}
        (self.child.wait().unwrap().code(), rest)
    }

    /// `GET path` with `token`: status and body.
    pub fn get(&self, path: &str, token: &str) -> (u16, Value) {
        fieldstone_engine::choose_cryptography();
        let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let reply = client.get(format!("{}{path}", self.url)).bearer_auth(token).send().unwrap();
        (reply.status().as_u16(), reply.json().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended when terminated.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
