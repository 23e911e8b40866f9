//! Documents of requests: jobs, workflows, searches, bodies.

use fieldstone_engine::EngineError;
use fieldstone_engine::model::{ListQuery, NewWorkflow};
use fieldstone_jobs::{JOB_TYPES, JobLimits, KnownInput, KnownInputs, MakerParams};
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::collections::HashSet;

const MAX_JOBS: usize = 100;

fn object<V: serde::de::DeserializeOwned>(document: &Map<String, Value>, name: &str) -> IndexMap<String, V> {
    let entries = document.get(name).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(k, v)| Some((k.clone(), serde_json::from_value(v.clone()).ok()?))).collect()
}

/// Every type's parameters: `{"type", "params", "sizes": {slot: bytes}}`, checked as when a job is dispatched.
pub fn job(data: &[u8]) {
    let Ok(Value::Object(document)) = serde_json::from_slice(data) else { return };
    let Some(type_name) = document.get("type").and_then(Value::as_str) else { return };
    let Some(entry) = JOB_TYPES.iter().find(|e| e.type_name == type_name) else { return };
    let Ok(values) = entry.parse(object::<Value>(&document, "params")) else { return };
    let known = |(slot, bytes)| (slot, KnownInput { bytes, made: MakerParams::new() });
    let sizes: KnownInputs = object(&document, "sizes").into_iter().map(known).collect();
    let Ok(prepared) = entry.prepare(values, &JobLimits::default()) else { return };
    prepared.references();
    prepared.check(&sizes).ok();
    prepared.memory_bytes(&sizes);
}

/// The YAML of a workflow; after a zero byte follows what it is dispatched with, `{"assets", "parameters"}`.
pub fn workflow(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (definition, given) = text.split_once('\0').unwrap_or((text, "{}"));
    let Ok(given) = serde_json::from_str(given) else { return };
    let new = NewWorkflow {
        definition: definition.into(),
        assets: object(&given, "assets"),
        parameters: object(&given, "parameters"),
        request: None,
    };
    match fieldstone_engine::testing::workflow(&new, JOB_TYPES, MAX_JOBS) {
        Ok(jobs) => assert!(jobs <= MAX_JOBS),
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

/// `sort`, a line feed, `q`. All that the caller wrote is bound, so SQL knows a few characters only.
pub fn list(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (sort, q) = text.split_once('\n').unwrap_or(("", text));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for sql in
        fieldstone_engine::testing::list(&ListQuery { sort: some(sort), q: some(q), ..ListQuery::default() })
    {
        match sql {
            Ok(sql) => {
                let words: HashSet<char> = sql.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
                assert!(words.iter().all(|c| " _=(),?$'\\".contains(*c)), "{sql}");
                assert!(sql.matches(['?', '$']).count() <= 33, "{sql}");
            }
            Err(EngineError::Invalid { .. }) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

/// A body, JSON or after a line `form` a form; after a zero byte a `Prefer`.
pub fn body(data: &[u8]) {
    let (data, prefer) = match data.iter().rposition(|b| *b == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    let (form, bytes) = match data.strip_prefix(b"form\n") {
        Some(rest) => (true, rest),
        None => (false, data),
    };
    let (taken, dialect) = fieldstone_server::testing::body(form, bytes, prefer);
    assert!(taken <= 5 && dialect.is_none_or(|d| ["openapi", "sdk", "sdk-legacy"].contains(&d)));
}
