//! `fieldstone jobs`.

use super::account::{On, connect};
use super::dispatch::{self, RunArgs};
use super::find::{JOBS, OneArg, ProjectArg};
use super::list::ListArgs;
use super::log::{self, LogArgs};
use super::table::{Column, field, print_json};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Action {
    /// Lists a project's jobs, the newest first
    #[command(after_help = "\
Examples:
  fieldstone jobs list -p brackets
  fieldstone jobs list -p brackets --query state:failure --json | jq -r '.[].error'")]
    List {
        #[command(flatten)]
        project: ProjectArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Shows a job's document
    Get(OneArg),
    /// Dispatches a job; prints its id, or with --wait its document
    Run(RunArgs),
    /// Shows what happened to a job, line by line
    Logs(LogArgs),
    /// Gives a job another name
    Rename {
        #[command(flatten)]
        job: OneArg,
        /// What it is to be called
        name: String,
    },
    /// Cancels a job that has not ended, and those of its workflow that need it
    Cancel(OneArg),
    /// Deletes a job; one that has not ended is cancelled first
    Delete(OneArg),
}

const COLUMNS: &[Column] = &[
    ("ID", |j| field(j, "id")),
    ("TYPE", |j| field(j, "type")),
    ("STATE", |j| field(j, "state")),
    ("CREATED", |j| field(j, "created")),
    ("NAME", |j| field(j, "name")),
    ("ERROR", |j| j["error"].as_str().unwrap_or_default().to_owned()),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let (client, json) = (connect(&server)?, server.json);
    match action {
        Action::List { project, list } => {
            let project = project.find(&client).await?;
            list.print(&client, &format!("/projects/{project}/{JOBS}"), COLUMNS, json).await?;
        }
        Action::Get(one) => print_json(&client.get(&one.path(&client, JOBS).await?).await?),
        Action::Run(run) => return dispatch::run_job(&client, run, json).await,
        Action::Logs(args) => return log::execute(&client, args, json).await,
        Action::Rename { job, name } => {
            let renamed = client.patch(&job.path(&client, JOBS).await?, &json!({"name": name})).await?;
            if json {
                print_json(&renamed)
            }
        }
        Action::Cancel(one) => {
            let path = one.path(&client, JOBS).await? + "/cancel";
            let cancelled = client.post(&path, &json!({})).await?;
            if json {
                print_json(&cancelled)
            }
        }
        Action::Delete(one) => drop(client.delete(&one.path(&client, JOBS).await?).await?),
    }
    Ok(ExitCode::SUCCESS)
}
