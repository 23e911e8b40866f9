//! `/metrics`, for Prometheus: from this machine without a key, from elsewhere with any valid one.

use super::Shared;
use crate::app::App;
use crate::auth::{AnyScope, Session};
use crate::connections::Slots;
use crate::metrics::Text;
use crate::openapi::answers::Answer;
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use fieldstone_engine::metrics::Metrics;
use fieldstone_engine::model::Timestamp;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

/// Headers that a proxy adds: who comes through one is not from here, though the proxy is.
const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

pub const GET: Words = Words::new("getMetrics", "Numbers for Prometheus", &[Answer::text("text/plain")])
    .details("From this machine without a key, from elsewhere (or through a proxy) with any valid one.");

pub async fn get(
    State(app): Shared,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    session: Result<Session<AnyScope>, ApiError>,
) -> Result<impl IntoResponse, ApiError> {
    let from_here =
        peer.is_some_and(|Extension(ConnectInfo(address))| address.ip().to_canonical().is_loopback());
    if !from_here || PROXIED.iter().any(|name| headers.contains_key(*name)) {
        session?;
    }
    let text = page(&app).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

async fn page(app: &App) -> Result<String, ApiError> {
    let metrics = app.engine.metrics().await?;
    let ledger = &metrics.ledger;
    let mut text = Text::default();
    text.family("fieldstone_build_info", "gauge", "1, with the version of this program.");
    text.sample("fieldstone_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    app.requests.write(&mut text);
    connections(&app.slots, &mut text);
    text.family("fieldstone_jobs", "gauge", "Jobs in the ledger by state and type.");
    for (state, type_name, n) in &ledger.jobs {
        text.sample("fieldstone_jobs", &[("state", state.as_str()), ("type", type_name)], n);
    }
    text.single(
        "fieldstone_queue_length",
        "gauge",
        "Jobs that wait only for a slot or memory.",
        ledger.queued,
    );
    let age = ledger.oldest.map_or(0, |since| (Timestamp::now().0 - since.0).max(0)) as f64 * 1e-6;
    text.single(
        "fieldstone_queue_oldest_age_seconds",
        "gauge",
        "Time since the oldest waiting job was dispatched; 0 without one.",
        age,
    );
    text.single("fieldstone_attempts_running", "gauge", "Attempts of jobs that run now.", metrics.running);
    let name = "fieldstone_attempts_total";
    text.family(name, "counter", "Attempts of jobs that ended since the start, by how.");
    for (end, n) in &metrics.attempts {
        text.sample(name, &[("end", end.as_str())], n);
    }
    let name = "fieldstone_attempt_deaths_total";
    text.family(name, "counter", "Attempts whose process died without a result since the start, by cause.");
    for (cause, n) in &metrics.deaths {
        text.sample(name, &[("cause", cause)], n);
    }
    let name = "fieldstone_leases_lost_total";
    text.single(
        name,
        "counter",
        "Leases that ended without their holder since the start.",
        metrics.leases_lost,
    );
    storage(&metrics, &mut text);
    let started = app.started.0 as f64 * 1e-6;
    let name = "process_start_time_seconds";
    text.single(name, "gauge", "Start of the process since the Unix epoch.", started);
    if let Some((virtual_bytes, resident_bytes)) = memory() {
        let name = "process_resident_memory_bytes";
        text.single(
            name,
            "gauge",
            "Memory of the process that is in use, jobs not included.",
            resident_bytes,
        );
        let name = "process_virtual_memory_bytes";
        text.single(name, "gauge", "Address space of the process.", virtual_bytes);
    }
    Ok(text.into_string())
}

fn connections(slots: &Slots, text: &mut Text) {
    text.single("fieldstone_connections", "gauge", "Connections that are open.", slots.open());
    let name = "fieldstone_connections_closed_total";
    text.family(
        name,
        "counter",
        "Connections closed for want of slots: idle ones for others, new ones of an address that has its share.",
    );
    for (why, count) in [("idle", &slots.gave_way), ("address", &slots.refused)] {
        text.sample(name, &[("why", why)], count.load(Ordering::Relaxed));
    }
}

/// Stored files, and what is known of their rot.
fn storage(metrics: &Metrics, text: &mut Text) {
    text.single(
        "fieldstone_blobs",
        "gauge",
        "Stored files that assets name, each counted once.",
        metrics.ledger.blobs,
    );
    text.single("fieldstone_blob_bytes", "gauge", "Bytes of these.", metrics.ledger.blob_bytes);
    let name = "fieldstone_blobs_damaged";
    text.single(
        name,
        "gauge",
        "Stored files that are known to be damaged or missing.",
        metrics.damaged_blobs,
    );
    let name = "fieldstone_scrubbed_blobs_total";
    text.single(name, "counter", "Stored files read to find rot since the start.", metrics.scrubbed_blobs);
    let name = "fieldstone_scrubbed_bytes_total";
    text.single(name, "counter", "Bytes of these.", metrics.scrubbed_bytes);
}

/// Virtual and resident bytes of this process, where the system tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    Some((kib("VmSize:")? * 1024, kib("VmRSS:")? * 1024))
}
