//! `fieldstone workers`: which are connected to a server.

use super::account::{On, connect};
use super::table::{Column, field, print_list};
use clap::Subcommand;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Action {
    /// Lists the slots of workers that are connected to the server that answers
    List,
    /// Lists the workers that the server has asked a batch system for
    Pilots,
}

const WORKERS: &[Column] = &[
    ("WORKER", |w| field(w, "worker")),
    ("VERSION", |w| field(w, "version")),
    ("THREADS", |w| field(w, "threads")),
    ("MEMORY", |w| field(w, "memory")),
    ("BUSY", |w| field(w, "busy")),
];

const PILOTS: &[Column] = &[
    ("PILOT", |p| field(p, "name")),
    ("NUMBER", |p| field(p, "number")),
    ("STATE", |p| field(p, "state")),
    ("REASON", |p| field(p, "reason")),
    ("SINCE", |p| field(p, "since")),
    ("CORES", |p| field(p, "cores")),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let client = connect(&server)?;
    let (path, columns) = match action {
        Action::List => ("/workers", WORKERS),
        Action::Pilots => ("/pilots", PILOTS),
    };
    let all = client.get(path).await?;
    print_list(all.as_array().map_or(&[] as &[Value], Vec::as_slice), columns, server.json);
    Ok(ExitCode::SUCCESS)
}
