//! `/metrics`, for Prometheus: from this machine without a key, from elsewhere with any valid one.

use super::Shared;
use crate::app::App;
use crate::auth::{AnyScope, Session};
use crate::connections::Slots;
use crate::metrics::Page;
use crate::openapi::answers::Answer;
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use fieldstone_engine::EngineError;
use fieldstone_engine::metrics::Metrics;
use fieldstone_engine::model::Timestamp;
use prometheus_client::encoding::prometheus_text;
use std::collections::BTreeSet;
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
    let text = page(&app).await?.text().map_err(|e| EngineError::Internal(e.into()))?;
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text))
}

async fn page(app: &App) -> Result<Page, ApiError> {
    let metrics = app.engine.metrics().await?;
    let ledger = &metrics.ledger.found;
    let mut page = Page::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.gauges("fieldstone_build_info", "1, with the version of this program.", [(&version[..], 1)]);
    app.requests.show(&mut page);
    connections(&app.slots, &mut page);
    workers(app, &mut page);
    pilots(app, &mut page);
    let labels: Vec<_> = ledger
        .jobs
        .iter()
        .map(|(state, kind, n)| ([("state", state.as_str()), ("type", kind)], *n))
        .collect();
    page.gauges(
        "fieldstone_jobs",
        "Jobs in the ledger by state and type.",
        labels.iter().map(|(labels, n)| (&labels[..], *n)),
    );
    let help =
        "Age of fieldstone_jobs and fieldstone_blobs, which are counted in a twentieth of the time at most.";
    page.real_gauge("fieldstone_ledger_count_age_seconds", help, metrics.ledger.at.elapsed().as_secs_f64());
    servers(&metrics, &mut page);
    page.gauge(
        "fieldstone_queue_length",
        "Jobs that wait only for a slot or memory.",
        metrics.queue.found.length,
    );
    let age =
        metrics.queue.found.oldest.map_or(0, |since| (Timestamp::now().0 - since.0).max(0)) as f64 * 1e-6;
    let help = "Time since the oldest waiting job was dispatched; 0 without one.";
    page.real_gauge("fieldstone_queue_oldest_age_seconds", help, age);
    attempts(&metrics, &mut page);
    storage(&metrics, &mut page);
    let started = app.started.0 as f64 * 1e-6;
    page.real_gauge("process_start_time_seconds", "Start of the process since the Unix epoch.", started);
    if let Some((virtual_bytes, resident_bytes)) = memory() {
        let help = "Memory of the process that is in use, jobs not included.";
        page.gauge("process_resident_memory_bytes", help, resident_bytes);
        page.gauge("process_virtual_memory_bytes", "Address space of the process.", virtual_bytes);
    }
    Ok(page)
}

/// Of several that share a database each is told by every one of them.
fn servers(metrics: &Metrics, page: &mut Page) {
    let numbers: Vec<String> = metrics.servers.iter().map(|server| server.number.to_string()).collect();
    let labels: Vec<_> = metrics
        .servers
        .iter()
        .zip(&numbers)
        .map(|(server, number)| {
            [
                ("server", number.as_str()),
                ("machine", &server.name),
                ("address", &server.address),
                ("version", &server.version),
            ]
        })
        .collect();
    let help = "1 for each server that shares the database and lives.";
    page.gauges("fieldstone_server_info", help, labels.iter().map(|labels| (&labels[..], 1)));
}

fn attempts(metrics: &Metrics, page: &mut Page) {
    page.gauge("fieldstone_attempts_running", "Attempts of jobs that run now.", metrics.running);
    let ends: Vec<(&str, u64)> = metrics.attempts.iter().map(|(end, n)| (end.as_str(), *n)).collect();
    let help = "Attempts of jobs that ended since the start, by how.";
    page.counters("fieldstone_attempts_total", help, "end", &ends);
    let help = "Attempts whose process died without a result since the start, by cause.";
    page.counters("fieldstone_attempt_deaths_total", help, "cause", &metrics.deaths);
    let help = "Leases that ended without their holder since the start.";
    page.counter("fieldstone_leases_lost_total", help, metrics.leases_lost);
}

/// Of this server alone.
fn workers(app: &App, page: &mut Page) {
    let slots = app.engine.workers();
    let busy = slots.iter().filter(|slot| slot.busy).count() as u64;
    let names: BTreeSet<&str> = slots.iter().map(|slot| slot.worker.as_str()).collect();
    page.gauge("fieldstone_workers", "Workers that are connected to this server.", names.len() as u64);
    let labels = [([("state", "busy")], busy), ([("state", "idle")], slots.len() as u64 - busy)];
    let help = "Slots of workers that are connected to this server, by state.";
    page.gauges("fieldstone_worker_slots", help, labels.iter().map(|(labels, n)| (&labels[..], *n)));
}

/// Where this server asks a batch system for workers.
fn pilots(app: &App, page: &mut Page) {
    let Some(pilots) = app.engine.pilots() else { return };
    let running = pilots.all.iter().filter(|pilot| pilot.runs).count() as u64;
    let waiting = pilots.all.len() as u64 - running;
    let labels = [([("state", "waiting")], waiting), ([("state", "running")], running)];
    let help = "Workers that the batch system was asked for, by whether they have a machine.";
    page.gauges("fieldstone_pilots", help, labels.iter().map(|(labels, n)| (&labels[..], *n)));
    let help = "Seconds of cores that these have had since the start.";
    page.counter("fieldstone_pilot_core_seconds_total", help, pilots.core_seconds);
    let help = "1 while the batch system cannot be asked, or what it starts does not come.";
    page.gauge("fieldstone_pilot_trouble", help, u64::from(pilots.trouble.is_some()));
}

fn connections(slots: &Slots, page: &mut Page) {
    page.gauge("fieldstone_connections", "Connections that are open.", slots.open() as u64);
    let help = "Connections closed for want of slots: idle ones for others, new ones of an address that has its share.";
    let closed = [("idle", &slots.gave_way), ("address", &slots.refused)];
    let closed = closed.map(|(why, count)| (why, count.load(Ordering::Relaxed)));
    page.counters("fieldstone_connections_closed_total", help, "why", &closed);
}

/// Stored files, and what is known of their rot.
fn storage(metrics: &Metrics, page: &mut Page) {
    let help = "Stored files that assets name, each counted once.";
    page.gauge("fieldstone_blobs", help, metrics.ledger.found.blobs);
    page.gauge("fieldstone_blob_bytes", "Bytes of these.", metrics.ledger.found.blob_bytes);
    let help = "Stored files that are known to be damaged or missing.";
    page.gauge("fieldstone_blobs_damaged", help, metrics.damaged_blobs);
    let help = "Stored files read to find rot since the start.";
    page.counter("fieldstone_scrubbed_blobs_total", help, metrics.scrubbed_blobs);
    page.counter("fieldstone_scrubbed_bytes_total", "Bytes of these.", metrics.scrubbed_bytes);
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
