//! Geometry in threads of this process.

use super::running::AttemptHandle;
use fieldstone_jobs::ticket::{Ended, Ticket};
use fieldstone_jobs::{JobContext, JobEntry, JobError};
use fieldstone_kernel::Monitor;
use rayon::ThreadPool;
use std::sync::Arc;

/// The threads of all geometry. They yield to the threads that answer requests.
pub(crate) fn new_pool(threads: usize) -> Result<ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|n| format!("geometry-{n}"))
        .start_handler(|_| lower_priority())
        .build()
}

/// On Linux a thread has a priority of its own; elsewhere it would be the whole process's.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!("cannot lower the priority of geometry threads: {e}");
    }
}

/// Runs an attempt in the threads of `pool`, to its end.
pub(super) async fn run(
    entry: &'static JobEntry,
    ticket: Ticket,
    handle: AttemptHandle,
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
