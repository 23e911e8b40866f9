//! The attempts of this process, and how they are told to end.

use crate::model::JobId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Progress that is worth a write.
const STEP: f32 = 0.005;
/// Lines that an attempt may add to its job's log between two looks.
const MOST_WARNINGS: usize = 100;

/// The attempts of this process, as everybody sees them.
#[derive(Default)]
pub(crate) struct Running {
    doorbell: Notify,
    stopping: AtomicBool,
    attempts: Mutex<HashMap<JobId, RunningAttempt>>,
    /// Attempts whose end could not be written down.
    abandoned: Mutex<Vec<(JobId, u32)>>,
    /// Why no job can be started now.
    trouble: Mutex<Option<String>>,
}

/// One attempt, from outside.
struct RunningAttempt {
    attempt: u32,
    handle: AttemptHandle,
    memory: u64,
    /// When its lease was last renewed.
    renewed: Option<Instant>,
    /// The progress that was written then.
    noted: f32,
}

/// An attempt whose lease is to be renewed now.
pub(super) struct DueAttempt {
    pub(super) id: JobId,
    pub(super) attempt: u32,
    pub(super) progress: f32,
}

/// What an attempt shares with its watchers.
#[derive(Clone, Default)]
pub(crate) struct AttemptHandle {
    pub(crate) cancel: Arc<AtomicBool>,
    /// Rung when `cancel` is set.
    cancel_bell: Arc<Notify>,
    warnings: Arc<Mutex<Vec<String>>>,
    /// Bits of a fraction in 0..=1: these order as the fractions do.
    progress: Arc<AtomicU32>,
}

impl AttemptHandle {
    fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.cancel_bell.notify_one();
    }

    /// Returns once the attempt is to end; for one waiter.
    pub(crate) async fn cancelled(&self) {
        while !self.cancel.load(Ordering::Relaxed) {
            self.cancel_bell.notified().await;
        }
    }

    /// Notes a line for the job's log; those beyond a limit are dropped.
    pub(crate) fn warn(&self, text: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MOST_WARNINGS {
            warnings.push(text);
        }
    }

    /// What was noted since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes progress; it never goes back.
    pub(crate) fn note(&self, fraction: f32) {
        self.progress.fetch_max(fraction.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
    }
}

impl Running {
    /// Says that there may be work.
    pub(crate) fn ring(&self) {
        self.doorbell.notify_one();
    }

    /// Ends the attempts of these jobs as soon as they look.
    pub(crate) fn cancel(&self, jobs: &[JobId]) {
        let attempts = self.lock();
        for watched in jobs.iter().filter_map(|id| attempts.get(id)) {
            watched.handle.cancel();
        }
    }

    /// Has the lease of an attempt ended as soon as the ledger can be written: its job is then tried again.
    pub(crate) fn abandon(&self, id: JobId, attempt: u32) {
        self.abandoned().push((id, attempt));
    }

    pub(super) fn abandoned(&self) -> MutexGuard<'_, Vec<(JobId, u32)>> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why no job can be started now; `None` when all is well.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Undoes [`Running::stop`].
    pub(crate) fn resume(&self) {
        self.stopping.store(false, Ordering::Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.ring();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn cancel_all(&self) {
        self.lock().values().for_each(|w| w.handle.cancel());
    }

    /// Slots and memory in use.
    pub(crate) fn used(&self) -> (usize, u64) {
        let attempts = self.lock();
        (attempts.len(), attempts.values().map(|w| w.memory).sum())
    }

    /// Takes up an attempt that needs so much memory.
    pub(super) fn insert(&self, id: JobId, attempt: u32, memory: u64, handle: AttemptHandle) {
        let running = RunningAttempt { attempt, handle, memory, renewed: None, noted: 0.0 };
        self.lock().insert(id, running);
    }

    /// Forgets an attempt, whose slot is free now.
    pub(super) fn remove(&self, id: JobId) {
        self.lock().remove(&id);
        self.ring();
    }

    /// Attempts whose leases were not renewed for `at_least`, or for `with_progress` where there is progress to tell.
    pub(super) fn due(&self, at_least: Duration, with_progress: Duration) -> Vec<DueAttempt> {
        let mut due = Vec::new();
        for (id, running) in self.lock().iter() {
            let progress = f32::from_bits(running.handle.progress.load(Ordering::Relaxed));
            let quiet = running.renewed.map_or(Duration::MAX, |at| at.elapsed());
            if quiet >= at_least || (progress >= running.noted + STEP && quiet >= with_progress) {
                due.push(DueAttempt { id: *id, attempt: running.attempt, progress });
            }
        }
        due
    }

    /// Notes that a lease was renewed and this progress written.
    pub(super) fn renewed(&self, id: JobId, progress: f32) {
        if let Some(running) = self.lock().get_mut(&id) {
            running.renewed = Some(Instant::now());
            running.noted = progress;
        }
    }

    /// Returns when there may be work, or the end is asked for.
    pub(super) async fn rung(&self) {
        self.doorbell.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, RunningAttempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
