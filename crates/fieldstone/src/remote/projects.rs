//! `fieldstone projects`.

use super::account::{On, connect};
use super::find::project;
use super::list::ListArgs;
use super::table::{Column, field, print_json};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Action {
    /// Lists projects, the newest first
    #[command(after_help = "\
Examples:
  fieldstone projects list
  fieldstone projects list --query 'name:bracket*' --json")]
    List(ListArgs),
    /// Shows a project's document
    Get {
        /// Its id or its name
        project: String,
    },
    /// Makes a project and prints its id
    #[command(after_help = "\
Examples:
  fieldstone projects create brackets
  export FIELDSTONE_PROJECT=$(fieldstone projects create brackets)")]
    Create {
        /// What it is called
        name: String,
        /// Lets everybody with a key read it
        #[arg(long)]
        public: bool,
    },
    /// Gives a project another name
    Rename {
        /// Its id or its name
        project: String,
        /// What it is to be called
        name: String,
    },
    /// Deletes a project with all that it holds
    Delete {
        /// Its id or its name
        project: String,
    },
}

const COLUMNS: &[Column] = &[
    ("ID", |p| field(p, "id")),
    ("NAME", |p| field(p, "name")),
    ("ACCESS", |p| field(p, "access")),
    ("MODIFIED", |p| field(p, "modified")),
];

/// Does it.
pub async fn execute(On { server, action }: On<Action>) -> anyhow::Result<ExitCode> {
    let (client, json) = (connect(&server)?, server.json);
    match action {
        Action::List(list) => list.print(&client, "/projects", COLUMNS, json).await?,
        Action::Get { project: named } => {
            let id = project(&client, &named).await?;
            print_json(&client.get(&format!("/projects/{id}")).await?);
        }
        Action::Create { name, public } => {
            let access = if public { "public" } else { "private" };
            let made = client.post("/projects", &json!({"name": name, "access": access})).await?;
            if json { print_json(&made) } else { println!("{}", field(&made, "id")) }
        }
        Action::Rename { project: named, name } => {
            let id = project(&client, &named).await?;
            let renamed = client.patch(&format!("/projects/{id}"), &json!({"name": name})).await?;
            if json {
                print_json(&renamed)
            }
        }
        Action::Delete { project: named } => {
            let id = project(&client, &named).await?;
            client.delete(&format!("/projects/{id}")).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
