//! `/workers`: slots of workers that are connected. An addition; the same for every key.

use super::{Answer, Shared, StatusCode};
use crate::auth::{AnyScope, Session};
use crate::openapi::answers::Answer as Told;
use crate::openapi::schema::{Schema, Schemas, boolean, integer, object, text};
use crate::openapi::words::Words;
use axum::extract::State;
use fieldstone_engine::WorkerSlot;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    worker: String,
    version: String,
    threads: usize,
    memory: u64,
    busy: bool,
}

/// What is shown, for the API's document.
pub const SCHEMAS: Schemas = &[("WorkerSlot", schema)];

fn schema() -> Schema {
    object([
        ("worker", text()),
        ("version", text()),
        ("threads", integer()),
        ("memory", integer()),
        ("busy", boolean()),
    ])
}

pub const LIST: Words = Words::new("listWorkers", "Workers", &[Told::many("WorkerSlot")]).details(
    "Slots of workers that are connected to the server that answers: what the worker calls itself, its version, threads and bytes of memory \
     of a job, and whether it runs one. An addition to the platform's API.",
);

pub async fn list(State(app): Shared, session: Session<AnyScope>) -> Answer {
    let shown = |WorkerSlot { worker, version, threads, memory_bytes, busy, .. }| Shown {
        worker,
        version,
        threads,
        memory: memory_bytes,
        busy,
    };
    let all: Vec<Shown> = app.engine.workers().into_iter().map(shown).collect();
    Ok(session.json(StatusCode::OK, &all))
}
