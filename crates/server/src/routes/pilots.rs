//! `/pilots`: workers that a batch system was asked for. An addition; the same for every key.

use super::{Answer, Shared, StatusCode};
use crate::auth::{AnyScope, Session};
use crate::openapi::answers::Answer as Told;
use crate::openapi::schema::{Schema, Schemas, date_or_null, integer, object, text, word};
use crate::openapi::words::Words;
use crate::wire::date::{DateStyle, WireDate};
use axum::extract::State;
use fieldstone_engine::Pilot;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    name: String,
    number: u64,
    state: &'static str,
    reason: Option<String>,
    since: Option<WireDate>,
    cores: u64,
}

/// What is shown, for the API's document.
pub const SCHEMAS: Schemas = &[("Pilot", schema)];

fn schema() -> Schema {
    object([
        ("name", text()),
        ("number", integer()),
        ("state", word(["waiting", "running"])),
        ("reason", text().or_null()),
        ("since", date_or_null()),
        ("cores", integer()),
    ])
}

pub const LIST: Words = Words::new("listPilots", "Workers", &[Told::many("Pilot")]).details(
    "Workers that the server that answers has asked a batch system for: what each is called there and as a worker, its number there, whether \
     it has a machine, why not, since when, and its cores. Empty where none is asked for. An addition to the platform's API.",
);

pub async fn list(State(app): Shared, session: Session<AnyScope>) -> Answer {
    let shown = |Pilot { name, number, runs, reason, since, cores }| Shown {
        name,
        number,
        state: if runs { "running" } else { "waiting" },
        reason,
        since: since.map(|at| WireDate(at, DateStyle::Iso8601)),
        cores,
    };
    let all: Vec<Shown> = app.engine.pilots().unwrap_or_default().all.into_iter().map(shown).collect();
    Ok(session.json(StatusCode::OK, &all))
}
