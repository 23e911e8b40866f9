//! `/user`: licence and quota, which early clients ask for. There are none here: nothing expires and
//! nothing is metered (our choice).

use super::{Answer, Shared, StatusCode};
use crate::auth::{AnyScope, Session};
use crate::openapi::answers::Answer as Told;
use crate::openapi::schema::{Schema, Schemas, boolean, date, integer, object, text};
use crate::openapi::words::Words;
use crate::wire::date::WireDate;
use axum::extract::State;
use fieldstone_engine::model::Timestamp;
use serde::Serialize;

/// 9999-01-01T00:00:00Z: far, and still a date in every client's language.
const NEVER: Timestamp = Timestamp(253_370_764_800 * 1_000_000);

/// Of each kind left: the largest number that fits every client's integer.
const PLENTY: u32 = i32::MAX as u32;

#[derive(Serialize)]
struct License {
    issued: WireDate,
    expires: WireDate,
    expired: bool,
    product: &'static str,
}

#[derive(Serialize)]
struct Counts {
    project: u32,
    import: u32,
    export: u32,
    simulation: u32,
}

impl Counts {
    fn all(n: u32) -> Self {
        Counts { project: n, import: n, export: n, simulation: n }
    }
}

/// What is shown, for the API's document.
pub const SCHEMAS: Schemas = &[("License", license_schema), ("Counts", counts_schema)];

fn license_schema() -> Schema {
    object([("issued", date()), ("expires", date()), ("expired", boolean()), ("product", text())])
}

fn counts_schema() -> Schema {
    object(["project", "import", "export", "simulation"].map(|kind| (kind, integer())))
}

pub const LICENSE: Words =
    Words::new("getLicense", "Licence", &[Told::ok("License")]).details("Our choice: never expires.");

pub async fn license(State(app): Shared, session: Session<AnyScope>) -> Answer {
    let dates = session.choice.dialect.dates();
    let license = License {
        issued: WireDate(app.started, dates),
        expires: WireDate(NEVER, dates),
        expired: false,
        product: "Fieldstone",
    };
    Ok(session.json(StatusCode::OK, &license))
}

pub const QUOTA: Words = Words::new("getQuota", "What is left of the quota", &[Told::ok("Counts")])
    .details("Our choice: there is no quota, each number is 2147483647.");

pub async fn quota(session: Session<AnyScope>) -> Answer {
    Ok(session.json(StatusCode::OK, &Counts::all(PLENTY)))
}

pub const USAGE: Words = Words::new("getUsage", "What was used of the quota", &[Told::ok("Counts")])
    .details("Our choice: nothing is metered, each number is 0.");

/// What counts against the quota: nothing.
pub async fn usage(session: Session<AnyScope>) -> Answer {
    Ok(session.json(StatusCode::OK, &Counts::all(0)))
}
