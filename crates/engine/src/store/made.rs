//! What a job made: rows of its assets, and the inputs of the jobs that waited for it.

use super::db::Connection;
use super::{db, rows, sql};
use crate::bindings::Bindings;
use crate::blobs::PlacedBlob;
use crate::error::Result;
use crate::model::*;
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of a parameter out that an asset keeps, beside its job: what says where samples are, no reports.
const MADE_BYTES: usize = 256;

/// An output asset whose bytes are on disk.
#[derive(Clone, Debug)]
pub(crate) struct PlacedOutput {
    pub(crate) slot: String,
    pub(crate) filename: String,
    pub(crate) blob: PlacedBlob,
}

/// Writes the rows of what the job made.
pub(super) async fn publish(
    tx: &mut Connection,
    job: &Job,
    made: Vec<PlacedOutput>,
    params: IndexMap<String, Value>,
    now: Timestamp,
) -> Result<JobData> {
    let short = |(_, value): &(&String, &Value)| value.as_str().is_some_and(|text| text.len() <= MADE_BYTES);
    let said = rows::to_json(&params.iter().filter(short).collect::<IndexMap<_, _>>())?;
    let mut outputs = JobData { params, ..JobData::default() };
    for PlacedOutput { slot, filename, blob } in made {
        let row = db::query(sql::ASSET_INSERT)
            .bind(job.project_id.0)
            .bind(job.id.0)
            .bind(filename)
            .bind(blob.size as i64)
            .bind(blob.sha256)
            .bind(now.0)
            .bind(&said)
            .fetch_one(&mut *tx)
            .await?;
        outputs.assets.entry(slot).or_default().push(rows::asset(&row)?);
    }
    let set = db::query(sql::JOB_SET_OUTPUTS).bind(job.id.0).bind(rows::to_json(&outputs)?);
    set.execute(tx).await?;
    Ok(outputs)
}

/// Gives what `job` made to the pending jobs of its workflow that wait for it. At once, so that
/// deleting an asset later takes nothing from them.
pub(super) async fn bind_dependants(
    tx: &mut Connection,
    job: &Job,
    outputs: &JobData,
    now: Timestamp,
) -> Result<Vec<JobId>> {
    let (Some(workflow), Some(name)) = (job.workflow_id, &job.name) else { return Ok(Vec::new()) };
    let nodes = db::query(sql::WORKFLOW_NODES).bind(workflow.0).fetch_all(&mut *tx).await?;
    let mut touched = Vec::new();
    for row in &nodes {
        let node = rows::node(row)?;
        if node.state != State::Pending || !node.needs.contains(&job.id) {
            continue;
        }
        touched.push(node.id);
        let text: String = db::query_scalar(sql::JOB_INPUTS).bind(node.id.0).fetch_one(&mut *tx).await?;
        let mut inputs: Bindings<Box<RawValue>> = rows::from_json(&text)?;
        match inputs.bind(name, outputs) {
            Ok(()) => {
                let set = db::query(sql::JOB_SET_INPUTS).bind(node.id.0).bind(rows::to_json(&inputs)?);
                set.execute(&mut *tx).await?;
            }
            Err(error) => {
                let fail = db::query(sql::JOB_FAIL).bind(node.id.0).bind(now.0).bind(db::lossy(error));
                fail.execute(&mut *tx).await?;
            }
        }
    }
    Ok(touched)
}
