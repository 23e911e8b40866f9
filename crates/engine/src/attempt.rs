//! One attempt of a job: inputs in place, the work done somewhere, outputs published or nothing at all.

use crate::blobs::{Blobs, Placing, Staged};
use crate::child;
use crate::draft::{self, JobTypes, find, own_params};
use crate::engine::{Inner, Isolation, aside};
use crate::error::EngineError;
use crate::metrics::End;
use crate::model::*;
use crate::runner::Handle;
use crate::store::ledger::{Claim, Loss, Made, Outcome, Waiting};
use crate::store::{Placed, Result};
use fieldstone_jobs::ticket::{Ended, MadeFile, Ticket};
use fieldstone_jobs::{Input, JobContext, JobEntry, JobError, KnownInputs};
use fieldstone_kernel::Monitor;
use indexmap::IndexMap;
use rayon::ThreadPool;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// What the process of a job may take beyond half as much again as the job says it needs: the program itself, its
/// threads, what an allocator keeps.
const BASE_MEMORY: u64 = 512 << 20;

/// What the job says it needs at most, now that all its inputs are there; 0 when it cannot run anyway. Noted in its row.
pub(crate) async fn memory_bytes(inner: &Arc<Inner>, waiting: &Waiting) -> Result<u64> {
    let id = waiting.id;
    let job = match inner.store.job(waiting.project, id).await {
        Ok(job) => job,
        // Deleted in between: it cannot be claimed either.
        Err(EngineError::NotFound(_)) => return Ok(0),
        Err(e) => return Err(e),
    };
    let Some(entry) = find(inner.types, &job.type_name) else { return Ok(0) };
    let read_before = inner.drafted.take(id);
    let limits = inner.config.job_limits;
    let needed = aside(move || {
        let prepared = match read_before {
            Some(prepared) => Ok(prepared),
            None => draft::prepare(entry, job.inputs.params.clone(), &limits).map(Arc::from),
        };
        Ok(prepared.map_or(0, |prepared| draft::memory_bytes(&*prepared, &known_inputs(&job))))
    });
    let needed = needed.await?;
    inner.store.set_memory(id, needed).await?;
    Ok(needed)
}

fn known_inputs(job: &Job) -> KnownInputs {
    job.inputs.assets.iter().map(|(slot, list)| (slot.clone(), draft::known_input(list))).collect()
}

/// Runs the attempt of a job that needs this much memory, and writes down how it ended.
pub(crate) async fn run(
    inner: &Arc<Inner>,
    pool: Arc<ThreadPool>,
    mut claim: Claim,
    needed: u64,
    handle: Handle,
) {
    let (id, attempt) = (claim.id(), claim.job().attempt);
    let log = async |level, text: String| note(inner, id, attempt, level, vec![text]).await;
    log(LogLevel::Info, format!("attempt {attempt} started")).await;
    let ended = attempt_of(inner, pool, &mut claim, needed, &handle).await;
    // All of it before the job's end is seen: who waits for that finds the log complete.
    note(inner, id, attempt, LogLevel::Warning, handle.take_warnings()).await;
    let written = match ended {
        Ok(finished) => {
            if let Some((from, _)) = &finished.from {
                log(LogLevel::Info, format!("the same work was done by job {from}: its results are reused"))
                    .await;
            }
            publish(inner, claim, finished).await
        }
        Err(e) => {
            let level = if matches!(e, JobError::Cancelled(_)) { LogLevel::Info } else { LogLevel::Error };
            log(level, e.to_string()).await;
            give_up(inner, claim, e).await
        }
    };
    match written {
        Ok(true) => {}
        Ok(false) => {
            inner.counters.ended(End::Superseded);
            log(LogLevel::Info, format!("attempt {attempt} was cancelled or superseded")).await;
        }
        // The row still says started: it is tried again as soon as the ledger can be written.
        Err(e) => {
            tracing::error!("job {id}: its end cannot be written down: {e}");
            inner.running.abandon(id, attempt);
        }
    }
}

/// Adds lines to the job's log; a log that cannot be written stops nothing.
pub(crate) async fn note(inner: &Inner, id: JobId, attempt: u32, level: LogLevel, lines: Vec<String>) {
    let at = Timestamp::now();
    let lines: Vec<_> = lines.into_iter().map(|text| LogLine { at, attempt, level, text }).collect();
    for line in &lines {
        tracing::debug!("job {id}: {}", line.text);
    }
    if let Err(e) = inner.store.add_log(id, &lines).await {
        tracing::warn!("job {id}: its log cannot be written: {e}");
    }
}

/// The attempt's own folder, gone when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {e}", self.0.display());
        }
    }
}

/// What an attempt brings.
struct Finished<'a> {
    assets: Vec<Output>,
    params: IndexMap<String, Value>,
    /// Hash of all that the result depends on.
    work: String,
    /// The job that did it, if it was another, and what keeps its blobs from being swept.
    from: Option<(JobId, Placing<'a>)>,
    /// After the files in it.
    _folder: Option<Folder>,
}

/// A file that was made, now or earlier.
struct Output {
    slot: String,
    extension: String,
    bytes: Bytes,
}

enum Bytes {
    /// With its checksum, still in the attempt's folder.
    Staged(Staged),
    /// A blob.
    Placed(Placed),
}

async fn attempt_of<'a>(
    inner: &'a Arc<Inner>,
    pool: Arc<ThreadPool>,
    claim: &mut Claim,
    needed: u64,
    handle: &Handle,
) -> Result<Finished<'a>, JobError> {
    let (entry, ticket, work) = prepare(inner, claim, needed).await?;
    if inner.config.reuse_results {
        // Before the look: blobs that are found are not swept before they have their new rows.
        let placing = inner.blobs.placing().await.map_err(anyhow::Error::from)?;
        let done = inner.store.same_work(claim.job().project_id, &work).await;
        if let Some(done) = done.map_err(anyhow::Error::from)? {
            return Ok(reuse(done, work, placing));
        }
    }
    let folder = Folder(ticket.folder.clone());
    std::fs::create_dir(&folder.0)?;
    let ended = match &inner.config.isolation {
        Isolation::Process(program) => {
            let ended = child::run(program, ticket, inner.config.job_time_limit, handle).await?;
            ended.unwrap_or_else(|death| {
                inner.counters.died(&death);
                death.verdict()
            })
        }
        Isolation::Threads => in_threads(entry, ticket, handle.clone(), pool.clone()).await?,
    };
    let (files, params) = match ended {
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

fn stage(folder: &Folder, files: Vec<MadeFile>) -> std::io::Result<Vec<Output>> {
    let adopt = |MadeFile { name, extension }| {
        let bytes = Bytes::Staged(Staged::adopt(folder.0.join(format!("{name}.{extension}")))?);
        Ok(Output { slot: name, extension, bytes })
    };
    files.into_iter().map(adopt).collect()
}

async fn in_threads(
    entry: &'static JobEntry,
    ticket: Ticket,
    handle: Handle,
    pool: Arc<ThreadPool>,
) -> Result<Ended, JobError> {
    let (noted, warned) = (handle.clone(), handle.clone());
    let monitor = Monitor::new(handle.cancel.clone(), move |fraction| noted.note(fraction));
    let Ticket { params, inputs, folder, limits, .. } = ticket;
    let context =
        JobContext::new(inputs, folder, monitor, limits).with_log(move |text| warned.warn(text.to_owned()));
    let work =
        tokio::task::spawn_blocking(move || Ended::of(pool.install(|| entry.execute(&params, context))));
    Ok(work.await.map_err(anyhow::Error::from)?)
}

/// The job's type, what its attempt is told, and the hash of its work.
async fn prepare(
    inner: &Arc<Inner>,
    claim: &mut Claim,
    needed: u64,
) -> Result<(&'static JobEntry, Ticket, String), JobError> {
    let params = claim.take_params();
    let job = claim.job();
    let entry =
        find(inner.types, &job.type_name).ok_or_else(|| not_available(inner.types, &job.type_name))?;
    if let Some(what) = inner.store.limits().too_greedy(needed) {
        return Err(JobError::Invalid(what));
    }
    let ticket = Ticket {
        type_name: job.type_name.clone(),
        params: own_params(entry, params),
        inputs: inputs(&inner.blobs, job).map_err(anyhow::Error::from)?,
        folder: inner.blobs.work_folder(&format!("{}-{}", job.id, job.attempt)),
        limits: inner.config.job_limits,
        threads: inner.config.threads,
        memory_bytes: needed.saturating_add(needed / 2).saturating_add(BASE_MEMORY),
    };
    let told = aside(move || {
        let work = work_of(entry, &ticket);
        Ok((ticket, work))
    });
    let (ticket, work) = told.await.map_err(anyhow::Error::from)?;
    Ok((entry, ticket, work))
}

/// Hash of all that the result depends on: the type and its revision, the parameters, and the inputs with the names by
/// which parameters and formats know them and with what their makers said of them.
fn work_of(entry: &JobEntry, ticket: &Ticket) -> String {
    let files =
        |list: &Vec<Input>| list.iter().map(|i| json!([i.filename, i.checksum, i.made])).collect::<Value>();
    let inputs: Value = ticket.inputs.iter().map(|(slot, list)| json!([slot, files(list)])).collect();
    let work = json!([entry.type_name, entry.revision, ticket.params, inputs]);
    hex::encode(Sha256::digest(work.to_string()))
}

/// The outputs of a job that did this work.
fn reuse(done: Job, work: String, placing: Placing<'_>) -> Finished<'_> {
    let outputs = done.outputs.assets.into_iter().flat_map(|(slot, list)| {
        list.into_iter().map(move |asset| Output {
            slot: slot.clone(),
            extension: asset.filename.rsplit_once('.').map_or("bin", |(_, e)| e).to_owned(),
            bytes: Bytes::Placed(Placed { sha256: asset.sha256, size: asset.size }),
        })
    });
    Finished {
        assets: outputs.collect(),
        params: done.outputs.params,
        work,
        from: Some((done.id, placing)),
        _folder: None,
    }
}

fn not_available(types: JobTypes, type_name: &str) -> JobError {
    let known: Vec<_> = types.iter().map(|e| e.type_name).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    JobError::Invalid(format!("job type {type_name:?} is not available here, expected one of {known}"))
}

/// Inputs are read where they lie: blobs never change.
fn inputs(blobs: &Blobs, job: &Job) -> Result<IndexMap<String, Vec<Input>>> {
    let input = |asset: &Asset| {
        Ok(Input {
            path: blobs.local_path(&asset.sha256)?,
            filename: asset.filename.clone(),
            checksum: format!("sha256:{}", asset.sha256),
            made: asset.made.clone(),
        })
    };
    let slot = |(slot, list): (&String, &Vec<Asset>)| {
        Ok((slot.clone(), list.iter().map(input).collect::<Result<_>>()?))
    };
    job.inputs.assets.iter().map(slot).collect()
}

/// Blobs first, then the rows that name them, all at once.
async fn publish(inner: &Inner, claim: Claim, finished: Finished<'_>) -> Result<bool> {
    let placing = match finished.from {
        Some((_, placing)) => placing,
        None => match inner.blobs.placing().await {
            Ok(placing) => placing,
            Err(e) => return give_up(inner, claim, JobError::Internal(e.into())).await,
        },
    };
    let mut assets: Vec<Made> = Vec::with_capacity(finished.assets.len());
    for Output { slot, extension, bytes } in finished.assets {
        let blob = match bytes {
            Bytes::Placed(blob) => blob,
            Bytes::Staged(staged) => match inner.blobs.place(staged, &placing).await {
                Ok(blob) => blob,
                Err(e) => return give_up(inner, claim, JobError::Internal(e.into())).await,
            },
        };
        assets.push(Made { slot, filename: inner.new_filename(&extension), blob });
    }
    let blobs = assets.iter().map(|made| made.blob.sha256.clone()).collect();
    let outcome = Outcome::Success { assets, params: finished.params, work: finished.work };
    let accepted = inner.store.finish(claim, outcome, Timestamp::now()).await?;
    drop(placing);
    if accepted {
        inner.counters.ended(End::Success);
    } else {
        inner.blobs.sweep(&inner.store, blobs).await?;
    }
    Ok(accepted)
}

async fn give_up(inner: &Inner, claim: Claim, error: JobError) -> Result<bool> {
    let now = Timestamp::now();
    let end = match &error {
        JobError::Invalid(_) => End::Failure,
        JobError::Cancelled(_) if inner.running.stopping() => End::Stopped,
        JobError::Cancelled(_) => End::Canceled,
        JobError::Internal(_) => End::Fault,
    };
    let accepted = match error {
        JobError::Invalid(text) => inner.store.finish(claim, Outcome::Failure(text), now).await,
        JobError::Cancelled(_) if end == End::Stopped => {
            inner.store.give_back(claim, Loss::Stopped, now).await
        }
        JobError::Cancelled(_) => inner.store.finish(claim, Outcome::Canceled, now).await,
        JobError::Internal(e) => {
            tracing::error!("job {}: {e:#}", claim.id());
            let error = format!("internal error: {e:#}");
            let max_attempts = inner.config.max_attempts;
            inner.store.give_back(claim, Loss::Fault { error, max_attempts }, now).await
        }
    }?;
    if accepted {
        inner.counters.ended(end);
    }
    Ok(accepted)
}
