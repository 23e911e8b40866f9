//! `fieldstone workflows`.

use super::account::{ServerArgs, connect};
use super::dispatch::{self, RunWorkflowArgs};
use super::find::ProjectArg;
use super::list::ListArgs;
use super::table::{Column, field, print_one};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct WorkflowsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists a project's workflows, the newest first
    List {
        #[command(flatten)]
        project: ProjectArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Shows a workflow's document
    Get(One),
    /// Dispatches a workflow; prints its id, or with --wait its document
    Run(RunWorkflowArgs),
    /// Cancels a workflow's jobs that have not ended
    Cancel(One),
    /// Deletes a workflow with its jobs; unfinished ones are cancelled first
    Delete(One),
}

/// One workflow.
#[derive(clap::Args)]
struct One {
    #[command(flatten)]
    project: ProjectArg,
    /// Its id
    workflow: String,
}

const COLUMNS: &[Column] = &[
    ("ID", |w| field(w, "id")),
    ("STATE", |w| field(w, "state")),
    ("JOBS", |w| w["jobs"].as_array().map_or(0, Vec::len).to_string()),
    ("CREATED", |w| field(w, "created")),
    ("FINISHED", |w| field(w, "finished")),
];

/// Does it.
pub async fn execute(args: WorkflowsArgs) -> anyhow::Result<ExitCode> {
    let client = connect(&args.server)?;
    let json = args.server.json;
    match args.action {
        Action::List { project, list } => {
            let project = project.find(&client).await?;
            list.print(&client, &format!("/projects/{project}/workflows"), COLUMNS, json).await?;
        }
        Action::Get(One { project, workflow }) => {
            let project = project.find(&client).await?;
            print_one(&client.get(&format!("/projects/{project}/workflows/{workflow}")).await?);
        }
        Action::Run(run) => return dispatch::run_workflow(&client, run, json).await,
        Action::Cancel(One { project, workflow }) => {
            let project = project.find(&client).await?;
            let path = format!("/projects/{project}/workflows/{workflow}/cancel");
            let cancelled = client.post(&path, &json!({})).await?;
            if json {
                print_one(&cancelled)
            }
        }
        Action::Delete(One { project, workflow }) => {
            let project = project.find(&client).await?;
            client.delete(&format!("/projects/{project}/workflows/{workflow}")).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
