//! Workers that share the process of a test: all but the connection. Tests that use them have a test called `attempt`.

use super::config;
use fieldstone_engine::talk::{Heard, Hello, Order, Word};
use fieldstone_engine::{Attempts, Engine, EngineConfig, Isolation, JobTypes, Program, Seat, Watch};
use fieldstone_jobs::ticket::{Ended, MadeFile, Report};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Marks a start as an attempt; to the test runner it is one more name to filter by.
pub const ATTEMPT: &str = "attempt-of-a-job";

pub fn isolated(folder: &TempDir) -> EngineConfig {
    let args = ["--exact", "attempt", ATTEMPT, "--nocapture", "--quiet"].map(Into::into).to_vec();
    let program = Program { path: std::env::current_exe().unwrap(), args };
    EngineConfig { isolation: Isolation::Process(program), memory_limit_bytes: 8 << 30, ..config(folder) }
}

/// Two slots of a worker that share this process: all but the connection.
pub fn employ(engine: &Engine, types: JobTypes, folder: &Path, isolation: &Isolation) {
    let Isolation::Process(program) = isolation else { panic!("attempts have processes of their own") };
    for slot in 0..2 {
        let seat = engine.join_worker(&Hello::new(types, format!("w{slot}"), 1, 8 << 30));
        tokio::spawn(work(seat, Attempts::new(program.clone()), folder.join(format!("slot-{slot}"))));
    }
}

/// One slot; whoever ends this task kills it.
pub async fn work(mut seat: Seat, attempts: Attempts, folder: PathBuf) {
    while let Some(order) = seat.orders.recv().await {
        let Order::Run(mut errand) = order else { continue };
        std::fs::create_dir(&folder).unwrap();
        errand.ticket.folder.clone_from(&folder);
        let (watch, say) = (Watch::default(), seat.heard.clone());
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let run = attempts.run(*errand, 1, &watch);
        tokio::pin!(run);
        let (how, died) = loop {
            tokio::select! {
                ended = &mut run => break ended.unwrap(),
                order = seat.orders.recv() => match order {
                    Some(_) => watch.cancel(),
                    None => return,
                },
                _ = look.tick() => {
                    say.send(Heard::Word(Word::Report(Report::Progress(watch.progress())))).await.unwrap();
                }
            }
        };
        for text in watch.take_warnings() {
            say.send(Heard::Word(Word::Report(Report::Warning(text)))).await.unwrap();
        }
        if let Ended::Success { files, .. } = &how {
            send(&seat, &folder, files).await;
        }
        std::fs::remove_dir_all(&folder).unwrap();
        // The attempt may have been given up meanwhile.
        if say.send(Heard::Word(Word::Ended { how, died })).await.is_err() {
            return;
        }
    }
}

/// Sends what an attempt has made.
pub async fn send(seat: &Seat, folder: &Path, files: &[MadeFile]) {
    for MadeFile { name, extension } in files.iter().cloned() {
        let bytes = std::fs::read(folder.join(format!("{name}.{extension}"))).unwrap();
        let size = bytes.len() as u64;
        seat.heard.send(Heard::Word(Word::File { name, extension, bytes: size })).await.unwrap();
        for piece in bytes.chunks((bytes.len() / 50).max(7)) {
            seat.heard.send(Heard::Bytes(piece.to_vec().into())).await.unwrap();
        }
    }
}
