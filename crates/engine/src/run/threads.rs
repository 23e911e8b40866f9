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

/// One thread for reading that can wait: like those of geometry, and on Linux its reads are done when the disk has nothing
/// else to do. Schedulers that know no classes (`none`, `mq-deadline` before Linux 5.14) treat them as any.
pub(crate) fn new_idle_reader() -> Result<ThreadPool, rayon::ThreadPoolBuildError> {
    let start = |_| {
        lower_priority();
        read_when_idle();
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "reader".to_owned())
        .start_handler(start)
        .build()
}

/// Puts the reads and writes of this thread into the idle class: ioprio_set(2).
fn read_when_idle() {
    #[cfg(target_os = "linux")]
    {
        let idle = IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT;
        // SAFETY: three numbers, no memory; 0 is the calling thread.
        if unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, idle) } != 0 {
            let e = std::io::Error::last_os_error();
            tracing::debug!("cannot lower the priority of reads: {e}");
        }
    }
}

/// Of linux/ioprio.h: one thread is meant, its class is idle, and where in the number the class stands.
#[cfg(target_os = "linux")]
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
#[cfg(target_os = "linux")]
const IOPRIO_CLASS_IDLE: libc::c_int = 3;
#[cfg(target_os = "linux")]
const IOPRIO_CLASS_SHIFT: libc::c_int = 13;

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
    let Ticket { params, inputs, folder, limits, share, piece_samples, .. } = ticket;
    let context = JobContext::new(inputs, folder, monitor, limits)
        .with_share(share)
        .with_piece_samples(piece_samples)
        .with_log(move |text| warned.warn(text.to_owned()));
    let work =
        tokio::task::spawn_blocking(move || Ended::of(pool.install(|| entry.execute(params, context))));
    Ok(work.await.map_err(anyhow::Error::from)?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_idle_reader_reads_when_the_disk_is_idle() {
        // SAFETY: two numbers, no memory.
        let class =
            || unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) } >> IOPRIO_CLASS_SHIFT;
        let before = class();
        assert_ne!(before, i64::from(IOPRIO_CLASS_IDLE));
        assert_eq!(new_idle_reader().unwrap().install(class), i64::from(IOPRIO_CLASS_IDLE));
        assert_eq!(new_pool(1).unwrap().install(class), before, "geometry writes as any");
        assert_eq!(class(), before, "and so does the thread that asked");
    }
}
