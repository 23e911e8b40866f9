//! Attempts in processes of their own: whatever a job does to its process, its error says so and nobody else notices.

mod common;
use common::workers::{ATTEMPT, employ, isolated, work};
use common::*;
use fieldstone_engine::model::*;
use fieldstone_engine::talk::Hello;
use fieldstone_engine::{Attempts, Engine, EngineConfig, Isolation, JobTypes};
use fieldstone_jobs::job_type::Product;
use fieldstone_jobs::{JobContext, JobEntry, JobError, Values, Work};
use serde_json::json;
use std::io::Write;
use std::time::Duration;

fn run_of(run: fn(&Values, &mut JobContext) -> Result<(), JobError>, type_name: &'static str) -> JobEntry {
    JobEntry { type_name, work: Work::plain(|_, _| 1 << 20, run), ..JobEntry::DEFAULT }
}

/// What a job should never do, by name.
static BAD: std::sync::LazyLock<Vec<JobEntry>> = std::sync::LazyLock::new(|| {
    vec![
        run_of(|_, _| std::process::abort(), "bad/aborts"),
        run_of(|_, _| std::process::exit(7), "bad/exits"),
        run_of(|_, _| panic!("index 7 of 3"), "bad/panics"),
        run_of(greedy, "bad/greedy"),
        run_of(|_, _| deep(0).map(drop), "bad/deep"),
        run_of(|_, _| loop_for_ever(), "bad/deaf"),
        JobEntry {
            products: &[Product { name: "volume", extension: "bin", doc: "" }],
            ..run_of(endless_output, "bad/wide")
        },
        run_of(
            |_, cx| {
                cx.warn("the mesh is odd");
                cx.set_param("pid", std::process::id());
                Ok(())
            },
            "good/pid",
        ),
    ]
});

fn types() -> JobTypes {
    let mut all: Vec<&'static JobEntry> = TYPES.to_vec();
    all.extend(BAD.iter());
    all.leak()
}

/// More than anybody gave it.
fn greedy(_: &Values, _: &mut JobContext) -> Result<(), JobError> {
    std::hint::black_box(vec![1u8; 4 << 30]);
    Ok(())
}

/// Until the stack is full.
#[allow(unconditional_recursion)]
fn deep(n: u64) -> Result<u64, JobError> {
    let room = std::hint::black_box([n; 64]);
    Ok(deep(n + 1)? + room[63])
}

/// Writes for ever.
fn endless_output(_: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let mut out = cx.output("volume", "bin")?;
    loop {
        out.write_all(&[7; 64 << 10])?;
    }
}

/// Asks its monitor nothing.
fn loop_for_ever() -> ! {
    loop {
        std::thread::park_timeout(Duration::from_secs(1));
    }
}

/// Not a test: an attempt, when an engine of this file starts this program with this test's name alone.
#[test]
fn attempt() {
    if std::env::args().any(|a| a == ATTEMPT) {
        fieldstone_jobs::child::run(types());
        std::process::exit(0);
    }
}

/// Where attempts run; what holds for one place holds for the other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Here,
    Worker,
}

const PLACES: [Place; 2] = [Place::Here, Place::Worker];

async fn bench_at(place: Place, change: impl FnOnce(EngineConfig) -> EngineConfig) -> Bench {
    bench_with(|c| match (place, change(c)) {
        (Place::Here, config) => config,
        (Place::Worker, config) => EngineConfig { concurrent_jobs: 0, ..config },
    })
    .await
}

async fn bench_with(change: impl FnOnce(EngineConfig) -> EngineConfig) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let config = change(isolated(&folder));
    let (slots, isolation) = (config.concurrent_jobs, config.isolation.clone());
    let engine = Engine::open_with_types(config, types()).await.unwrap();
    if slots == 0 {
        employ(&engine, types(), folder.path(), &isolation);
    }
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    engine.start();
    Bench { folder, engine, caller, project }
}

impl Bench {
    async fn ended(&self, type_name: &str) -> std::sync::Arc<Job> {
        let job = self.dispatch(new_job(type_name, &[], json!({}))).await.unwrap();
        self.finished(job.id).await
    }

    async fn log(&self, id: JobId) -> Vec<String> {
        let lines = self.engine.job_log(&self.caller, self.project, id).await.unwrap();
        lines.into_iter().map(|l| format!("{} {}: {}", l.attempt, l.level.as_str(), l.text)).collect()
    }
}

#[tokio::test]
async fn a_job_runs_in_a_process_of_its_own() {
    for place in PLACES {
        let b = bench_at(place, |c| c).await;
        b.upload("part.stl", b"solid").await;
        let job = b.dispatch(new_job("test/sample", &[("mesh", "part.stl")], json!({"resolution": "64"})));
        let job = b.finished(job.await.unwrap().id).await;
        assert_eq!((job.state, job.error.as_deref()), (State::Success, None));
        let volume = &job.outputs.assets["volume"][0];
        assert_eq!(b.bytes_of(&volume.sha256).await, [b"solid".as_slice(), &64_i64.to_le_bytes()].concat());
        let job = b.ended("good/pid").await;
        assert_ne!(job.outputs.params["pid"], json!(std::process::id().to_string()));
        let log = b.log(job.id).await;
        assert!(log[0].starts_with("1 info: attempt 1 started"), "{log:?}");
        assert_eq!(log[1..], ["1 warning: the mesh is odd"]);
        b.engine.stop().await;
        let left = std::fs::read_dir(b.folder.path().join("data/work")).unwrap().count();
        assert_eq!(left, 0, "attempts leave nothing behind");
    }
}

#[tokio::test]
async fn what_kills_an_attempt_is_the_error_of_its_job_alone() {
    for place in PLACES {
        let b = bench_at(place, |c| EngineConfig { max_attempts: 2, ..c }).await;
        let endless = b.dispatch(new_job("test/endless", &[], json!({}))).await.unwrap();
        b.job_when(endless.id, |j| j.progress == 0.25).await;
        let cases = [
            ("bad/aborts", 1, "the job crashed (signal 6)"),
            ("bad/panics", 1, "the job crashed: index 7 of 3"),
            ("bad/greedy", 1, "needed more memory than the 513 MiB that were set aside for it"),
            ("bad/deep", 1, "the job crashed: its stack overflowed"),
            ("bad/exits", 2, "internal error: the job's process ended without a result (exit status: 7)"),
        ];
        for (type_name, attempts, error) in cases {
            let job = b.ended(type_name).await;
            assert_eq!((job.state, job.error.as_deref()), (State::Failure, Some(error)), "{type_name}");
            assert_eq!(job.attempt, attempts, "{type_name}");
        }
        assert_eq!(b.job(endless.id).await.state, State::Started, "the neighbour noticed nothing");
        let deaths = b.engine.metrics().await.unwrap().deaths;
        // A panic is told like any other error; the exit was tried twice.
        let expected = [
            ("memory", 1),
            ("stack", 1),
            ("output", 0),
            ("time", 0),
            ("crash", 1),
            ("killed", 0),
            ("exit", 2),
        ];
        assert_eq!(deaths, expected);
        b.engine.stop().await;
    }
}

#[tokio::test]
async fn a_job_that_hears_nothing_is_killed() {
    for place in PLACES {
        let b =
            bench_at(place, |c| EngineConfig { job_time_limit: Some(Duration::from_millis(300)), ..c }).await;
        let job = b.ended("bad/deaf").await;
        let error = "took longer than the 0 seconds that a job may take";
        assert_eq!((job.state, job.error.as_deref()), (State::Failure, Some(error)));
        b.engine.stop().await;

        let b = bench_at(place, |c| EngineConfig { concurrent_jobs: 1, ..c }).await;
        let deaf = b.dispatch(new_job("bad/deaf", &[], json!({}))).await.unwrap();
        b.job_when(deaf.id, |j| j.state == State::Started).await;
        b.engine.delete_job(&b.caller, b.project, deaf.id).await.unwrap();
        assert_eq!(b.ended("good/pid").await.state, State::Success, "its slot is free again");
        b.engine.stop().await;
    }
}

#[tokio::test]
async fn work_that_was_done_is_not_done_again() {
    let b = bench_with(|c| EngineConfig { reuse_results: true, ..c }).await;
    b.upload("part.stl", b"solid").await;
    let dispatch = async |file: &str, resolution: i64| {
        let job = new_job("test/sample", &[("mesh", file)], json!({"resolution": resolution}));
        b.finished(b.dispatch(job).await.unwrap().id).await
    };
    let first = dispatch("part.stl", 64).await;
    let second = dispatch("part.stl", 64).await;
    let (made, given) = (&first.outputs.assets["volume"][0], &second.outputs.assets["volume"][0]);
    assert_eq!((given.sha256.as_str(), given.job_id), (made.sha256.as_str(), Some(second.id)));
    assert_ne!((given.id, &given.filename), (made.id, &made.filename), "assets of its own");
    assert_eq!(first.outputs.params, second.outputs.params);
    let text = format!("1 info: the same work was done by job {}: its results are reused", first.id);
    assert!(b.log(second.id).await.contains(&text));
    let reused = async |id| b.log(id).await.iter().any(|l| l.contains("are reused"));
    assert!(!reused(dispatch("part.stl", 65).await.id).await, "another parameter");
    b.upload("part.stl", b"other").await;
    assert!(!reused(dispatch("part.stl", 64).await.id).await, "other bytes under the same name");
    // The newest of the same work has lost an output.
    b.upload("part.stl", b"solid").await;
    b.engine.delete_asset(&b.caller, b.project, given.id).await.unwrap();
    assert!(!reused(dispatch("part.stl", 64).await.id).await, "an output is gone");
    b.engine.stop().await;
}

#[tokio::test]
async fn a_workflow_that_was_done_is_not_done_again_in_any_step() {
    let b = bench_with(|c| EngineConfig { reuse_results: true, ..c }).await;
    b.upload("part.stl", b"solid").await;
    let yaml = "jobs:\n  clean: {type: test/preprocess}\n  sample: {type: test/sample, needs: [clean], assets: {mesh: clean}, \
                parameters: {resolution: 64}}\n";
    let run = async |mesh: &[u8]| {
        b.upload("part.stl", mesh).await;
        let assets = [("clean.mesh".to_owned(), vec!["part.stl".to_owned()])].into();
        let workflow =
            b.workflow(NewWorkflow { definition: yaml.into(), assets, ..NewWorkflow::default() }).await;
        let mut reused = Vec::new();
        for job in workflow.unwrap().jobs {
            assert_eq!(b.finished(job).await.state, State::Success);
            reused.push(b.log(job).await.iter().any(|line| line.contains("are reused")));
        }
        reused
    };
    assert_eq!(run(b"solid").await, [false, false]);
    assert_eq!(run(b"solid").await, [true, true]);
    assert_eq!(run(b"other").await, [false, false]);
    b.engine.stop().await;
}

#[tokio::test]
async fn a_job_cannot_write_more_than_its_project_may_hold() {
    for place in PLACES {
        let b = bench_at(place, |c| EngineConfig { project_quota_bytes: Some(1 << 20), ..c }).await;
        b.upload("part.stl", b"solid").await;
        let job = b.ended("bad/wide").await;
        let error =
            " bytes, the outputs of this job do not fit into the 1048576 that setting project_quota allows";
        assert!(job.error.as_deref().is_some_and(|text| text.ends_with(error)), "{:?}", job.error);
        assert_eq!((job.state, job.attempt), (State::Failure, 1));
        b.engine.stop().await;
    }
}

#[tokio::test]
async fn a_job_that_fits_no_place_waits_with_a_word_and_lets_others_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { concurrent_jobs: 0, ..isolated(&folder) };
    let isolation = config.isolation.clone();
    let mut all = types().to_vec();
    let none: JobEntry =
        JobEntry { type_name: "good/none", work: Work::plain(|_, _| 0, |_, _| Ok(())), ..JobEntry::DEFAULT };
    all.push(Box::leak(Box::new(none)));
    let engine = Engine::open_with_types(config, all.leak()).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    engine.start();
    let b = Bench { folder, engine, caller, project };
    let Isolation::Process(program) = &isolation else { unreachable!() };
    let small = b.engine.join_worker(&Hello::new(types(), "small".into(), 1, (1 << 20) - 1));
    tokio::spawn(work(small, Attempts::new(program.clone()), b.folder.path().join("small")));
    let waits = b.dispatch(new_job("good/pid", &[], json!({}))).await.unwrap().id;
    let told = async {
        while b.log(waits).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), told).await.unwrap();
    // The process of an attempt knows no such type: it runs there and says so.
    let error = b.ended("good/none").await.error.clone().unwrap();
    assert!(error.contains("good/none"), "{error}");
    assert_eq!(b.job(waits).await.state, State::Pending);
    employ(&b.engine, types(), b.folder.path(), &isolation);
    assert_eq!(b.finished(waits).await.state, State::Success);
    let log = b.log(waits).await;
    assert_eq!(log[0], "0 warning: waits for a place with 1 MiB of memory: there is none now");
    assert_eq!(log.iter().filter(|line| line.contains("waits for a place")).count(), 1, "{log:?}");
    b.engine.stop().await;
}
