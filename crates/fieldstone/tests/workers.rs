//! Workers as processes of their own: what comes of a job is the same wherever it runs, and whoever is killed, stopped or told to go, nothing is
//! lost, counted twice or half there.
#![cfg(target_os = "linux")]

mod served;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use served::{Api, Choices, Served, Worker, box_stl, check, command, patiently, token, worker_key};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SEED: u64 = 20_261_127;

/// A server with a project and a key for workers.
struct Bench {
    folder: tempfile::TempDir,
    server: Served,
    api: Api,
    token: String,
    project: String,
    key: PathBuf,
}

impl Bench {
    fn new(local_slots: &str) -> Bench {
        Self::with(local_slots, "0")
    }

    /// The same, whose jobs are cut into pieces of so many samples.
    fn with(local_slots: &str, piece_samples: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let token = token(&data);
        let server = Self::serve(&data, local_slots, piece_samples, "127.0.0.1:0");
        let key = worker_key(&data, &[]);
        let api = Api::new(&server.url, &token);
        let project = api.project("p");
        api.must_upload(&project, "part.stl", &box_stl([10.0, 20.0, 30.0], 16));
        Bench { folder, server, api, token, project, key }
    }

    fn serve(data: &Path, local_slots: &str, piece_samples: &str, listen: &str) -> Served {
        let settings = [
            ("FIELDSTONE_PIECE_SAMPLES", piece_samples),
            ("FIELDSTONE_CONCURRENT_JOBS", local_slots),
            ("FIELDSTONE_REUSE_RESULTS", "false"),
            ("FIELDSTONE_MAX_ATTEMPTS", "20"),
            ("FIELDSTONE_LOG", "error"),
        ];
        Served::start_at(data, listen, &settings)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn worker(&self, arguments: &[&str]) -> Worker {
        Worker::start(&self.server.url, &self.key, arguments)
    }

    fn dispatch(&self, mesh: &str, resolution: u64) -> String {
        let parameters = json!({"mesh_filename": mesh, "max_resolution": resolution});
        let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
        let (status, job) = self.api.post(&format!("/projects/{}/jobs", self.project), &body).unwrap();
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    fn path(&self, job: &str) -> String {
        format!("/projects/{}/jobs/{job}", self.project)
    }

    fn job(&self, job: &str) -> Value {
        self.api.get(&self.path(job)).unwrap().1
    }

    fn finished(&self, job: &str) -> Value {
        self.api.finished(&format!("{}/status", self.path(job)));
        self.job(job)
    }

    fn log(&self, job: &str) -> String {
        self.api.get(&format!("{}/log", self.path(job))).unwrap().1.to_string()
    }

    fn slots(&self) -> Vec<Value> {
        self.api.get("/workers").unwrap().1.as_array().unwrap().clone()
    }

    fn busy(&self) -> usize {
        self.slots().iter().filter(|slot| slot["busy"] == true).count()
    }

    /// A job that runs at a worker for long.
    fn long(&self) -> String {
        let job = self.dispatch("part.stl", 700);
        patiently("a worker has the job", || (self.busy() > 0).then_some(()));
        job
    }

    /// Names of what workers have in their folders, in this one of them.
    fn in_workers(&self, inside: &str) -> Vec<PathBuf> {
        let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries(self.folder.path()).map(|entry| entry.path());
        let workers =
            folders.filter(|path| path.file_name().is_some_and(|n| n.as_encoded_bytes()[0] == b'.'));
        workers
            .flat_map(|path| entries(&path.join(inside)).map(|entry| entry.path()).collect::<Vec<_>>())
            .collect()
    }

    fn volume(&self, job: &Value) -> Vec<u8> {
        self.api.download(&self.project, job["outputs"]["assets"]["volume"]["id"].as_str().unwrap())
    }
}

#[test]
fn what_comes_of_a_job_is_the_same_at_a_worker() {
    let (here, there) = (Bench::new("1"), Bench::new("0"));
    for bench in [&here, &there] {
        bench.api.must_upload(&bench.project, "bad.stl", b"solid of nothing");
    }
    let waits = there.dispatch("part.stl", 64);
    assert_eq!(there.job(&waits)["state"], "pending", "a server without slots and workers runs nothing");
    let _worker = there.worker(&[]);
    let [local, remote] = [here.finished(&here.dispatch("part.stl", 64)), there.finished(&waits)];
    assert_eq!((&local["state"], &remote["state"]), (&json!("success"), &json!("success")), "{remote}");
    assert!(here.volume(&local) == there.volume(&remote));
    let [said, known] = [&remote, &local].map(|job| job["outputs"]["params"].to_string());
    assert!(said.contains("resolution"), "{said}");
    assert_eq!(said, known);
    assert!(there.log(&waits).contains("started at worker"), "{}", there.log(&waits));
    let [local, remote] = [&here, &there]
        .map(|bench| bench.finished(&bench.dispatch("bad.stl", 64)))
        .map(|j| j["error"].clone());
    assert!(local.is_string());
    assert_eq!(local, remote);

    // Cancelled: it ends within a second or so, and its slot is free.
    let job = there.long();
    let begun = Instant::now();
    assert_eq!(there.api.post(&format!("{}/cancel", there.path(&job)), &json!({})).unwrap().0, 200);
    patiently("the slot is idle", || (there.busy() == 0).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(there.job(&job)["state"], "canceled");
    assert_eq!(there.finished(&there.dispatch("part.stl", 32))["state"], "success");
    check(&there.data(), "check");
}

#[test]
fn a_worker_that_has_to_go_gives_back_what_it_runs() {
    let b = Bench::new("0");
    let mut worker = b.worker(&["--grace", "0"]);
    let job = b.long();
    worker.signal(Signal::TERM);
    assert!(worker.ended().success());
    patiently("it waits again", || (b.job(&job)["state"] == "pending").then_some(()));
    assert!(b.log(&job).contains("gives the attempt back"), "{}", b.log(&job));
    assert!(b.slots().is_empty());
    // With time it finishes what it has, and takes no more.
    let mut worker = b.worker(&["--grace", "100"]);
    // Lent is not begun: what is still on its way to a worker that goes comes back.
    patiently("a worker runs the job", || b.in_workers("work").pop());
    let next = b.dispatch("part.stl", 32);
    worker.signal(Signal::TERM);
    assert!(worker.ended().success());
    assert_eq!(b.finished(&job)["state"], "success");
    assert_eq!(b.job(&next)["state"], "pending");
    let mut worker = b.worker(&["--idle-exit", "5"]);
    assert!(worker.ended().success(), "it ends when there is nothing to do");
    assert_eq!(b.finished(&next)["state"], "success");
    let mut worker = b.worker(&["--time-left", "1", "--grace", "0"]);
    assert!(worker.ended().success(), "and before its time is over");
    let left: Vec<_> = std::fs::read_dir(b.folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "workers leave nothing behind: {left:?}");
}

/// Inputs that a worker has fetched serve the next one on its machine, unless they have changed meanwhile.
#[test]
fn what_a_worker_has_fetched_is_kept_for_the_next_and_checked() {
    let b = Bench::new("0");
    let cache = b.folder.path().join("cache");
    let inputs = || std::fs::read_dir(cache.join("fieldstone-inputs-0")).unwrap().map(|entry| entry.unwrap());
    let times = || inputs().map(|entry| entry.metadata().unwrap().modified().unwrap()).collect::<Vec<_>>();
    let run = |resolution| {
        let mut worker = b.worker(&["--cache", cache.to_str().unwrap()]);
        let done = b.finished(&b.dispatch("part.stl", resolution));
        assert_eq!(done["state"], "success", "{done}");
        worker.signal(Signal::TERM);
        assert!(worker.ended().success());
        done
    };
    let first = run(20);
    let fetched = times();
    assert_eq!(fetched.len(), 1);
    run(21);
    assert_eq!(times(), fetched, "it was not fetched again");
    for entry in inputs() {
        std::fs::write(entry.path(), "solid of nothing").unwrap();
    }
    let again = run(20);
    let part = box_stl([10.0, 20.0, 30.0], 16);
    assert!(inputs().all(|entry| std::fs::read(entry.path()).unwrap() == part), "it was fetched again");
    assert_eq!(b.volume(&again), b.volume(&first));
}

/// From the moment on at which a worker has made anything, a signal ends it in order.
#[test]
fn a_worker_that_is_told_to_go_at_once_leaves_nothing() {
    let b = Bench::new("0");
    for _ in 0..10 {
        let mut worker = b.worker(&[]);
        while b.in_workers("").is_empty() {
            assert!(worker.0.try_wait().unwrap().is_none(), "it ended by itself");
        }
        worker.signal(Signal::TERM);
        let ended = worker.ended();
        assert!(ended.success(), "{ended}");
        assert_eq!(b.in_workers(""), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_workers_key_opens_its_connection_and_nothing_else() {
    let b = Bench::new("0");
    let stranger = b.folder.path().join("key");
    std::fs::write(&stranger, b.token.replace("fst_", "fsw_")).unwrap();
    assert!(!Worker::start(&b.server.url, &stranger, &[]).ended().success(), "a user's key is no worker's");
    let worker_key = std::fs::read_to_string(&b.key).unwrap().trim().to_owned();
    for path in ["/projects", "/user/license", "/workers"] {
        assert_eq!(Api::new(&b.server.url, &worker_key).get(path).unwrap().0, 401, "{path}");
    }
    for (key, status) in [(&b.token, 401), (&worker_key, 400)] {
        assert_eq!(Api::new(&b.server.url, key).get("/worker").unwrap().0, status);
    }
    let sha = "ab".repeat(32);
    for query in ["", "?expires=99999999999", "?expires=99999999999&signature=00"] {
        assert_eq!(b.api.get(&format!("/worker/inputs/{sha}{query}")).unwrap().0, 403, "{query}");
    }
    let mut worker = b.worker(&[]);
    patiently("it is connected", || (b.slots().len() == 1).then_some(()));
    let id = &worker_key[4..12];
    command(&b.data(), &["keys", "revoke", "--worker", id], &[]);
    assert!(!worker.ended().success(), "a key that is revoked ends its connections");
    assert!(b.slots().is_empty());
    let audit = std::fs::read_to_string(b.data().join("audit.jsonl")).unwrap();
    for what in ["worker.connect", "worker.disconnect", "worker_key.create", "worker_key.revoke"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
}

/// Silent for longer than a connection lives: the attempt is another's, and what the first one brings later counts for nothing.
#[test]
fn a_worker_that_sleeps_is_taken_for_dead_and_may_come_again() {
    let b = Bench::new("0");
    let sleeper = b.worker(&["--name", "sleeper"]);
    let job = b.long();
    sleeper.signal(Signal::STOP);
    let _other = b.worker(&["--name", "other"]);
    let done = b.finished(&job);
    sleeper.signal(Signal::CONT);
    assert_eq!(done["state"], "success", "{done}");
    assert!(b.log(&job).contains("other"), "{}", b.log(&job));
    let is_back = || b.slots().iter().any(|slot| slot["worker"] == "sleeper").then_some(());
    patiently("it connects again", is_back);
    b.volume(&b.job(&job));
    check(&b.data(), "check");
}

#[test]
fn whoever_is_killed_every_job_ends_once() {
    let mut choices = Choices(SEED);
    let mut b = Bench::new("1");
    let listen = b.server.url.strip_prefix("http://").unwrap().to_owned();
    let mut workers = [b.worker(&["--slots", "2"]), b.worker(&[])];
    let mut jobs = Vec::new();
    for round in 0..12 {
        jobs.extend((0..4).map(|n| b.dispatch("part.stl", 48 + 16 * (n + round) % 80)));
        let moment = Duration::from_millis(choices.below(400));
        std::thread::park_timeout(moment);
        match choices.below(3) {
            0 => {
                b.server.kill();
                b.server = Bench::serve(&b.data(), "1", "0", &listen);
            }
            n => {
                let one = &mut workers[n as usize - 1];
                one.signal(Signal::KILL);
                *one = b.worker(&["--slots", "2"]);
            }
        }
    }
    for job in &jobs {
        let done = b.finished(job);
        assert_eq!(done["state"], "success", "{done}");
        b.volume(&done);
    }
    let (_, assets) = b.api.get(&format!("/projects/{}/assets", b.project)).unwrap();
    assert_eq!(assets.as_array().unwrap().len(), jobs.len() + 1, "an output for each job, and no other");
    drop(workers);
    check(&b.data(), "check");
}

/// The other way round: nobody waits for an attempt of a server that sleeps, and once it wakes up the job is run again.
#[test]
fn a_server_that_sleeps_runs_what_its_workers_left() {
    let b = Bench::new("0");
    let _worker = b.worker(&[]);
    let job = b.long();
    let server = Pid::from_raw(b.server.pid() as i32).unwrap();
    kill_process(server, Signal::STOP).unwrap();
    // Longer than a connection lives without a word.
    std::thread::park_timeout(Duration::from_secs(25));
    kill_process(server, Signal::CONT).unwrap();
    let done = b.finished(&job);
    assert_eq!(done["state"], "success", "{done}");
    b.volume(&done);
    assert!(b.log(&job).contains("attempt 2 started at worker"), "{}", b.log(&job));
    check(&b.data(), "check");
}

/// The surface of a lattice of so many samples along z.
fn lattice(bench: &Bench, planes: u32) -> String {
    let graph = json!({
        "operators": [
            {"type": "GenerateSamplePoints", "parameters": {"size": [2, 2, 4], "resolution": [70, 70, planes]}},
            {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [0.5, 0.5, 0.5]}}],
        "edges": [{"source": 0, "target": [1, "Points"]}]});
    let body = json!({"type": "export_triangle_mesh", "parameters": {"graph": graph}});
    let (status, job) = bench.api.post(&format!("/projects/{}/jobs", bench.project), &body).unwrap();
    assert_eq!(status, 202, "{job}");
    job["id"].as_str().unwrap().to_owned()
}

#[test]
fn pieces_of_a_job_come_together_at_a_worker_whichever_is_killed() {
    let (whole, cut) = (Bench::new("1"), Bench::with("0", "50000"));
    let mesh = |bench: &Bench, job: &str| {
        let job = bench.finished(job);
        assert_eq!(job["state"], "success", "{job}");
        let asset = job["outputs"]["assets"]["mesh"]["id"].as_str().unwrap();
        let mesh = bench.api.download(&bench.project, asset);
        (mesh, job["outputs"]["params"].clone())
    };
    let mut choices = Choices(SEED);
    let mut workers: Vec<Worker> = (0..2).map(|_| cut.worker(&[])).collect();
    for planes in [130, 131, 132] {
        let job = lattice(&cut, planes);
        patiently("pieces run", || (cut.busy() == 2).then_some(()));
        let killed = choices.below(2) as usize;
        workers[killed].signal(Signal::KILL);
        workers[killed] = cut.worker(&[]);
        assert!(mesh(&cut, &job) == mesh(&whole, &lattice(&whole, planes)), "{planes} planes");
        let log = cut.log(&job);
        assert!(log.contains("cut into 17 pieces") && log.contains("are joined at worker"), "{log}");
    }
}
