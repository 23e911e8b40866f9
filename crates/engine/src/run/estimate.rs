//! The memory that a waiting job needs.

use crate::core::{Core, on_worker};
use crate::draft::{self, find};
use crate::error::{EngineError, Result};
use crate::model::Job;
use crate::store::ledger::ReadyJob;
use fieldstone_jobs::KnownInputs;
use std::sync::Arc;

/// What the job says it needs at most, now that all its inputs are there; 0 when it cannot run anyway. Noted in its row.
pub(crate) async fn memory_bytes(core: &Arc<Core>, waiting: &ReadyJob) -> Result<u64> {
    let id = waiting.id;
    let job = match core.store.job(waiting.project, id).await {
        Ok(job) => job,
        // Deleted in between: it cannot be claimed either.
        Err(EngineError::NotFound(_)) => return Ok(0),
        Err(e) => return Err(e),
    };
    let Some(entry) = find(core.types, &job.type_name) else { return Ok(0) };
    let read_before = core.drafted.take(id);
    let limits = core.config.job_limits;
    let needed = on_worker(move || {
        let prepared = match read_before {
            Some(prepared) => Ok(prepared),
            None => draft::prepare(entry, job.inputs.params.clone(), &limits).map(Arc::from),
        };
        Ok(prepared.map_or(0, |prepared| draft::memory_bytes(&*prepared, &known_inputs(&job))))
    });
    let needed = needed.await?;
    core.store.set_memory(id, needed).await?;
    Ok(needed)
}

fn known_inputs(job: &Job) -> KnownInputs {
    job.inputs.assets.iter().map(|(slot, list)| (slot.clone(), draft::known_input(list))).collect()
}
