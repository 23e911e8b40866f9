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
}

const COLUMNS: &[Column] = &[
    ("WORKER", |w| field(w, "worker")),
    ("VERSION", |w| field(w, "version")),
    ("THREADS", |w| field(w, "threads")),
    ("MEMORY", |w| field(w, "memory")),
    ("BUSY", |w| field(w, "busy")),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let client = connect(&server)?;
    match action {
        Action::List => {
            let all = client.get("/workers").await?;
            print_list(all.as_array().map_or(&[] as &[Value], Vec::as_slice), COLUMNS, server.json);
        }
    }
    Ok(ExitCode::SUCCESS)
}
