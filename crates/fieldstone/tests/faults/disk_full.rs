//! A disk that is full, while files come up, while jobs write, while the ledger commits.
//!
//! The disk is a tmpfs of a few megabytes in a mount namespace of its own, where the test runs itself once more, unless
//! namespaces are forbidden (some containers). Then, everywhere: no file can be longer than a few megabytes, and the ledger
//! has room.

use crate::served::{Api, Served, box_stl, check, token};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Set where the test runs on the small disk: `folder` of a tmpfs, or `file` for short files.
const INSIDE: &str = "FIELDSTONE_TEST_SMALL_DISK";
const NAME: &str = "disk_full::a_full_disk_loses_nothing";
const MIB: usize = 1 << 20;
/// Of the disk.
const SIZE: usize = 24 * MIB;

#[test]
fn a_full_disk_loses_nothing() {
    match std::env::var(INSIDE) {
        Ok(kind) => inside(kind == "folder"),
        Err(_) => again_on_a_small_disk(),
    }
}

fn again_on_a_small_disk() {
    let test = std::env::current_exe().unwrap();
    let probe = "mount -t tmpfs -o size=1m probe /mnt";
    let namespaces: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let allowed = |flags: &&&[&str]| {
        let out = Command::new("unshare").args(**flags).args(["sh", "-c", probe]).output();
        out.is_ok_and(|out| out.status.success())
    };
    if let Some(flags) = namespaces.iter().find(allowed) {
        let mut command = Command::new("unshare");
        command.args(*flags).env(INSIDE, "folder");
        must_pass(command.arg(&test));
    }
    let mut command = Command::new("sh");
    // In blocks of 512 bytes. The signal that a longer file raises is ignored: writing fails instead.
    let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", SIZE / 512);
    must_pass(command.args(["-c", &limited, "sh"]).env(INSIDE, "file").arg(&test));
}

fn must_pass(test: &mut Command) {
    let out = test.args(["--exact", NAME, "--nocapture"]).output().expect("it can be started");
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
    print!("{text}");
}

/// Fills what is left of the disk.
fn fill(ballast: &Path) {
    let mut file = File::create(ballast).unwrap();
    for piece in [vec![1; MIB], vec![1; 4096], vec![1; 1]] {
        while file.write_all(&piece).is_ok() {}
    }
}

struct Bench {
    server: Served,
    api: Api,
    project: String,
}

impl Bench {
    /// The state and the error of a job once it has ended.
    fn ended(&self, job: &Value) -> (String, String) {
        let path = format!("/projects/{}/jobs/{}", self.project, job["id"].as_str().unwrap());
        self.api.finished(&format!("{path}/status"));
        let job = self.api.get(&path).unwrap().1;
        (job["state"].as_str().unwrap().to_owned(), job["error"].as_str().unwrap_or_default().to_owned())
    }

    /// Dispatches the sampling of the uploaded part.
    fn sample(&self, resolution: u32) -> (u16, Value) {
        let body = json!({
            "type": "implicit/from-mesh",
            "assets": {"mesh": "part.stl"},
            "parameters": {"resolution": resolution},
        });
        self.api.post(&format!("/projects/{}/jobs", self.project), &body).unwrap()
    }

    fn upload(&self, name: &str, size: usize) -> (u16, Value) {
        let body = std::io::repeat(7).take_of(size);
        self.api.upload(&self.project, name, body, size as u64).unwrap()
    }
}

trait TakeOf: std::io::Read + Sized {
    fn take_of(self, size: usize) -> std::io::Take<Self> {
        self.take(size as u64)
    }
}
impl<R: std::io::Read> TakeOf for R {}

fn inside(tmpfs: bool) {
    let folder = tempfile::tempdir().unwrap();
    if tmpfs {
        let mount = ["-t", "tmpfs", "-o", &format!("size={SIZE}"), "small"];
        assert!(Command::new("mount").args(mount).arg(folder.path()).status().unwrap().success());
    }
    let data = folder.path().join("data");
    let token = token(&data);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "warn"), ("FIELDSTONE_REUSE_RESULTS", "false")]);
    let api = Api::new(&server.url, &token);
    let project = api.project("small");
    let b = Bench { server, api, project };
    let part = box_stl([10.0, 20.0, 30.0], 8);
    let kept = b.api.must_upload(&b.project, "part.stl", &part);

    // An upload, and the output of a job, that do not fit.
    for _ in 0..3 {
        let (status, body) = b.upload("large.bin", 2 * SIZE);
        assert_eq!(status, 507, "{body}");
        assert!(body["msg"].as_str().unwrap().contains("is full"), "{body}");
    }
    let (status, job) = b.sample(512);
    assert_eq!(status, 202, "{job}");
    let (state, error) = b.ended(&job);
    assert_eq!(state, "failure");
    let cause = if tmpfs { "do not fit on the disk of the data folder" } else { "File too large" };
    assert!(error.contains(cause), "{error}");
    assert!(std::fs::read_dir(data.join("tmp")).unwrap().next().is_none(), "what was refused is gone");

    let mut projects = vec![b.project.clone()];
    if tmpfs {
        projects.extend(while_there_is_no_room(&b, &folder.path().join("ballast")));
    }

    // There is room again: everything works, without a restart.
    projects.push(b.api.project("afterwards"));
    let (status, job) = b.sample(16);
    assert_eq!((status, b.ended(&job).0.as_str()), (202, "success"));
    b.api.must_upload(&b.project, "more.bin", &vec![3; MIB]);
    for id in &projects {
        assert_eq!(b.api.get(&format!("/projects/{id}")).unwrap().0, 200, "project {id} was acknowledged");
    }
    assert_eq!(b.api.download(&b.project, kept["id"].as_str().unwrap()), part);
    check(&data, "check");
    drop(b.server);
    check(&data, "check");
}

/// Fills the disk under a running job, asks for what needs room until it is refused, then makes room again. Returns the
/// projects that were acknowledged meanwhile.
fn while_there_is_no_room(b: &Bench, ballast: &Path) -> Vec<String> {
    let (status, job) = b.sample(96);
    assert_eq!(status, 202, "{job}");
    fill(ballast);
    let mut made = Vec::new();
    let mut refused = 0;
    let path = format!("/projects/{}/jobs/{}", b.project, job["id"].as_str().unwrap());
    let mut named = Value::Null;
    while refused < 20 {
        let (status, body) = b.api.post("/projects", &json!({"name": "x".repeat(200)})).unwrap();
        match status {
            201 => made.push(body["id"].as_str().unwrap().to_owned()),
            507 => refused += 1,
            _ => panic!("{status} {body}\n{}", b.server.log()),
        }
        let (status, body) = b.api.patch(&path, &json!({"name": format!("{refused} refused")})).unwrap();
        match status {
            200 => named = body["name"].clone(),
            507 => {}
            _ => panic!("{status} {body}"),
        }
        // Reading needs no room.
        assert_eq!(b.api.get(&format!("/projects/{}/jobs", b.project)).unwrap().0, 200);
        let (status, body) = b.upload("tiny.bin", 100);
        assert!([201, 507].contains(&status), "{status} {body}");
    }
    std::fs::remove_file(ballast).unwrap();
    assert_eq!(b.api.get(&path).unwrap().1["name"], named, "its last name that was acknowledged");
    // The job has ended before or in time, or was caught out: as it wrote, as it was written down, or as it was to start.
    let (state, error) = b.ended(&job);
    let causes = ["No space left", "is full", "do not fit on the disk of the data folder"];
    assert!(state == "success" || causes.iter().any(|cause| error.contains(cause)), "{state} {error}");
    println!(
        "{} projects were made on the last pages, then {refused} refused; the job: {state} {error}",
        made.len()
    );
    made
}
