//! One attempt of a job: inputs in place, the work in a thread, outputs published or nothing at all.

use crate::blobs::{Blobs, Staged};
use crate::draft::{JobTypes, find, parse_own};
use crate::engine::Inner;
use crate::model::*;
use crate::runner::Handle;
use crate::store::Result;
use crate::store::ledger::{Claim, Loss, Made, Outcome};
use fieldstone_jobs::{Input, InputSizes, JobContext, JobEntry, JobError, JobLimits, Values};
use fieldstone_kernel::Monitor;
use indexmap::IndexMap;
use rayon::ThreadPool;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

/// What the job says it needs at most; 0 when it cannot run anyway.
pub(crate) fn memory_bytes(types: JobTypes, job: &Job) -> u64 {
    let Some(entry) = find(types, &job.type_name) else { return 0 };
    let Ok(values) = parse_own(entry, &job.inputs.params) else { return 0 };
    // A job type that panics here panics again in its attempt, which is made for that.
    catch_unwind(AssertUnwindSafe(|| (entry.memory_bytes)(&values, &sizes(job)))).unwrap_or(0)
}

fn sizes(job: &Job) -> InputSizes {
    let total = |list: &Vec<Asset>| list.iter().map(|a| a.size).sum();
    job.inputs.assets.iter().map(|(slot, list)| (slot.clone(), total(list))).collect()
}

/// Runs the attempt and writes down how it ended.
pub(crate) async fn run(inner: &Arc<Inner>, pool: Arc<ThreadPool>, claim: Claim, handle: Handle) {
    let id = claim.id();
    let ended = match prepare(inner, claim.job(), &handle) {
        Ok(work) => tokio::task::spawn_blocking(move || work.execute(&pool)).await,
        Err(e) => Ok(Err(e)),
    };
    let ended = ended.unwrap_or_else(|e| Err(JobError::Internal(e.into())));
    let written = match ended {
        Ok(finished) => publish(inner, claim, finished).await,
        Err(e) => give_up(inner, claim, e).await,
    };
    match written {
        Ok(true) => {}
        Ok(false) => tracing::debug!("job {id}: the attempt was cancelled or superseded"),
        // The row still says started: the attempt is taken back when its lease ends.
        Err(e) => tracing::error!("job {id}: its end cannot be written down: {e}"),
    }
}

/// All that the thread needs.
struct Work {
    entry: &'static JobEntry,
    values: Values,
    inputs: IndexMap<String, Vec<Input>>,
    folder: Folder,
    monitor: Monitor,
    limits: JobLimits,
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

/// Outputs with their checksums, still in the attempt's folder.
struct Finished {
    assets: Vec<(&'static str, &'static str, Staged)>,
    params: IndexMap<String, String>,
    /// After the files in it.
    _folder: Folder,
}

fn prepare(inner: &Inner, job: &Job, handle: &Handle) -> Result<Work, JobError> {
    let entry =
        find(inner.types, &job.type_name).ok_or_else(|| not_available(inner.types, &job.type_name))?;
    let values = parse_own(entry, &job.inputs.params)?;
    let needed = (entry.memory_bytes)(&values, &sizes(job));
    let limit = inner.config.memory_limit_bytes;
    if needed > limit {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let (needed, limit) = (mib(needed), mib(limit));
        return Err(JobError::Invalid(format!(
            "needs up to {needed} MiB of memory, the limit is {limit} MiB"
        )));
    }
    let noted = handle.clone();
    Ok(Work {
        entry,
        values,
        inputs: inputs(&inner.blobs, job).map_err(anyhow::Error::from)?,
        folder: Folder(inner.blobs.work_folder(&format!("{}-{}", job.id, job.attempt))),
        monitor: Monitor::new(handle.cancel.clone(), move |fraction| noted.note(fraction)),
        limits: inner.config.job_limits,
    })
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
        })
    };
    let slot = |(slot, list): (&String, &Vec<Asset>)| {
        Ok((slot.clone(), list.iter().map(input).collect::<Result<_>>()?))
    };
    job.inputs.assets.iter().map(slot).collect()
}

impl Work {
    fn execute(self, pool: &ThreadPool) -> Result<Finished, JobError> {
        let Work { entry, values, inputs, folder, monitor, limits } = self;
        std::fs::create_dir(&folder.0)?;
        let mut context = JobContext::new(inputs, folder.0.clone(), monitor, limits);
        let run = || pool.install(|| (entry.run)(&values, &mut context));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(result) => result?,
            Err(panic) => {
                return Err(JobError::Invalid(format!("the job crashed: {}", panic_text(panic.as_ref()))));
            }
        }
        let outputs = context.into_outputs();
        let stage = |o: fieldstone_jobs::Output| Ok((o.name, o.extension, Staged::adopt(o.path)?));
        let assets = outputs.assets.into_iter().map(stage).collect::<Result<_, JobError>>()?;
        Ok(Finished { assets, params: outputs.params, _folder: folder })
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// Blobs first, then the rows that name them, all at once.
async fn publish(inner: &Inner, claim: Claim, finished: Finished) -> Result<bool> {
    let placing = inner.blobs.placing().await;
    let mut assets: Vec<Made> = Vec::with_capacity(finished.assets.len());
    for (slot, extension, staged) in finished.assets {
        let blob = match inner.blobs.place(staged, &placing).await {
            Ok(blob) => blob,
            Err(e) => return give_up(inner, claim, JobError::Internal(e.into())).await,
        };
        assets.push(Made { slot: slot.to_owned(), filename: inner.new_filename(extension), blob });
    }
    let params = finished.params.into_iter().map(|(n, v)| (n, Value::String(v))).collect();
    let blobs = assets.iter().map(|made| made.blob.sha256.clone()).collect();
    let outcome = Outcome::Success { assets, params };
    let accepted = inner.store.finish(claim, outcome, Timestamp::now()).await?;
    drop(placing);
    if !accepted {
        inner.blobs.sweep(&inner.store, blobs).await?;
    }
    Ok(accepted)
}

async fn give_up(inner: &Inner, claim: Claim, error: JobError) -> Result<bool> {
    let now = Timestamp::now();
    match error {
        JobError::Invalid(text) => inner.store.finish(claim, Outcome::Failure(text), now).await,
        JobError::Cancelled(_) if inner.running.stopping() => {
            inner.store.give_back(claim, Loss::Stopped, now).await
        }
        JobError::Cancelled(_) => inner.store.finish(claim, Outcome::Canceled, now).await,
        JobError::Internal(e) => {
            tracing::error!("job {}: {e:#}", claim.id());
            let error = format!("internal error: {e:#}");
            let max_attempts = inner.config.max_attempts;
            inner.store.give_back(claim, Loss::Fault { error, max_attempts }, now).await
        }
    }
}
