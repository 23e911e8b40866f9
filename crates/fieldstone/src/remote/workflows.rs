//! `fieldstone workflows`.

use super::account::{On, connect};
use super::dispatch::{self, RunWorkflowArgs};
use super::find::{OneArg, ProjectArg, WORKFLOWS};
use super::list::ListArgs;
use super::table::{Column, field, print_json};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Action {
    /// Lists a project's workflows, the newest first
    List {
        #[command(flatten)]
        project: ProjectArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Shows a workflow's document
    Get(OneArg),
    /// Dispatches a workflow; prints its id, or with --wait its document
    Run(RunWorkflowArgs),
    /// Cancels a workflow's jobs that have not ended
    Cancel(OneArg),
    /// Deletes a workflow with its jobs; unfinished ones are cancelled first
    Delete(OneArg),
}

const COLUMNS: &[Column] = &[
    ("ID", |w| field(w, "id")),
    ("STATE", |w| field(w, "state")),
    ("JOBS", |w| w["jobs"].as_array().map_or(0, Vec::len).to_string()),
    ("CREATED", |w| field(w, "created")),
    ("FINISHED", |w| field(w, "finished")),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let (client, json) = (connect(&server)?, server.json);
    match action {
        Action::List { project, list } => {
            let project = project.find(&client).await?;
            list.print(&client, &format!("/projects/{project}/{WORKFLOWS}"), COLUMNS, json).await?;
        }
        Action::Get(one) => print_json(&client.get(&one.path(&client, WORKFLOWS).await?).await?),
        Action::Run(run) => return dispatch::run_workflow(&client, run, json).await,
        Action::Cancel(one) => {
            let path = one.path(&client, WORKFLOWS).await? + "/cancel";
            let cancelled = client.post(&path, &json!({})).await?;
            if json {
                print_json(&cancelled)
            }
        }
        Action::Delete(one) => drop(client.delete(&one.path(&client, WORKFLOWS).await?).await?),
    }
    Ok(ExitCode::SUCCESS)
}
