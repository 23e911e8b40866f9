//! `fieldstone jobs`.

use super::account::{ServerArgs, connect};
use super::dispatch::{self, RunArgs};
use super::find::ProjectArg;
use super::list::ListArgs;
use super::log::{self, LogArgs};
use super::table::{Column, field, print_one};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct JobsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
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
    Get {
        #[command(flatten)]
        project: ProjectArg,
        /// Its id
        job: String,
    },
    /// Dispatches a job; prints its id, or with --wait its document
    Run(RunArgs),
    /// Shows what happened to a job, line by line
    Logs(LogArgs),
    /// Gives a job another name
    Rename {
        #[command(flatten)]
        project: ProjectArg,
        /// Its id
        job: String,
        /// What it is to be called
        name: String,
    },
    /// Deletes a job; one that has not ended is cancelled first
    Delete {
        #[command(flatten)]
        project: ProjectArg,
        /// Its id
        job: String,
    },
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
pub async fn execute(args: JobsArgs) -> anyhow::Result<ExitCode> {
    let client = connect(&args.server)?;
    let json = args.server.json;
    match args.action {
        Action::List { project, list } => {
            let project = project.find(&client).await?;
            list.print(&client, &format!("/projects/{project}/jobs"), COLUMNS, json).await?;
        }
        Action::Get { project, job } => {
            let project = project.find(&client).await?;
            print_one(&client.get(&format!("/projects/{project}/jobs/{job}")).await?);
        }
        Action::Run(run) => return dispatch::run_job(&client, run, json).await,
        Action::Logs(args) => return log::execute(&client, args, json).await,
        Action::Rename { project, job, name } => {
            let project = project.find(&client).await?;
            let path = format!("/projects/{project}/jobs/{job}");
            let renamed = client.patch(&path, &json!({"name": name})).await?;
            if json {
                print_one(&renamed)
            }
        }
        Action::Delete { project, job } => {
            let project = project.find(&client).await?;
            client.delete(&format!("/projects/{project}/jobs/{job}")).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
