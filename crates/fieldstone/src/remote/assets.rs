//! `fieldstone assets`.

use super::account::{On, connect};
use super::copy::{self, CopyArgs};
use super::find::{ProjectArg, asset};
use super::list::ListArgs;
use super::table::{Column, field, print_json};
use crate::size::Size;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Action {
    /// Lists a project's assets, the newest first
    #[command(after_help = "\
Examples:
  fieldstone assets list -p brackets
  fieldstone assets list -p brackets --query 'filename:*.stl' --sort size:-1")]
    List {
        #[command(flatten)]
        project: ProjectArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Shows an asset's document
    Get {
        #[command(flatten)]
        project: ProjectArg,
        /// Its id or its filename; of several with that name the newest
        asset: String,
    },
    /// Copies files into a project, or assets out of it
    Cp(CopyArgs),
    /// Deletes an asset
    Delete {
        #[command(flatten)]
        project: ProjectArg,
        /// Its id or its filename; of several with that name the newest
        asset: String,
    },
}

const COLUMNS: &[Column] = &[
    ("ID", |a| field(a, "id")),
    ("FILENAME", |a| field(a, "filename")),
    ("SIZE", |a| a["size"].as_u64().map_or_else(String::new, |size| Size(size).rounded())),
    ("CREATED", |a| field(a, "created")),
    ("JOB", |a| field(a, "job_id")),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let (client, json) = (connect(&server)?, server.json);
    match action {
        Action::List { project, list } => {
            let project = project.find(&client).await?;
            list.print(&client, &format!("/projects/{project}/assets"), COLUMNS, json).await?;
        }
        Action::Get { project, asset: named } => {
            print_json(&asset(&client, &project.find(&client).await?, &named).await?);
        }
        Action::Cp(copy) => return copy::execute(&client, copy, json).await,
        Action::Delete { project, asset: named } => {
            let project = project.find(&client).await?;
            let found = asset(&client, &project, &named).await?;
            client.delete(&format!("/projects/{project}/assets/{}", field(&found, "id"))).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
