//! What an attempt's process cannot do, and that nothing that it started outlives it.
#![cfg(target_os = "linux")]

mod common;
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::{Engine, EngineConfig, Isolation, JobTypes, Program};
use fieldstone_jobs::job_type::Product;
use fieldstone_jobs::{JobContext, JobEntry, JobError, Slot, Values, Work};
use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use rustix::process::{Pid, Signal};
use serde_json::json;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Marks a start as an attempt; to the test runner it is one more name to filter by.
const ATTEMPT: &str = "attempt-of-a-job";

/// Tries all that it must not, and tells what came of it.
fn pry(_: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    fn told<T>(tried: std::io::Result<T>) -> &'static str {
        match tried.map_err(|e| e.kind()) {
            Ok(_) => "done",
            Err(ErrorKind::PermissionDenied) => "refused",
            Err(ErrorKind::NotFound) => "absent",
            Err(_) => "failed",
        }
    }
    let input = cx.input("mesh")?.path.clone();
    let data = input.ancestors().find(|folder| folder.ends_with("data")).unwrap_or(Path::new("/")).to_owned();
    let write = |path: &Path| File::options().append(true).open(path);
    let found = [
        ("input", told(std::fs::read(&input))),
        ("write_input", told(write(&input))),
        ("ledger", told(std::fs::read(data.join("ledger.sqlite")))),
        ("write_ledger", told(write(&data.join("ledger.sqlite")))),
        ("blobs", told(std::fs::read_dir(data.join("blobs")))),
        ("passwords", told(std::fs::read("/etc/passwd"))),
        ("elsewhere", told(std::fs::write(data.join("was-here"), "x"))),
        ("program", told(std::process::Command::new("/bin/sh").args(["-c", ":"]).status())),
        ("tcp", told(std::net::TcpStream::connect("127.0.0.1:1"))),
        ("udp", told(std::net::UdpSocket::bind("127.0.0.1:0"))),
        ("unix", told(std::os::unix::net::UnixStream::pair())),
    ];
    for (name, what) in found {
        cx.set_param(name, what);
    }
    // Threads that came later are confined as well.
    let later = std::thread::spawn(|| told(std::net::UdpSocket::bind("127.0.0.1:0")));
    cx.set_param("thread", later.join().unwrap_or("panicked"));
    cx.set_param("environment", std::env::vars_os().count());
    cx.set_param("no_new_privs", rustix::thread::no_new_privs().unwrap_or(false));
    let fsize = rustix::process::getrlimit(rustix::process::Resource::Fsize).maximum;
    cx.set_param("file_bytes", fsize.unwrap_or(u64::MAX));
    Ok(())
}

const NAMES: &[&str] = &[
    "input",
    "write_input",
    "ledger",
    "write_ledger",
    "blobs",
    "passwords",
    "elsewhere",
    "program",
    "tcp",
    "udp",
    "unix",
    "thread",
    "environment",
    "no_new_privs",
    "file_bytes",
];
const MESH: Slot = Slot { name: "mesh", required: true, from_param: None, doc: "any file" };
static PRY: JobEntry = JobEntry {
    type_name: "bad/pries",
    inputs: &[MESH],
    results: NAMES,
    work: Work::plain(|_, _| 1 << 20, pry),
    ..JobEntry::DEFAULT
};

fn types() -> JobTypes {
    let mut all: Vec<&'static JobEntry> = TYPES.to_vec();
    all.push(&PRY);
    all.extend(MOTHERS.iter());
    all.leak()
}

/// Not a test: an attempt, when an engine of this file starts this program with this test's name alone.
#[test]
fn attempt() {
    if std::env::args().any(|a| a == ATTEMPT) {
        fieldstone_jobs::child::run(types());
        std::process::exit(0);
    }
}

async fn bench_of(change: impl FnOnce(EngineConfig) -> EngineConfig) -> Bench {
    let args = ["--exact", "attempt", ATTEMPT, "--nocapture", "--quiet"].map(Into::into).to_vec();
    let program = Program { path: std::env::current_exe().unwrap(), args };
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig {
        isolation: Isolation::Process(program),
        memory_limit_bytes: 8 << 30,
        ..config(&folder)
    };
    let engine = Engine::open_with_types(change(config), types()).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    engine.start();
    Bench { folder, engine, caller, project }
}

/// Whether this kernel has Landlock at all.
fn has_landlock() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules.handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok()
}

#[tokio::test]
async fn a_job_sees_its_inputs_and_its_folder_and_speaks_to_nobody() {
    let b = bench_of(|c| c).await;
    b.upload("part.stl", b"solid").await;
    let job = b.dispatch(new_job("bad/pries", &[("mesh", "part.stl")], json!({}))).await.unwrap();
    let job = b.finished(job.id).await;
    assert_eq!((job.state, job.error.as_deref()), (State::Success, None));
    let found = |name: &str| job.outputs.params[name].as_str().unwrap().to_owned();
    assert_eq!(found("input"), "done");
    for name in ["tcp", "udp", "unix", "thread"] {
        assert_eq!(found(name), "refused", "{name}");
    }
    if has_landlock() {
        for name in ["write_input", "ledger", "write_ledger", "blobs", "passwords", "elsewhere", "program"] {
            assert_eq!(found(name), "refused", "{name}");
        }
    }
    assert_eq!(found("no_new_privs"), "true");
    // What started this test has many.
    let environment: usize = found("environment").parse().unwrap();
    assert!(environment <= 2 && std::env::vars_os().count() > 2, "{environment} variables");
    assert!(
        found("file_bytes").parse::<u64>().unwrap() < u64::MAX,
        "a file is as large as there is room for"
    );
    b.engine.stop().await;
}

/// Starts a process that outlives everybody unless somebody ends it, and tells its number by a file, until somebody takes that away.
fn bear(cx: &mut JobContext) -> Result<(), JobError> {
    let mut told = cx.output(CHILD.name, CHILD.extension)?;
    // SAFETY: the new process calls nothing but pause(2), which needs no lock of another thread.
    match unsafe { libc::fork() } {
        0 => loop {
            unsafe { libc::pause() };
        },
        child => writeln!(told, "{child}")?,
    }
    told.flush()?;
    while told.get_ref().metadata()?.nlink() > 0 {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Ok(())
}

const CHILD: Product = Product { name: "child", extension: "pid", doc: "the number of a process" };

/// What a job may do once it has started another process.
static MOTHERS: LazyLock<Vec<JobEntry>> = LazyLock::new(|| {
    let mother = |type_name, work| JobEntry { type_name, work, products: &[CHILD], ..JobEntry::DEFAULT };
    vec![
        mother("mother/exits", Work::plain(|_, _| 0, |_, cx| exit_with_child(cx))),
        mother("mother/is-killed", Work::plain(|_, _| 0, |_, cx| die_with_child(cx))),
        mother("mother/waits", Work::plain(|_, _| 0, |_, cx| wait_with_child(cx))),
    ]
});

fn exit_with_child(cx: &mut JobContext) -> Result<(), JobError> {
    bear(cx)?;
    std::process::exit(7)
}

fn die_with_child(cx: &mut JobContext) -> Result<(), JobError> {
    bear(cx)?;
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, Signal::KILL).map_err(anyhow::Error::from)?;
    Ok(())
}

/// Hears nothing.
fn wait_with_child(cx: &mut JobContext) -> Result<(), JobError> {
    bear(cx)?;
    loop {
        std::thread::park_timeout(Duration::from_secs(1));
    }
}

/// The process that the one attempt of this engine has started, once it has.
async fn child_of_attempt(b: &Bench) -> Pid {
    eventually("nothing is started", || {
        let mut attempts = std::fs::read_dir(b.folder.path().join("data/work")).ok()?;
        let told = attempts.next()?.ok()?.path().join("child.pid");
        let text = std::fs::read_to_string(&told).ok()?;
        let pid = Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)?;
        std::fs::remove_file(told).ok()?;
        Some(pid)
    })
    .await
}

fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.is_empty() || stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_job_started_ends_with_it() {
    // It dies, or hears nothing and takes too long: what it started holds its output open all the time.
    for (name, limit, error) in [
        ("mother/exits", None, "the job's process ended without a result (exit status: 7)"),
        ("mother/is-killed", None, "killed from outside (signal 9)"),
        ("mother/waits", Some(Duration::from_millis(500)), "took longer than"),
    ] {
        let b = bench_of(|c| EngineConfig { max_attempts: 1, job_time_limit: limit, ..c }).await;
        let job = b.dispatch(new_job(name, &[], json!({}))).await.unwrap();
        let child = child_of_attempt(&b).await;
        let job = b.finished(job.id).await;
        let text = job.error.clone().unwrap();
        assert!(text.contains(error), "{name}: {text}");
        eventually(name, || is_gone(child).then_some(())).await;
        b.engine.stop().await;
    }
    // It is cancelled or deleted, or the service stops.
    for end in ["cancel", "delete", "stop"] {
        let b = bench_of(|c| c).await;
        let job = b.dispatch(new_job("mother/waits", &[], json!({}))).await.unwrap();
        let child = child_of_attempt(&b).await;
        assert!(!is_gone(child));
        match end {
            "cancel" => drop(b.engine.cancel_job(&b.caller, b.project, job.id).await.unwrap()),
            "delete" => b.engine.delete_job(&b.caller, b.project, job.id).await.unwrap(),
            _ => b.engine.stop().await,
        }
        eventually(end, || is_gone(child).then_some(())).await;
        b.engine.stop().await;
    }
}
