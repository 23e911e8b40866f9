//! One attempt of a job: inputs in place, the work done somewhere, outputs published or nothing at all.

use super::inputs;
use super::pieces;
use super::place::{Order, Place, process_memory};
use super::publish::{Finished, OutputBytes, OutputFile, WorkFolder, end_of, give_up, note, publish};
use super::reuse::{reuse, work_hash};
use super::room::{disk_share, output_limit, spaces};
use super::running::AttemptHandle;
use super::whole::Whole;
use super::worker_attempts::cpu_seconds;
use crate::blobs::Staged;
use crate::core::{Core, on_worker};
use crate::draft::{JobTypes, find, own_params};
use crate::limits::Needs;
use crate::metrics::AttemptEnd;
use crate::model::*;
use crate::store::ledger::Claim;
use fieldstone_jobs::ticket::{Ended, MadeFile, Ticket};
use fieldstone_jobs::{JobEntry, JobError, Share};
use rayon::ThreadPool;
use serde_json::Value;
use std::sync::Arc;

/// Runs the attempt of a job with these needs at a place, for which `disk` bytes of the disk are kept, and writes down how it ended.
pub(crate) async fn run(
    core: &Arc<Core>,
    (place, pool): (Box<dyn Place>, Arc<ThreadPool>),
    mut claim: Claim,
    needs: Needs,
    disk: u64,
    handle: AttemptHandle,
) {
    let (id, attempt) = (claim.id(), claim.job().attempt);
    let log = async |level, text: String| note(core, id, attempt, level, vec![text]).await;
    let at = place.name().map_or(String::new(), |worker| format!(" at worker {worker:?}"));
    let started = log(LogLevel::Info, format!("attempt {attempt} started{at}"));
    let ((), ended) =
        tokio::join!(started, attempt_of(core, (place, pool), &mut claim, needs, disk, &handle));
    // All of it before the job's end is seen: who waits for that finds the log complete.
    note(core, id, attempt, LogLevel::Warning, handle.take_warnings()).await;
    let written = match ended {
        Ok(finished) => {
            if let Some((from, _)) = &finished.from {
                log(LogLevel::Info, format!("the same work was done by job {from}: its results are reused"))
                    .await;
            }
            publish(core, claim, finished, &handle).await
        }
        Err(e) => {
            let level = match end_of(core, &e) {
                AttemptEnd::Stopped | AttemptEnd::Canceled => LogLevel::Info,
                _ => LogLevel::Error,
            };
            log(level, e.to_string()).await;
            give_up(core, claim, e).await
        }
    };
    match written {
        Ok(true) => {}
        Ok(false) => {
            core.counters.ended(AttemptEnd::Superseded);
            log(LogLevel::Info, format!("attempt {attempt} was cancelled or superseded")).await;
        }
        // The row still says started: it is tried again as soon as the ledger can be written.
        Err(e) => {
            tracing::error!("job {id}: its end cannot be written down: {e}");
            core.running.abandon(id, attempt);
        }
    }
}

async fn attempt_of<'a>(
    core: &'a Arc<Core>,
    (mut place, pool): (Box<dyn Place>, Arc<ThreadPool>),
    claim: &mut Claim,
    needs: Needs,
    disk: u64,
    handle: &AttemptHandle,
) -> Result<Finished<'a>, JobError> {
    let (entry, mut ticket, work) = prepare(core, claim, needs.memory).await?;
    if core.config.reuse_results
        && let Some(finished) = reuse(core, claim.job(), &work, handle).await?
    {
        return Ok(finished);
    }
    let project = claim.job().project_id;
    let elsewhere = core.store.running_elsewhere().await.map_err(anyhow::Error::from)?;
    let beside = core.running.load_beside(Some(claim.id())).beside(elsewhere);
    let spaces = async { Ok(spaces(core, project, &beside).await.map_err(anyhow::Error::from)?) };
    let inputs = inputs::bring(core, claim.job(), &mut ticket.inputs, handle);
    let (spaces, _inputs) = tokio::try_join!(spaces, inputs)?;
    let output_limit = output_limit(&spaces, project, needs.output, disk);
    if needs.output > output_limit.bytes {
        return Err(JobError::Invalid(output_limit.refusal));
    }
    // A job without outputs of any size needs no room.
    ticket.file_bytes = output_limit.bytes;
    let folder = WorkFolder(ticket.folder.clone());
    std::fs::create_dir(&folder.0)?;
    let (id, attempt) = (claim.id(), claim.job().attempt);
    // Only a job that may be cut is told more than once.
    let of_whole = ticket.piece_samples.is_some().then(|| ticket.clone());
    let output_limit = &output_limit;
    let mut ended = place.run(Order { core, entry, ticket, output_limit, handle }).await?;
    if let (Ended::Cut(cut), Some(ticket)) = (&ended, &of_whole) {
        // Half of its share of the disk; one whose share is for its outputs alone gets half of what is left beside that.
        let (disk, more) = match needs.output {
            0 => (disk / 2, 0),
            _ => {
                let more = disk_share(0, &spaces, 1).saturating_sub(disk) / 2;
                (more, more)
            }
        };
        core.running.keep(id, None, more);
        let whole = Whole { core, id, attempt, entry, ticket, output_limit, handle, pool: &pool };
        let cut = cut.clone();
        ended = pieces::run(whole, place, &cut, disk).await?;
    }
    core.running.has_computed(id);
    let (files, params) = match ended {
        Ended::Cut(_) => return Err(JobError::Internal(anyhow::anyhow!("a piece is cut once more"))),
        Ended::Success { files, params } => (files, params),
        Ended::Invalid(text) => return Err(JobError::Invalid(text)),
        Ended::Cancelled => return Err(JobError::Cancelled(fieldstone_kernel::Cancelled)),
        Ended::Internal(text) => return Err(JobError::Internal(anyhow::anyhow!(text))),
    };
    // On a thread that yields to those that answer requests: outputs may be large.
    let made = tokio::task::spawn_blocking(move || pool.install(|| Ok((stage(&folder, files)?, folder))));
    let (assets, folder) =
        made.await.map_err(anyhow::Error::from)?.map_err(|e: std::io::Error| JobError::from(e))?;
    let params = params.into_iter().map(|(n, v)| (n, Value::String(v))).collect();
    Ok(Finished { assets, params, work, from: None, _folder: Some(folder) })
}

fn stage(folder: &WorkFolder, files: Vec<MadeFile>) -> std::io::Result<Vec<OutputFile>> {
    let adopt = |MadeFile { name, extension }| {
        let bytes = OutputBytes::Staged(Staged::adopt(folder.0.join(format!("{name}.{extension}")))?);
        Ok(OutputFile { slot: name, extension, bytes })
    };
    files.into_iter().map(adopt).collect()
}

/// The job's type, what its attempt is told, and the hash of its work.
async fn prepare(
    core: &Arc<Core>,
    claim: &mut Claim,
    needed: u64,
) -> Result<(&'static JobEntry, Ticket, String), JobError> {
    let params = claim.take_params();
    let job = claim.job();
    let entry = find(core.types, &job.type_name).ok_or_else(|| not_available(core.types, &job.type_name))?;
    if let Some(what) = core.store.limits().too_greedy(needed) {
        return Err(JobError::Invalid(what));
    }
    let ticket = Ticket {
        type_name: job.type_name.clone(),
        params: own_params(entry, params),
        inputs: inputs::named(job),
        share: Share::Whole,
        piece_samples: core.config.piece_samples,
        folder: core.blobs.work_folder(&format!("{}-{}", job.id, job.attempt)),
        limits: core.config.job_limits,
        threads: core.config.threads,
        file_bytes: u64::MAX,
        memory_bytes: process_memory(needed),
        cpu_seconds: core.config.job_time_limit.map(|limit| cpu_seconds(limit, core.config.threads)),
    };
    let assets = job.inputs.assets.clone();
    let told = on_worker(move || {
        let work = work_hash(entry, &ticket.params, &assets);
        Ok((ticket, work))
    });
    let (ticket, work) = told.await.map_err(anyhow::Error::from)?;
    Ok((entry, ticket, work))
}

fn not_available(types: JobTypes, type_name: &str) -> JobError {
    let known: Vec<_> = types.iter().map(|e| e.type_name).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    JobError::Invalid(format!("job type {type_name:?} is not available here, expected one of {known}"))
}
