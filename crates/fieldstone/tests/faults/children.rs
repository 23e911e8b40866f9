//! SIGKILL for the processes of jobs, by an operator or by a system without memory, and for the server above them.

use crate::served::{Api, Choices, Served, box_stl, check, patiently, token};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use std::time::Duration;

const SEED: u64 = 20_261_124;
const KILLS: usize = 25;

/// Processes that a process has started and that still live.
fn children(parent: u32) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let of_threads = threads.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    let all: String = std::iter::once(text).chain(of_threads).collect::<Vec<_>>().join(" ");
    let pids = all.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?));
    pids.filter(|pid| !is_gone(*pid)).collect()
}

/// Processes of attempts, which are forked from a child of the server.
fn attempts(server: u32) -> Vec<Pid> {
    children(server).iter().flat_map(|child| children(child.as_raw_nonzero().get().unsigned_abs())).collect()
}

/// Whether a process has ended, waited for or not.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

struct Bench {
    api: Api,
    project: String,
}

impl Bench {
    fn new(server: &Served, token: &str) -> Bench {
        let api = Api::new(&server.url, token);
        let project = api.project("killed");
        api.must_upload(&project, "part.stl", &box_stl([10.0, 20.0, 30.0], 16));
        Bench { api, project }
    }

    fn path(&self, job: &Value) -> String {
        format!("/projects/{}/jobs/{}", self.project, job["id"].as_str().unwrap())
    }

    fn dispatch(&self, resolution: u64) -> Value {
        let parameters = json!({"mesh_filename": "part.stl", "max_resolution": resolution});
        let body = json!({"type": "sample_triangle_mesh", "parameters": parameters});
        let (status, job) = self.api.post(&format!("/projects/{}/jobs", self.project), &body).unwrap();
        assert_eq!(status, 202, "{job}");
        job
    }
}

/// A server that does all work again, in a folder of its own.
fn served_anew() -> (tempfile::TempDir, Served, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "error"), ("FIELDSTONE_REUSE_RESULTS", "false")]);
    let bench = Bench::new(&server, &token);
    (folder, server, bench)
}

#[test]
fn a_killed_attempt_is_its_own_jobs_loss() {
    let mut choices = Choices(SEED);
    let (folder, server, b) = served_anew();
    let data = folder.path().join("data");
    let mut jobs = Vec::new();
    let mut killed = 0;
    while killed < KILLS {
        // Some end before their moment comes: there are always more.
        jobs.push(b.dispatch(40 + 8 * (jobs.len() as u64 % 6)));
        assert!(jobs.len() < 40 * KILLS, "only {killed} attempts were killed");
        let unfinished = || {
            let (_, list) = b.api.get(&format!("/projects/{}/jobs?q=!state:success", b.project)).unwrap();
            list.as_array().unwrap().iter().any(|j| j["state"] != "failure")
        };
        let victim = patiently("no attempt starts", || match attempts(server.pid()).first() {
            Some(pid) => Some(Some(*pid)),
            None => (!unfinished()).then_some(None),
        });
        let Some(victim) = victim else { continue };
        std::thread::park_timeout(Duration::from_micros(choices.below(30_000))); // the fault's moment
        killed += usize::from(!is_gone(victim) && kill_process(victim, Signal::KILL).is_ok());
    }
    jobs.push(b.dispatch(90));
    let (mut good, mut lost) = (0, 0);
    for job in &jobs {
        b.api.finished(&format!("{}/status", b.path(job)));
        let job = b.api.get(&b.path(job)).unwrap().1;
        match job["state"].as_str().unwrap() {
            "success" => {
                let volume = &job["outputs"]["assets"]["volume"];
                b.api.download(&b.project, volume["id"].as_str().unwrap());
                good += 1;
            }
            _ => {
                let error = job["error"].as_str().unwrap();
                assert!(error.contains("killed from outside (signal 9)"), "{error}");
                lost += 1;
            }
        }
    }
    println!("{killed} attempts killed: {good} jobs succeeded, {lost} were killed three times");
    assert!(good > 0, "what nobody kills succeeds");
    assert!(std::fs::read_dir(data.join("work")).unwrap().next().is_none(), "killed attempts leave no files");
    check(&data, "check");
    drop(server);
    check(&data, "check");
}

#[test]
fn a_killed_server_takes_its_attempts_along() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let token = token(&data);
    let mut server = Served::start(&data, &[("FIELDSTONE_LOG", "error")]);
    let b = Bench::new(&server, &token);
    let jobs = [b.dispatch(300), b.dispatch(301)];
    let pids = patiently("two attempts run", || {
        let pids = attempts(server.pid());
        (pids.len() >= 2).then(|| [pids, children(server.pid())].concat())
    });
    server.kill();
    patiently("attempts of a killed server live on", || pids.iter().all(|pid| is_gone(*pid)).then_some(()));
    drop(server);
    let server = Served::start(&data, &[("FIELDSTONE_LOG", "error")]);
    let b = Bench { api: Api::new(&server.url, &token), ..b };
    for job in &jobs {
        let (status, job) = b.api.finished(&format!("{}/status", b.path(job)));
        assert_eq!((status, &job["state"]), (201, &json!("success")), "{job}");
    }
    check(&data, "check");
}

#[test]
fn attempts_of_a_killed_fork_server_are_made_again() {
    let mut choices = Choices(SEED);
    let (folder, server, b) = served_anew();
    let data = folder.path().join("data");
    for _ in 0..5 {
        let jobs = [b.dispatch(150), b.dispatch(151), b.dispatch(152)];
        let orphans = patiently("an attempt runs", || {
            let pids = attempts(server.pid());
            (!pids.is_empty()).then_some(pids)
        });
        std::thread::park_timeout(Duration::from_micros(choices.below(30_000))); // the fault's moment
        // No child of the server but that one: no preview has been asked for.
        for pid in children(server.pid()) {
            kill_process(pid, Signal::KILL).unwrap();
        }
        patiently("an attempt of nobody lives on", || orphans.iter().all(|pid| is_gone(*pid)).then_some(()));
        for job in &jobs {
            let (status, job) = b.api.finished(&format!("{}/status", b.path(job)));
            assert_eq!((status, &job["state"]), (201, &json!("success")), "{job}");
        }
    }
    assert!(std::fs::read_dir(data.join("work")).unwrap().next().is_none(), "their files are gone");
    drop(server);
    check(&data, "check");
}
