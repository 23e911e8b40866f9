//! Projects and assets as people name them: by id or by name.

use super::client::{Client, text};
use super::failure::Failure;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Entries with the same name that are told apart in an error.
const TOLD: usize = 10;

/// Which project.
#[derive(clap::Args, Clone)]
pub struct ProjectArg {
    /// Project, by its id or its name
    #[arg(short, long, value_name = "PROJECT", env = "FIELDSTONE_PROJECT")]
    project: String,
}

impl ProjectArg {
    /// Its id.
    pub async fn find(&self, client: &Client) -> anyhow::Result<String> {
        project(client, &self.project).await
    }
}

/// What jobs and workflows are called in paths.
pub const JOBS: &str = "jobs";
/// The same.
pub const WORKFLOWS: &str = "workflows";

/// One of a project's jobs or workflows.
#[derive(clap::Args)]
pub struct OneArg {
    #[command(flatten)]
    project: ProjectArg,
    /// Its id
    id: String,
}

impl OneArg {
    /// Its path among what a project has of its noun.
    pub async fn path(&self, client: &Client, noun: &str) -> anyhow::Result<String> {
        Ok(format!("/projects/{}/{noun}/{}", self.project.find(client).await?, self.id))
    }
}

/// The id of a project. A number is an id; a project whose name is a number is found by its id.
pub async fn project(client: &Client, named: &str) -> anyhow::Result<String> {
    if is_id(named) {
        return Ok(named.to_owned());
    }
    let (found, _) = client.list(&format!("/projects?q={}", exactly("name", named)), TOLD).await?;
    let found: Vec<&Value> = found.iter().filter(|project| project["name"] == named).collect();
    match found[..] {
        [one] => text(one, "id"),
        [] => Err(Failure::NotFound(format!("there is no project {named:?}")).into()),
        _ => {
            let ids: Vec<&str> = found.iter().filter_map(|project| project["id"].as_str()).collect();
            anyhow::bail!("several projects are called {named:?}: name one by its id, {}", ids.join(", "))
        }
    }
}

/// The asset with this id, else the newest of this filename.
pub async fn asset(client: &Client, project: &str, named: &str) -> anyhow::Result<Value> {
    if is_id(named) {
        return client.get(&format!("/projects/{project}/assets/{named}")).await;
    }
    let query = format!("/projects/{project}/assets?sort=id%3A-1&q={}", exactly("filename", named));
    let (found, _) = client.list(&query, TOLD).await?;
    let newest = found.into_iter().find(|asset| asset["filename"] == named);
    newest.ok_or_else(|| Failure::NotFound(format!("project {project} has no asset {named:?}")).into())
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `field:"value"` as a query takes it. A `*` in a name means any characters there: who asks looks at what comes.
fn exactly(field: &str, value: &str) -> String {
    utf8_percent_encode(&format!("{field}:\"{value}\""), NON_ALPHANUMERIC).to_string()
}
