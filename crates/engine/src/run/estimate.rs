//! What a waiting job needs: memory, and room for its outputs.

use crate::core::{Core, on_worker};
use crate::draft::{self, find};
use crate::error::{EngineError, Result};
use crate::limits::Needs;
use crate::model::Job;
use crate::store::ledger::ReadyJob;
use fieldstone_jobs::KnownInputs;
use std::sync::Arc;

/// What the job says it needs, now that all its inputs are there; nothing when it cannot run anyway. Noted in its row.
pub(crate) async fn needs(core: &Arc<Core>, waiting: &ReadyJob) -> Result<Needs> {
    let id = waiting.id;
    let job = match core.store.job(waiting.project, id).await {
        Ok(job) => job,
        // Deleted in between: it cannot be claimed either.
        Err(EngineError::NotFound(_)) => return Ok(Needs::default()),
        Err(e) => return Err(e),
    };
    let Some(entry) = find(core.types, &job.type_name) else { return Ok(Needs::default()) };
    let read_before = core.drafted.take(id);
    let (limits, piece_samples) = (core.config.job_limits, core.config.piece_samples);
    let needs = on_worker(move || {
        let prepared = match read_before {
            Some(prepared) => Ok(prepared),
            None => draft::prepare(entry, job.inputs.params.clone(), &limits).map(Arc::from),
        };
        Ok(prepared.map_or(Needs::default(), |prepared| {
            draft::needs(&*prepared, &known_inputs(&job), piece_samples)
        }))
    });
    let needs = needs.await?;
    core.store.set_needs(id, needs).await?;
    Ok(needs)
}

fn known_inputs(job: &Job) -> KnownInputs {
    job.inputs.assets.iter().map(|(slot, list)| (slot.clone(), draft::known_input(list))).collect()
}
