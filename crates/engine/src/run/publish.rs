//! The end of an attempt: its outputs become blobs and rows, or its job is given back.

use super::patience::Patience;
use super::remote::GivenBack;
use super::running::AttemptHandle;
use crate::blobs::{PlacedBlob, Placing, Staged};
use crate::core::Core;
use crate::error::{EngineError, Result};
use crate::metrics::AttemptEnd;
use crate::model::*;
use crate::store::PlacedOutput;
use crate::store::ledger::{Claim, Loss, Outcome};
use crate::upkeep;
use fieldstone_jobs::JobError;
use indexmap::IndexMap;
use serde_json::Value;
use std::path::PathBuf;

/// The attempt's own folder, gone when dropped.
pub(super) struct WorkFolder(pub(super) PathBuf);

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {e}", self.0.display());
        }
    }
}

/// What an attempt brings.
pub(super) struct Finished<'a> {
    pub(super) assets: Vec<OutputFile>,
    pub(super) params: IndexMap<String, Value>,
    /// Hash of all that the result depends on.
    pub(super) work: String,
    /// The job that did it, if it was another, and what keeps its blobs from being swept.
    pub(super) from: Option<(JobId, Placing<'a>)>,
    /// After the files in it.
    pub(super) _folder: Option<WorkFolder>,
}

/// A file that was made, now or earlier.
pub(super) struct OutputFile {
    pub(super) slot: String,
    pub(super) extension: String,
    pub(super) bytes: OutputBytes,
}

pub(super) enum OutputBytes {
    /// With its checksum, still in the attempt's folder.
    Staged(Staged),
    /// A blob.
    Placed(PlacedBlob),
}

/// Adds lines to the job's log; a log that cannot be written stops nothing.
pub(super) async fn note(core: &Core, id: JobId, attempt: u32, level: LogLevel, lines: Vec<String>) {
    let at = Timestamp::now();
    let lines: Vec<_> = lines.into_iter().map(|text| LogLine { at, attempt, level, text }).collect();
    for line in &lines {
        tracing::debug!("job {id}: {}", line.text);
    }
    if let Err(e) = core.store.add_log(id, &lines).await {
        tracing::warn!("job {id}: its log cannot be written: {e}");
    }
}

/// Blobs first, then the rows that name them, all at once.
pub(super) async fn publish(
    core: &Core,
    claim: Claim,
    mut finished: Finished<'_>,
    handle: &AttemptHandle,
) -> Result<bool> {
    if let Err(e) = send(core, &mut finished.assets, handle).await {
        return give_up(core, claim, JobError::Internal(e.into())).await;
    }
    let placing = match finished.from {
        Some((_, placing)) => placing,
        None => match core.blobs.placing().await {
            Ok(placing) => placing,
            Err(e) => return give_up(core, claim, JobError::Internal(e.into())).await,
        },
    };
    let mut assets: Vec<PlacedOutput> = Vec::with_capacity(finished.assets.len());
    for OutputFile { slot, extension, bytes } in finished.assets {
        let blob = match bytes {
            OutputBytes::Placed(blob) => blob,
            OutputBytes::Staged(staged) => match core.blobs.place(staged, &placing).await {
                Ok(blob) => blob,
                Err(e) => return give_up(core, claim, JobError::Internal(e.into())).await,
            },
        };
        assets.push(PlacedOutput { slot, filename: core.new_filename(&extension), blob });
    }
    let blobs = assets.iter().map(|made| made.blob.sha256.clone()).collect();
    let outcome = Outcome::Success { assets, params: finished.params, work: finished.work };
    let accepted = core.store.finish(claim, outcome, Timestamp::now()).await?;
    drop(placing);
    if accepted {
        core.counters.ended(AttemptEnd::Success);
    } else {
        upkeep::sweep(&core.blobs, &core.store, blobs).await?;
    }
    Ok(accepted)
}

/// Sends what is to be placed, for a while also to a bucket that does not answer.
async fn send(core: &Core, outputs: &mut [OutputFile], handle: &AttemptHandle) -> Result<()> {
    let patience = Patience::new(handle);
    for output in outputs {
        let OutputBytes::Staged(staged) = &mut output.bytes else { continue };
        while let Err(e) = core.blobs.send(staged).await {
            patience.again(e).await?;
        }
    }
    Ok(())
}

/// What an attempt that brings this error has come to.
pub(super) fn end_of(core: &Core, error: &JobError) -> AttemptEnd {
    match error {
        JobError::Invalid(_) => AttemptEnd::Failure,
        JobError::Cancelled(_) if core.running.stopping() => AttemptEnd::Stopped,
        // A server that goes takes no more connections: a worker cannot fetch an input from it.
        JobError::Internal(_) if core.running.stopping() => AttemptEnd::Stopped,
        JobError::Internal(e) if e.is::<GivenBack>() => AttemptEnd::Stopped,
        JobError::Cancelled(_) => AttemptEnd::Canceled,
        JobError::Internal(_) => AttemptEnd::Fault,
    }
}

pub(super) async fn give_up(core: &Core, claim: Claim, error: JobError) -> Result<bool> {
    let now = Timestamp::now();
    let end = end_of(core, &error);
    let error = match error {
        // The next attempt would find it as full, and keep it so.
        JobError::Internal(e) if end != AttemptEnd::Stopped => match EngineError::from(e) {
            EngineError::Full => JobError::Invalid(EngineError::Full.to_string()),
            EngineError::Internal(e) => JobError::Internal(e),
            e => JobError::Internal(e.into()),
        },
        error => error,
    };
    let accepted = match error {
        JobError::Invalid(text) => core.store.finish(claim, Outcome::Failure(text), now).await,
        _ if end == AttemptEnd::Stopped => core.store.give_back(claim, Loss::Stopped, now).await,
        JobError::Cancelled(_) => core.store.finish(claim, Outcome::Canceled, now).await,
        JobError::Internal(e) => {
            tracing::error!("job {}: {e:#}", claim.id());
            let error = format!("internal error: {e:#}");
            let max_attempts = core.config.max_attempts;
            core.store.give_back(claim, Loss::Fault { error, max_attempts }, now).await
        }
    }?;
    if accepted {
        core.counters.ended(end);
    }
    Ok(accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Engine;
    use crate::service::tests::config;

    #[tokio::test]
    async fn what_fails_because_the_server_goes_is_not_its_jobs_loss() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let end = |error| end_of(&engine.core, &error);
        let cannot_be_fetched = || JobError::Internal(anyhow::anyhow!("connection refused"));
        assert_eq!(end(cannot_be_fetched()), AttemptEnd::Fault);
        engine.core.running.stop();
        assert_eq!(end(cannot_be_fetched()), AttemptEnd::Stopped);
        assert_eq!(end(JobError::Invalid("no mesh".into())), AttemptEnd::Failure, "that is the job's own");
    }
}
