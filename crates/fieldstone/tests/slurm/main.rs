//! A real Slurm on this machine: workers come when there is work, do it, and leave; whatever happens to them, jobs end.
#![cfg(target_os = "linux")]

mod cluster;
#[path = "../served/mod.rs"]
mod served;

use cluster::{Cluster, free_port};
use serde_json::{Value, json};
use served::{Api, Served, box_stl, check, patiently, token, worker_key};
use std::path::PathBuf;

const BINARY: &str = env!("CARGO_BIN_EXE_fieldstone");

/// What only the server may know.
const SECRET: &str = "s3cret-of-the-server";

/// A server without slots of its own, and a Slurm.
struct Bench {
    cluster: Cluster,
    server: Served,
    api: Api,
    project: String,
    data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Option<Bench> {
        let cluster = Cluster::start()?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let token = token(&data);
        let key = worker_key(&data, &[]);
        let listen = format!("127.0.0.1:{}", free_port());
        let (url, configuration) = (format!("http://{listen}"), cluster.configuration());
        let cache = folder.path().join("cache");
        let settings = [
            ("SLURM_CONF", configuration.to_str().unwrap()),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("PGPASSWORD", SECRET),
            ("FIELDSTONE_WORKER_CACHE", cache.to_str().unwrap()),
            ("FIELDSTONE_CONCURRENT_JOBS", "0"),
            ("FIELDSTONE_REUSE_RESULTS", "false"),
            ("FIELDSTONE_LOG", "info"),
            ("FIELDSTONE_SLURM_WORKERS", "3"),
            ("FIELDSTONE_SLURM_CORES", "1"),
            ("FIELDSTONE_SLURM_MEMORY", "1GiB"),
            ("FIELDSTONE_SLURM_IDLE_EXIT", "3"),
            ("FIELDSTONE_SLURM_INTERVAL", "1"),
            ("FIELDSTONE_SLURM_SERVER", &url),
            ("FIELDSTONE_SLURM_PROGRAM", BINARY),
            ("FIELDSTONE_SLURM_TOKEN_FILE", key.to_str().unwrap()),
        ];
        let server = Served::start_at(&data, &listen, &settings);
        let api = Api::new(&server.url, &token);
        let project = api.project("p");
        api.must_upload(&project, "part.stl", &box_stl([10.0, 20.0, 30.0], 16));
        Some(Bench { cluster, server, api, project, data, _folder: folder })
    }

    fn dispatch(&self, resolution: u64) -> String {
        let parameters = json!({"mesh_filename": "part.stl", "max_resolution": resolution});
        let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
        let (status, job) = self.api.post(&format!("/projects/{}/jobs", self.project), &body).unwrap();
        assert_eq!(status, 202, "{job}");
        format!("/projects/{}/jobs/{}", self.project, job["id"].as_str().unwrap())
    }

    fn succeeds(&self, job: &str) {
        let (status, ended) = self.api.finished(&format!("{job}/status"));
        assert_eq!((status, &ended["state"]), (201, &json!("success")), "{ended}\n{}", self.server.log());
    }

    fn pilots(&self) -> Vec<Value> {
        self.api.get("/pilots").unwrap().1.as_array().unwrap().clone()
    }

    fn wait_until_no_pilot(&self) {
        patiently("pilots are left", || self.pilots().is_empty().then_some(()));
    }

    fn metric(&self, name: &str) -> f64 {
        let page = reqwest::blocking::get(format!("{}/metrics", self.server.url)).unwrap().text().unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
    }
}

#[test]
fn workers_come_when_there_is_work_and_whatever_happens_jobs_end() {
    let Some(mut b) = Bench::new() else {
        return eprintln!(
            "left out: no Slurm is installed (Debian: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge)"
        );
    };
    assert!(b.pilots().is_empty());
    they_work_and_leave(&b);
    one_without_a_machine_is_taken_back(&b);
    one_that_is_cancelled_costs_an_attempt(&b);
    a_controller_that_dies_is_waited_for(&mut b);
    check(&b.data, "check");
}

/// Never more than the node has room for, and none once nothing is left to do.
fn they_work_and_leave(b: &Bench) {
    let jobs: Vec<String> = (0..6).map(|i| b.dispatch(60 + i)).collect();
    jobs.iter().for_each(|job| b.succeeds(job));
    let log = b.api.get(&format!("{}/log", jobs[0])).unwrap().1.to_string();
    assert!(log.contains("started at worker \\\"fieldstone-"), "{log}");
    let there = b.pilots();
    assert!(!there.is_empty() && there.len() <= 3, "{there:?}");
    b.wait_until_no_pilot();
    b.cluster.wait_until_idle();
    assert!(b.metric("fieldstone_pilot_core_seconds_total") >= 1.0);
}

fn one_without_a_machine_is_taken_back(b: &Bench) {
    b.cluster.drain(true);
    let job = b.dispatch(80);
    let waits = patiently("no pilot waits", || b.pilots().into_iter().find(|p| !p["reason"].is_null()));
    assert_eq!(waits["state"], "waiting");
    let (status, _) = b.api.post(&format!("{job}/cancel"), &json!({})).unwrap();
    assert!(status < 300, "{status}");
    b.wait_until_no_pilot();
    assert_eq!(b.cluster.command("squeue", &["-h"]), "");
    b.cluster.drain(false);
    b.succeeds(&b.dispatch(81));
}

fn one_that_is_cancelled_costs_an_attempt(b: &Bench) {
    let job = b.dispatch(400);
    patiently("it never starts", || (b.api.get(&job).unwrap().1["state"] == "started").then_some(()));
    knows_no_secret(b);
    b.cluster.command("scancel", &["--me"]);
    b.succeeds(&job);
    b.wait_until_no_pilot();
}

/// A pilot has the variables that are for it, and none that opens the database or the bucket.
fn knows_no_secret(b: &Bench) {
    let server = format!("--server={}", b.server.url);
    let read = |entry: &std::fs::DirEntry, what| std::fs::read(entry.path().join(what)).unwrap_or_default();
    let has = |bytes: Vec<u8>, text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let processes: Vec<_> = std::fs::read_dir("/proc").unwrap().flatten().collect();
    let pilots: Vec<_> = processes.iter().filter(|one| has(read(one, "cmdline"), &server)).collect();
    assert!(!pilots.is_empty());
    for pilot in pilots {
        let variables = read(pilot, "environ");
        assert!(has(variables.clone(), "FIELDSTONE_WORKER_CACHE="));
        assert!(!has(variables, SECRET));
    }
}

fn a_controller_that_dies_is_waited_for(b: &mut Bench) {
    b.cluster.kill_controller();
    let job = b.dispatch(82);
    patiently("nothing is told", || (b.metric("fieldstone_pilot_trouble") == 1.0).then_some(()));
    b.cluster.start_controller();
    b.succeeds(&job);
    patiently("it is still told", || (b.metric("fieldstone_pilot_trouble") == 0.0).then_some(()));
    // A pilot that ended while the controller was away may be listed for minutes: nothing waits for that, but for their workers.
    let workers = || b.api.get("/workers").unwrap().1;
    patiently("workers are left", || (workers() == json!([])).then_some(()));
}
