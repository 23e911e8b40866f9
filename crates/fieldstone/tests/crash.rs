//! Kills the server 200 times with SIGKILL during uploads and workflows; nothing that it acknowledged may be lost.
//!
//! `FIELDSTONE_CRASH_SEED` repeats a run's choices, `FIELDSTONE_CRASH_KILLS` changes the number of kills.

mod served;

use serde_json::{Value, json};
use served::{Api, Choices, Served, box_stl, check, checksum, token};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A job may be unlucky in many rounds; here only its loss is an error.
const SETTINGS: &[(&str, &str)] = &[("FIELDSTONE_MAX_ATTEMPTS", "100000"), ("FIELDSTONE_LOG", "warn")];
const WORKFLOW: &str = "
jobs:
  preprocess: {type: mesh/preprocess}
  compute-bvh: {type: mesh/compute-bvh, needs: [preprocess], assets: {mesh: preprocess}}
  sample-mesh:
    type: implicit/from-mesh
    needs: [preprocess, compute-bvh]
    assets: {mesh: preprocess, bvh: compute-bvh}
";

/// Counts what clients see happen, so that a kill comes at a chosen event.
#[derive(Default)]
struct Events {
    count: Mutex<u64>,
    more: Condvar,
}

impl Events {
    fn tick(&self) {
        *self.count.lock().unwrap() += 1;
        self.more.notify_all();
    }

    /// Waits for event number `n`; the bound is for rounds in which fewer happen.
    fn wait(&self, n: u64) {
        let all = self.count.lock().unwrap();
        let _ = self.more.wait_timeout_while(all, Duration::from_secs(3), |count| *count < n).unwrap();
    }
}

/// An upload's body; each piece that the client takes is an event.
struct Body {
    bytes: Vec<u8>,
    at: usize,
    events: Arc<Events>,
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = out.len().min(self.bytes.len() - self.at).min(64 << 10);
        out[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        self.events.tick();
        Ok(n)
    }
}

/// What the server acknowledged.
#[derive(Default)]
struct Promises {
    /// Asset id and checksum.
    uploads: Vec<(String, String)>,
    /// Names of the meshes among them.
    meshes: Vec<String>,
    /// Workflow id, mesh name, resolution.
    workflows: Vec<(String, String, u64)>,
}

struct Round<'a> {
    api: Api,
    project: &'a str,
    events: Arc<Events>,
    promises: &'a Mutex<Promises>,
    names: &'a AtomicU64,
    /// Uploads that a kill cut off.
    torn: &'a AtomicU64,
}

impl Round<'_> {
    /// Uploads until the server is gone: meshes and files of up to 2 MiB.
    fn upload(&self, mut choices: Choices) {
        loop {
            let number = self.names.fetch_add(1, Ordering::Relaxed);
            let is_mesh = choices.below(2) == 0;
            let (name, bytes) = if is_mesh {
                let side = |c: &mut Choices| 5.0 + c.below(100) as f32 * 0.25;
                let size = [side(&mut choices), side(&mut choices), side(&mut choices)];
                (format!("part{number}.stl"), box_stl(size, 1 + choices.below(24) as u32))
            } else {
                let size = choices.below(2 << 20) as usize;
                let word = choices.next();
                let bytes =
                    (0..size).map(|i| (word.rotate_left(i as u32) as usize ^ (i >> 3)) as u8).collect();
                (format!("file{number}.dat"), bytes)
            };
            let (expected, size) = (checksum(&bytes), bytes.len() as u64);
            let body = Body { bytes, at: 0, events: self.events.clone() };
            let (status, asset) = match self.api.upload(self.project, &name, body, size) {
                Ok(answer) => answer,
                Err(e) => {
                    self.torn.fetch_add(u64::from(!e.is_connect()), Ordering::Relaxed);
                    return;
                }
            };
            assert_eq!(status, 201, "{asset}");
            assert_eq!(asset["checksum"], expected, "{name}");
            let mut promises = self.promises.lock().unwrap();
            promises.uploads.push((asset["id"].as_str().unwrap().to_owned(), expected));
            if is_mesh {
                promises.meshes.push(name);
            }
            drop(promises);
            self.events.tick();
        }
    }

    /// Dispatches up to two workflows on acknowledged meshes and watches the second until the server is gone.
    fn dispatch(&self, mut choices: Choices) {
        let mut last = String::new();
        for _ in 0..1 + choices.below(2) {
            let mesh = {
                let promises = self.promises.lock().unwrap();
                let Some(count) = (promises.meshes.len() as u64).checked_sub(1) else { return };
                promises.meshes[choices.below(count + 1) as usize].clone()
            };
            let resolution = if choices.below(8) == 0 { 128 } else { 12 + choices.below(40) };
            let request = json!({
                "definition": WORKFLOW,
                "assets": { "preprocess.mesh": mesh },
                "parameters": { "sample-mesh.resolution": resolution.to_string() },
            });
            let path = format!("/projects/{}/workflows", self.project);
            let Ok((status, workflow)) = self.api.post(&path, &request) else { return };
            assert_eq!(status, 202, "{workflow}");
            last = workflow["id"].as_str().unwrap().to_owned();
            self.promises.lock().unwrap().workflows.push((last.clone(), mesh, resolution));
            self.events.tick();
        }
        let path = format!("/projects/{}/workflows/{last}/status", self.project);
        while self.api.get(&path).is_ok_and(|(status, _)| status == 202) {}
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    let seed = number("FIELDSTONE_CRASH_SEED").unwrap_or(20_261_123);
    let kills = number("FIELDSTONE_CRASH_KILLS").unwrap_or(200);
    println!("seed {seed}, {kills} kills");
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let mut server = Served::start(&data, SETTINGS);
    let project = Api::new(&server.url, &token).project("crash");
    let (promises, names, torn) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
    for round in 0..kills {
        let seed = Choices(seed.wrapping_add(round)).next();
        let api = Api::new(&server.url, &token);
        let events = Arc::<Events>::default();
        let round = Round { api, project: &project, events, promises: &promises, names: &names, torn: &torn };
        kill_in(&round, &mut server, seed);
        server = Served::start(&data, SETTINGS);
    }
    let promises = promises.into_inner().unwrap();
    let api = Api::new(&server.url, &token);
    let jobs = check_workflows(&api, &project, &promises);
    check_uploads(&api, &project, &promises);
    let blobs = check_disk(&data);
    // Beside the server, then alone; and once more when what killed uploads left has been swept.
    check(&data, "check");
    drop(server);
    check(&data, "check");
    check(&data, "gc");
    let report = check(&data, "check");
    assert!(report.contains("0 of them unnamed: 0 findings"), "{report}");
    let torn = torn.into_inner();
    println!(
        "{kills} kills, {torn} uploads cut off; kept: {} uploads, {} workflows ({jobs} jobs), {blobs} blobs checked in {:.0?}",
        promises.uploads.len(),
        promises.workflows.len(),
        start.elapsed()
    );
    let (uploads, workflows) = (promises.uploads.len() as u64, promises.workflows.len() as u64);
    assert!(uploads.min(workflows).min(torn) >= kills / 4, "too little was going on to mean anything");
}

/// One round: clients at work, then SIGKILL at a chosen event and up to 60 ms later.
fn kill_in(round: &Round, server: &mut Served, seed: u64) {
    let mut choices = Choices(seed);
    let (event, delay) = (1 + choices.below(60), Duration::from_micros(choices.below(60_000)));
    let seeds = [choices.next(), choices.next(), choices.next()];
    std::thread::scope(|scope| {
        scope.spawn(|| round.upload(Choices(seeds[0])));
        scope.spawn(|| round.upload(Choices(seeds[1])));
        scope.spawn(|| round.dispatch(Choices(seeds[2])));
        round.events.wait(event);
        std::thread::park_timeout(delay); // the fault's moment, not a wait for anything
        server.kill();
    });
}

/// Every acknowledged workflow succeeds, and equal inputs gave equal bytes. Returns the number of jobs.
fn check_workflows(api: &Api, project: &str, promises: &Promises) -> usize {
    let mut jobs = 0;
    let mut volumes: HashMap<(&str, u64), Value> = HashMap::new();
    for (id, mesh, resolution) in &promises.workflows {
        let (status, workflow) = api.finished(&format!("/projects/{project}/workflows/{id}/status"));
        let ids = workflow["jobs"].as_array().unwrap_or_else(|| panic!("workflow {id}: {status} {workflow}"));
        let job =
            |id: &Value| api.get(&format!("/projects/{project}/jobs/{}", id.as_str().unwrap())).unwrap().1;
        let all: Vec<Value> = ids.iter().map(job).collect();
        assert_eq!((status, &workflow["state"]), (201, &json!("success")), "workflow {id}: {all:#?}");
        assert!(all.iter().all(|j| j["state"] == "success"), "workflow {id}: {all:#?}");
        jobs += all.len();
        let volume = &all[2]["outputs"]["assets"]["volume"];
        let bytes = api.download(project, volume["id"].as_str().unwrap());
        assert_eq!(volume["checksum"], checksum(&bytes), "volume of workflow {id}");
        let first = volumes.entry((mesh, *resolution)).or_insert_with(|| volume["checksum"].clone());
        assert_eq!(*first, volume["checksum"], "workflow {id}: other bytes from the same inputs");
    }
    jobs
}

fn check_uploads(api: &Api, project: &str, promises: &Promises) {
    for (id, expected) in &promises.uploads {
        assert_eq!(checksum(&api.download(project, id)), *expected, "asset {id}");
    }
}

/// Every blob's content is what its name says, and nothing half-written is left. Returns the number of blobs.
fn check_disk(data: &Path) -> usize {
    for folder in ["tmp", "work"] {
        let rests = files(&data.join(folder));
        assert!(rests.is_empty(), "left in {folder}: {rests:?}");
    }
    // Beside them lies the note of which ledger names them.
    let note = data.join("blobs/ledger.mark");
    let blobs: Vec<PathBuf> = files(&data.join("blobs")).into_iter().filter(|f| *f != note).collect();
    for blob in &blobs {
        let digits: String =
            blob.strip_prefix(data.join("blobs")).unwrap().to_string_lossy().replace('/', "");
        let content = checksum(&std::fs::read(blob).unwrap());
        assert!(digits.ends_with(&content["sha256:".len()..]), "{} holds {content}", blob.display());
    }
    blobs.len()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
