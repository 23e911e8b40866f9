//! Waiting for jobs and workflows, with a line for each job.

use super::client::{Client, text};
use super::failure::Failure;
use super::find::{JOBS, WORKFLOWS};
use crate::progress::{JobLines, Standing, has_ended};
use anyhow::Context;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Between two looks at first, and when it takes long. The server does not count them.
const PAUSES: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(500)];

/// A job or a workflow of a project.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Job,
    Workflow,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    pub kind: Kind,
    pub id: String,
}

impl Awaited {
    fn path(&self, project: &str) -> String {
        let noun = match self.kind {
            Kind::Job => JOBS,
            Kind::Workflow => WORKFLOWS,
        };
        format!("/projects/{project}/{noun}/{}", self.id)
    }
}

/// Documents of the jobs that have ended, by id.
type Ended = HashMap<String, Value>;

/// Waits until all have ended: their documents, in their order. Interrupted or late, they go on.
pub async fn until_ended(
    client: &Client,
    project: &str,
    all: &[Awaited],
    timeout: Option<Duration>,
) -> anyhow::Result<Vec<Value>> {
    let look = async {
        let (mut lines, mut ended, mut pause) = (JobLines::new(), Ended::default(), PAUSES[0]);
        loop {
            let mut documents = Vec::new();
            for awaited in all {
                documents.push(look_at(client, project, awaited, &mut lines, &mut ended).await?);
            }
            if documents.iter().all(|document| has_ended(document["state"].as_str().unwrap_or_default())) {
                return anyhow::Ok(documents);
            }
            tokio::time::sleep(pause).await;
            pause = (pause + pause / 4).min(PAUSES[1]);
        }
    };
    match timeout {
        None => look.await,
        Some(limit) => tokio::time::timeout(limit, look).await.map_err(|_| {
            Failure::Timeout(format!("not ended after {} s; it goes on", limit.as_secs_f64()))
        })?,
    }
}

/// The document as it is now; what it says of jobs is shown.
async fn look_at(
    client: &Client,
    project: &str,
    awaited: &Awaited,
    lines: &mut JobLines,
    ended: &mut Ended,
) -> anyhow::Result<Value> {
    if awaited.kind == Kind::Job {
        return job(client, project, &awaited.id, lines, ended).await;
    }
    let workflow = client.get(&awaited.path(project)).await?;
    for id in workflow["jobs"].as_array().context("the workflow has no list of jobs")? {
        job(client, project, id.as_str().unwrap_or_default(), lines, ended).await?;
    }
    Ok(workflow)
}

async fn job(
    client: &Client,
    project: &str,
    id: &str,
    lines: &mut JobLines,
    ended: &mut Ended,
) -> anyhow::Result<Value> {
    if let Some(job) = ended.get(id) {
        return Ok(job.clone());
    }
    let (job, progress) = client.standing(&format!("/projects/{project}/jobs/{id}")).await?;
    lines.show(&Standing::of_document(&job, progress));
    if has_ended(&text(&job, "state")?) {
        ended.insert(id.to_owned(), job.clone());
    }
    Ok(job)
}

/// The documents of a workflow's jobs, in its order.
pub async fn jobs_of(client: &Client, project: &str, workflow: &Value) -> anyhow::Result<Vec<Value>> {
    let mut jobs = Vec::new();
    for id in workflow["jobs"].as_array().context("the workflow has no list of jobs")? {
        let id = id.as_str().unwrap_or_default();
        jobs.push(client.get(&format!("/projects/{project}/jobs/{id}")).await?);
    }
    Ok(jobs)
}

/// What the jobs warn of, on stderr.
pub fn tell_warnings(job: &Value) {
    let list = job["outputs"]["params"]["warnings"].as_str();
    let list: Vec<Value> = list.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for warning in list.iter().filter_map(|warning| warning["message"].as_str()) {
        eprintln!("warning: {warning}");
    }
}

/// Nothing where all succeeded, else what the first that did not says.
pub fn all_succeeded(documents: &[Value]) -> anyhow::Result<()> {
    match documents.iter().find(|document| document["state"] != "success") {
        None => Ok(()),
        Some(bad) => {
            let id = bad["id"].as_str().unwrap_or_default();
            let state = bad["state"].as_str().unwrap_or_default();
            let noun = if bad["jobs"].is_array() { "workflow" } else { "job" };
            let why = bad["error"].as_str().map_or_else(String::new, |error| format!(": {error}"));
            Err(Failure::Refused(format!("{noun} {id} ended as {state}{why}")).into())
        }
    }
}
