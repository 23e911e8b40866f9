//! Rows to resources and back.

use crate::bindings::{Bindings, Bound};
use crate::error::{EngineError, Result, UnreadableJob};
use crate::model::*;
use crate::store::db::Row;
use crate::workflow::dag::Node;
use anyhow::anyhow;
use indexmap::IndexMap;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Bytes of documents that take long to read.
const LARGE: u64 = 64 << 10;

pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    Ok(serde_json::from_str(text)?)
}

pub(crate) fn state(word: &str) -> Result<State> {
    let all = [State::Pending, State::Started, State::Success, State::Failure, State::Canceled];
    let found = all.into_iter().find(|s| s.as_str() == word);
    Ok(found.ok_or_else(|| anyhow!("the ledger holds the unknown state {word:?}"))?)
}

pub(crate) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Private => "private",
        Access::Org => "org",
        Access::Public => "public",
    }
}

pub(crate) fn access(word: &str) -> Result<Access> {
    let found = [Access::Private, Access::Org, Access::Public].into_iter().find(|a| access_word(*a) == word);
    Ok(found.ok_or_else(|| anyhow!("the ledger holds the unknown access {word:?}"))?)
}

fn time(row: &Row, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

pub(crate) fn project(row: &Row) -> Result<Project> {
    let document = |column: &str| -> Result<Option<serde_json::Value>> {
        row.try_get::<Option<&str>, _>(column)?.map(from_json).transpose()
    };
    Ok(Project {
        id: ProjectId(row.try_get("id")?),
        user: row.try_get("user_id")?,
        name: row.try_get("name")?,
        access: access(row.try_get("access")?)?,
        kind: row.try_get("kind")?,
        project: document("document")?,
        graph: document("graph")?,
        created: Timestamp(row.try_get("created")?),
        modified: Timestamp(row.try_get("modified")?),
    })
}

pub(crate) fn asset(row: &Row) -> Result<Asset> {
    Ok(Asset {
        id: AssetId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        job_id: row.try_get::<Option<i64>, _>("job_id")?.map(JobId),
        filename: row.try_get("filename")?,
        size: row.try_get::<i64, _>("size")?.max(0) as u64,
        sha256: row.try_get("sha256")?,
        created: Timestamp(row.try_get("created")?),
        modified: Timestamp(row.try_get("modified")?),
        made: row.try_get::<Option<&str>, _>("made")?.map_or(Ok(IndexMap::new()), from_json)?,
    })
}

/// A job; the error of one that cannot be read is an [`UnreadableJob`].
pub(crate) fn job(row: &Row) -> Result<Job> {
    read_job(row).map_err(|e| match e {
        EngineError::Internal(e) => EngineError::Internal(UnreadableJob(e).into()),
        e => e,
    })
}

fn read_job(row: &Row) -> Result<Job> {
    let mut inputs: Bindings = from_json(row.try_get("inputs")?)?;
    inputs.join(row.try_get("document")?)?;
    Ok(Job {
        id: JobId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        workflow_id: row.try_get::<Option<i64>, _>("workflow_id")?.map(WorkflowId),
        name: row.try_get("name")?,
        type_name: row.try_get("type_name")?,
        state: state(row.try_get("state")?)?,
        created: Timestamp(row.try_get("created")?),
        started: time(row, "started")?,
        finished: time(row, "finished")?,
        error: row.try_get("error")?,
        inputs: inputs.into_known(),
        outputs: from_json(row.try_get("outputs")?)?,
        needs: from_json(row.try_get("needs")?)?,
        progress: row.try_get::<f64, _>("progress")? as f32,
        attempt: row.try_get::<i64, _>("attempt")?.max(0) as u32,
    })
}

/// [`job`], for one with a large document on another thread: nobody else waits for it.
pub(crate) async fn job_aside(row: Row) -> Result<Job> {
    if job_bytes(&row)? < LARGE {
        return job(&row);
    }
    tokio::task::spawn_blocking(move || job(&row)).await?
}

/// The same for several.
pub(crate) async fn jobs_aside(rows: Vec<Row>) -> Result<Vec<Job>> {
    let bytes = rows.iter().map(job_bytes).sum::<Result<u64>>()?;
    let read = move || rows.iter().map(job).collect();
    if bytes < LARGE { read() } else { tokio::task::spawn_blocking(read).await? }
}

/// Checksums of the job's input assets that are known.
pub(crate) fn input_blobs(row: &Row) -> Result<Vec<String>> {
    let inputs: Bindings<IgnoredAny> = from_json(row.try_get("inputs")?)?;
    let assets = inputs.assets.into_values().flatten().filter_map(Bound::known);
    Ok(assets.map(|asset| asset.sha256).collect())
}

/// About the memory of a job read from `row`: its documents, and a constant for the rest.
pub(crate) fn job_bytes(row: &Row) -> Result<u64> {
    let text = |column: &str| -> Result<u64> { Ok(row.try_get::<&str, _>(column)?.len() as u64) };
    let document = row.try_get::<Option<&str>, _>("document")?.map_or(0, str::len) as u64;
    Ok(1024 + 2 * (text("inputs")? + text("outputs")? + text("needs")? + document))
}

pub(crate) fn node(row: &Row) -> Result<Node> {
    Ok(Node {
        id: JobId(row.try_get("id")?),
        state: state(row.try_get("state")?)?,
        ready: row.try_get::<i64, _>("ready")? != 0,
        needs: from_json(row.try_get("needs")?)?,
    })
}

/// All but the list of jobs.
pub(crate) fn workflow(row: &Row) -> Result<Workflow> {
    Ok(Workflow {
        id: WorkflowId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        jobs: Vec::new(),
        state: state(row.try_get("state")?)?,
        created: Timestamp(row.try_get("created")?),
        started: time(row, "started")?,
        finished: time(row, "finished")?,
        definition: row.try_get("definition")?,
    })
}
