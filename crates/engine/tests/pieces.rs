//! Jobs that are cut: the same results wherever their pieces run and whatever happens to these.
#![cfg(unix)]

mod common;
use common::workers::{ATTEMPT, employ, isolated, send, work};
use common::{Bench, caller, new_job};
use fieldstone_engine::model::*;
use fieldstone_engine::talk::{Errand, Heard, Hello, Order, Word};
use fieldstone_engine::{Attempts, Engine, EngineConfig, Isolation, Seat};
use fieldstone_jobs::ticket::Ended;
use fieldstone_jobs::{JOB_TYPES, Share};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Not a test: an attempt, when an engine of this file starts this program with this test's name alone.
#[test]
fn attempt() {
    if std::env::args().any(|a| a == ATTEMPT) {
        fieldstone_jobs::child::run(JOB_TYPES);
        std::process::exit(0);
    }
}

/// Pieces of [`graph`]: 8 planes each.
const PIECE_SAMPLES: u64 = 30 * 28 * 8;
/// So many of them.
const PIECES: usize = 6;

/// Thin walls that the border cuts off, so often multiplied by 10⁹.
fn graph(times: usize) -> Value {
    let mut operators = vec![
        json!({"type": "GenerateSamplePoints", "parameters": {"size": [2, 2, 3], "resolution": [30, 28, 45]}}),
        json!({"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [0.7, 0.7, 0.7]}}),
    ];
    let mut edges = vec![json!({"source": 0, "target": [1, "Points"]})];
    for i in 2..2 + times {
        operators.push(json!({"type": "LinearFilter", "parameters": {"scale_a": 1e9, "scale_b": 0}}));
        edges.extend(["InputA", "InputB"].map(|port| json!({"source": i - 1, "target": [i, port]})));
    }
    json!({"graph": {"operators": operators, "edges": edges}})
}

/// An engine that runs jobs in processes, in pieces or whole, at so many slots of its own; not started.
async fn bench(piece_samples: Option<u64>, slots: usize) -> (Bench, Isolation) {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { piece_samples, concurrent_jobs: slots, ..isolated(&folder) };
    let isolation = config.isolation.clone();
    let engine = Engine::open_with_types(config, JOB_TYPES).await.unwrap();
    let caller = caller("owner");
    let project = engine.create_project(&caller, NewProject::private("p")).await.unwrap().id;
    (Bench { folder, engine, caller, project }, isolation)
}

impl Bench {
    async fn ran(&self, type_name: &str, params: Value) -> Arc<Job> {
        let job = self.dispatch(new_job(type_name, &[], params)).await.unwrap();
        self.finished(job.id).await
    }

    async fn log_of(&self, job: &Job) -> String {
        let lines = self.engine.job_log(&self.caller, self.project, job.id).await.unwrap();
        lines.into_iter().map(|line| format!("{}: {}\n", line.level.as_str(), line.text)).collect()
    }
}

/// Checksums of the files, and the parameters.
fn results(job: &Job) -> (Vec<(String, String)>, String) {
    assert_eq!((job.state, job.error.as_deref()), (State::Success, None));
    let files = job.outputs.assets.iter().map(|(slot, list)| (slot.clone(), list[0].sha256.clone()));
    (files.collect(), format!("{:?}", job.outputs.params))
}

#[tokio::test]
async fn pieces_come_to_the_same_wherever_they_run() {
    let types = ["export_triangle_mesh", "evaluate_metrics", "implicit/evaluate"];
    let mut whole = Vec::new();
    let (b, _) = bench(None, 1).await;
    b.engine.start();
    for type_name in types {
        let job = b.ran(type_name, graph(0)).await;
        assert!(!b.log_of(&job).await.contains("pieces"));
        whole.push(results(&job));
    }
    b.engine.stop().await;
    assert!(whole[0].1.contains("cut_off"), "{:?}", whole[0]);
    // Here alone, here and at workers, at workers alone.
    for (slots, workers) in [(1, false), (1, true), (0, true)] {
        let (b, isolation) = bench(Some(PIECE_SAMPLES), slots).await;
        if workers {
            employ(&b.engine, JOB_TYPES, b.folder.path(), &isolation);
        }
        b.engine.start();
        for (type_name, whole) in types.iter().zip(&whole) {
            let job = b.ran(type_name, graph(0)).await;
            let log = b.log_of(&job).await;
            assert!(results(&job) == *whole, "{type_name} with {slots} slots: {job:?}");
            assert_eq!((job.attempt, job.progress), (1, 1.0));
            assert!(log.contains(&format!("cut into {PIECES} pieces")), "{log}");
            assert_eq!(
                log.contains(&format!("all {PIECES} pieces are there and are joined at worker")),
                slots == 0,
                "{log}"
            );
            assert_eq!(log.matches("cut off").count(), 1, "each warning once: {log}");
        }
        b.engine.stop().await;
        let left = std::fs::read_dir(b.folder.path().join("data/work")).unwrap().count();
        assert_eq!(left, 0, "pieces leave nothing behind");
    }
}

/// What a worker does with a ticket.
enum Act {
    Work,
    /// It has answered.
    Done,
    Leave,
}

/// A worker that does with a ticket what `act` says.
async fn odd(
    mut seat: Seat,
    attempts: Attempts,
    folder: PathBuf,
    mut act: impl AsyncFnMut(&mut Seat, &Errand) -> Act,
) {
    while let Some(order) = seat.orders.recv().await {
        let Order::Run(mut errand) = order else { continue };
        match act(&mut seat, &errand).await {
            Act::Work => {}
            Act::Done => continue,
            Act::Leave => return,
        }
        std::fs::create_dir(&folder).unwrap();
        errand.ticket.folder.clone_from(&folder);
        let (how, died) = attempts.run(*errand, 1, &Default::default()).await.unwrap();
        if let Ended::Success { files, .. } = &how {
            send(&seat, &folder, files).await;
        }
        std::fs::remove_dir_all(&folder).unwrap();
        seat.heard.send(Heard::Word(Word::Ended { how, died })).await.unwrap();
    }
}

fn is_piece(errand: &Errand) -> bool {
    matches!(errand.ticket.share, Share::Piece(_))
}

/// The next that a worker tells, soon.
async fn next<T>(told: &mut mpsc::UnboundedReceiver<T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(60), told.recv()).await.expect("nothing is told")
}

/// The smallest seat: lent first.
fn seat_of(b: &Bench, name: &str, memory: u64) -> Seat {
    b.engine.join_worker(&Hello::new(JOB_TYPES, name.into(), 1, memory))
}

#[tokio::test]
async fn a_piece_that_is_lost_or_given_back_is_done_again_alone() {
    let (b, isolation) = bench(Some(PIECE_SAMPLES), 0).await;
    let Isolation::Process(program) = &isolation else { unreachable!() };
    let attempts = || Attempts::new(program.clone());
    let folder = |name: &str| b.folder.path().join(name);
    let (pieces, mut seen) = mpsc::unbounded_channel();
    let dies = async move |_: &mut Seat, errand: &Errand| {
        if !is_piece(errand) {
            return Act::Work;
        }
        pieces.send(errand.ticket.share.clone()).unwrap();
        Act::Leave
    };
    // It takes the job's first ticket, and leaves with its first piece.
    tokio::spawn(odd(seat_of(&b, "dies", 4 << 30), attempts(), folder("dies"), dies));
    b.engine.start();
    let job = b.dispatch(new_job("export_triangle_mesh", &[], graph(0))).await.unwrap();
    let Some(Share::Piece(planes)) = next(&mut seen).await else { panic!("a piece") };
    assert_eq!(planes, 0..8);
    let mut refused = 0;
    let gives_back = async move |seat: &mut Seat, _: &Errand| {
        refused += 1;
        seat.heard.send(Heard::Word(Word::GivenBack)).await.unwrap();
        if refused < 3 { Act::Done } else { Act::Leave }
    };
    tokio::spawn(odd(seat_of(&b, "leaves", 4 << 30), attempts(), folder("leaves"), gives_back));
    tokio::spawn(work(seat_of(&b, "works", 5 << 30), attempts(), folder("works")));
    let job = b.finished(job.id).await;
    let log = b.log_of(&job).await;
    assert_eq!((job.state, job.attempt), (State::Success, 1), "{:?} {log}", job.error);
    assert!(log.contains("worker \"leaves\" has to go"), "{log}");
    assert!(log.contains("piece 0 at worker \"dies\" was lost and is done again"), "{log}");
    let (whole, _) = bench(None, 1).await;
    whole.engine.start();
    assert_eq!(results(&job), results(&*whole.ran("export_triangle_mesh", graph(0)).await));
    b.engine.stop().await;
    whole.engine.stop().await;
}

#[tokio::test]
async fn a_cancel_ends_all_pieces() {
    let (b, isolation) = bench(Some(PIECE_SAMPLES), 0).await;
    let Isolation::Process(program) = &isolation else { unreachable!() };
    let (told, mut heard) = mpsc::unbounded_channel();
    for name in ["one", "two"] {
        let told = told.clone();
        let waits = async move |seat: &mut Seat, errand: &Errand| {
            if !is_piece(errand) {
                return Act::Work;
            }
            told.send("a piece").unwrap();
            let Some(Order::Cancel) = seat.orders.recv().await else { panic!("a cancel") };
            told.send("a cancel").unwrap();
            let ended = Word::Ended { how: Ended::Cancelled, died: None };
            seat.heard.send(Heard::Word(ended)).await.unwrap();
            Act::Done
        };
        let seat = seat_of(&b, name, 4 << 30);
        tokio::spawn(odd(seat, Attempts::new(program.clone()), b.folder.path().join(name), waits));
    }
    b.engine.start();
    let job = b.dispatch(new_job("evaluate_metrics", &[], graph(0))).await.unwrap();
    assert_eq!((next(&mut heard).await, next(&mut heard).await), (Some("a piece"), Some("a piece")));
    b.engine.cancel_job(&b.caller, b.project, job.id).await.unwrap();
    assert_eq!((next(&mut heard).await, next(&mut heard).await), (Some("a cancel"), Some("a cancel")));
    assert_eq!(b.finished(job.id).await.state, State::Canceled);
    b.engine.stop().await;
    let left = std::fs::read_dir(b.folder.path().join("data/work")).unwrap().count();
    assert_eq!(left, 0, "pieces leave nothing behind");
}

#[tokio::test]
async fn pieces_take_places_that_nobody_waits_for() {
    let (b, isolation) = bench(Some(PIECE_SAMPLES), 0).await;
    let Isolation::Process(program) = &isolation else { unreachable!() };
    let (told, mut heard) = mpsc::unbounded_channel();
    let may_go_on = Arc::new(Semaphore::new(0));
    for name in ["one", "two"] {
        let (told, may_go_on) = (told.clone(), may_go_on.clone());
        let waits = async move |_: &mut Seat, errand: &Errand| {
            let Errand { ticket, .. } = errand;
            told.send((ticket.type_name.clone(), is_piece(errand))).unwrap();
            if is_piece(errand) {
                may_go_on.acquire().await.unwrap().forget();
            }
            Act::Work
        };
        let seat = seat_of(&b, name, 4 << 30);
        tokio::spawn(odd(seat, Attempts::new(program.clone()), b.folder.path().join(name), waits));
    }
    b.engine.start();
    let cut = b.dispatch(new_job("evaluate_metrics", &[], graph(0))).await.unwrap();
    let of_cut = |is_piece| Some(("evaluate_metrics".to_owned(), is_piece));
    assert_eq!(next(&mut heard).await, of_cut(false), "it says how it is cut");
    assert_eq!(
        (next(&mut heard).await, next(&mut heard).await),
        (of_cut(true), of_cut(true)),
        "both are idle"
    );
    let waits = b.dispatch(new_job("export_vti", &[], graph(0))).await.unwrap();
    may_go_on.add_permits(1);
    assert_eq!(next(&mut heard).await, Some(("export_vti".to_owned(), false)), "who waits comes first");
    assert_eq!(b.finished(waits.id).await.state, State::Success);
    may_go_on.add_permits(PIECES);
    assert_eq!(b.finished(cut.id).await.state, State::Success);
    b.engine.stop().await;
}

#[tokio::test]
async fn what_is_wrong_in_a_piece_is_wrong_with_the_job() {
    let mut errors = Vec::new();
    for piece_samples in [None, Some(PIECE_SAMPLES)] {
        let (b, _) = bench(piece_samples, 1).await;
        b.engine.start();
        let job = b.ran("export_triangle_mesh", graph(5)).await;
        assert_eq!((job.state, job.attempt), (State::Failure, 1));
        errors.push(job.error.clone().unwrap());
        b.engine.stop().await;
    }
    // Of so many samples it says, in so many planes.
    let operator = "(LinearFilter)";
    assert!(errors.iter().all(|error| error.contains(operator)), "{errors:?}");
}
