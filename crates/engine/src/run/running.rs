//! The attempts of this process, and how they are told to end.

use crate::heads::HeadId;
use crate::model::{JobId, ProjectId};
use crate::store::RunningElsewhere;
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
    /// Whether no job waits for a place that is free or will be.
    nobody_waits: AtomicBool,
}

/// One attempt, from outside.
struct RunningAttempt {
    attempt: u32,
    user: String,
    project: ProjectId,
    handle: AttemptHandle,
    reserved: Reserved,
    /// It has computed: its outputs are being written down.
    is_ending: bool,
    /// Pieces of it that wait for places of workers, and the memory that each needs.
    waiting_pieces: (usize, u64),
    /// When its lease was last renewed; `None` when that is to be done now.
    renewed: Option<Instant>,
    /// The progress that was written then.
    noted: f32,
}

/// What is kept for an attempt, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reserved {
    pub(super) memory: u64,
    /// Of quotas: what it says that it makes.
    pub(super) output: u64,
    /// Of the disk.
    pub(super) disk: u64,
    /// At a worker: it takes no slot here.
    pub(super) away: bool,
}

/// An attempt whose lease is to be renewed now.
pub(super) struct DueAttempt {
    pub(super) id: JobId,
    pub(super) attempt: u32,
    pub(super) progress: f32,
}

/// What runs at one moment.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Attempts.
    pub(crate) slots: usize,
    /// Those of them that compute here, not at a worker.
    pub(super) here: usize,
    /// Those that have computed here and whose outputs are being written down.
    pub(super) ending: usize,
    /// Bytes that they need together, by their own estimates.
    pub(crate) memory: u64,
    /// What each of them that still computes writes.
    pub(super) outputs: Vec<Writing>,
    users: HashMap<String, Part>,
    projects: HashMap<ProjectId, Part>,
}

/// What an attempt writes.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) id: JobId,
    pub(super) attempt: u32,
    /// Bytes at most, or by its own estimate.
    pub(super) bytes: u64,
    /// In another server; with its number, where it has one.
    pub(super) elsewhere: Option<Option<HeadId>>,
}

/// Of a user, or of a project.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    slots: usize,
    output: u64,
}

/// One attempt of a load.
pub(super) struct Loaded {
    pub(super) id: JobId,
    pub(super) attempt: u32,
    pub(super) user: String,
    pub(super) project: ProjectId,
    pub(super) reserved: Reserved,
    pub(super) is_ending: bool,
}

impl Load {
    /// Of these attempts together.
    pub(super) fn of(attempts: impl Iterator<Item = Loaded>) -> Load {
        let mut load = Load::default();
        for Loaded { id, attempt, user, project, reserved, is_ending } in attempts {
            load.slots += 1;
            load.here += usize::from(!reserved.away && !is_ending);
            load.ending += usize::from(!reserved.away && is_ending);
            // One that has computed needs no memory any more and has written what it writes.
            if !is_ending {
                load.memory += reserved.memory;
                load.outputs.push(Writing { id, attempt, bytes: reserved.disk, elsewhere: None });
            }
            load.count(user, project, reserved.output);
        }
        load
    }

    fn count(&mut self, user: String, project: ProjectId, output: u64) {
        for part in [self.users.entry(user).or_default(), self.projects.entry(project).or_default()] {
            part.slots += 1;
            part.output = part.output.saturating_add(output);
        }
    }

    /// The same beside what other servers run: of their slots and memory it takes nothing, of turns, room and quotas it does.
    pub(super) fn beside(mut self, elsewhere: Vec<RunningElsewhere>) -> Load {
        for RunningElsewhere { id, attempt, project, user, output, owner } in elsewhere {
            self.outputs.push(Writing { id, attempt, bytes: output, elsewhere: Some(owner) });
            self.count(user, project, output);
        }
        self
    }

    /// Attempts of a user's jobs.
    pub(super) fn of_user(&self, user: &str) -> usize {
        self.users.get(user).map_or(0, |part| part.slots)
    }

    /// Attempts of a project's jobs.
    pub(super) fn of_project(&self, project: ProjectId) -> usize {
        self.projects.get(&project).map_or(0, |part| part.slots)
    }

    /// Bytes that a user's jobs make.
    pub(super) fn output_of_user(&self, user: &str) -> u64 {
        self.users.get(user).map_or(0, |part| part.output)
    }

    /// Bytes that a project's jobs make.
    pub(super) fn output_of_project(&self, project: ProjectId) -> u64 {
        self.projects.get(&project).map_or(0, |part| part.output)
    }
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
    pub(crate) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.cancel_bell.notify_one();
    }

    /// Whether the attempt is to end.
    pub(crate) fn is_to_end(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
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

    /// The fraction that is done.
    pub(crate) fn progress(&self) -> f32 {
        f32::from_bits(self.progress.load(Ordering::Relaxed))
    }

    /// Notes progress; it never goes back.
    pub(crate) fn note(&self, fraction: f32) {
        self.progress.fetch_max(fraction.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
    }
}

impl Running {
    /// Says that there may be work.
    pub(crate) fn ring(&self) {
        // Until it was looked who it is.
        self.nobody_waits.store(false, Ordering::Relaxed);
        self.doorbell.notify_one();
    }

    /// Ends the attempts of these jobs as soon as they look.
    pub(crate) fn cancel(&self, jobs: &[JobId]) {
        let attempts = self.lock();
        for watched in jobs.iter().filter_map(|id| attempts.get(id)) {
            watched.handle.cancel();
        }
    }

    /// Whether an attempt of this job runs here, of whatever number.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.lock().contains_key(&job)
    }

    /// Has every lease renewed soon: what was said of it may not have been heard.
    pub(crate) fn look_again(&self) {
        self.lock().values_mut().for_each(|running| running.renewed = None);
        self.ring();
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

    /// What runs now.
    pub(crate) fn load(&self) -> Load {
        self.load_beside(None)
    }

    /// What runs now beside an attempt of this job.
    pub(super) fn load_beside(&self, job: Option<JobId>) -> Load {
        let attempts = self.lock();
        Load::of(attempts.iter().filter(|(id, _)| Some(**id) != job).map(|(id, one)| Loaded {
            id: *id,
            attempt: one.attempt,
            user: one.user.clone(),
            project: one.project,
            reserved: one.reserved,
            is_ending: one.is_ending,
        }))
    }

    /// Takes up an attempt of a user's job, for which so much is kept.
    pub(super) fn insert(
        &self,
        id: JobId,
        attempt: u32,
        user: &str,
        project: ProjectId,
        reserved: Reserved,
        handle: AttemptHandle,
    ) {
        let user = user.to_owned();
        // Its claim has set its lease.
        let (is_ending, renewed, noted) = (false, Some(Instant::now()), 0.0);
        let waiting_pieces = (0, 0);
        let running = RunningAttempt {
            attempt,
            user,
            project,
            handle,
            reserved,
            is_ending,
            waiting_pieces,
            renewed,
            noted,
        };
        self.lock().insert(id, running);
    }

    /// Whether no job waits for a place, so that pieces of one that runs may take more than its own.
    pub(super) fn nobody_waits(&self) -> bool {
        self.nobody_waits.load(Ordering::Relaxed)
    }

    pub(super) fn set_nobody_waits(&self, is_so: bool) {
        self.nobody_waits.store(is_so, Ordering::Relaxed);
    }

    /// Notes how many pieces of an attempt wait, which need so much memory each.
    pub(super) fn set_waiting_pieces(&self, id: JobId, count: usize, memory: u64) {
        if let Some(running) = self.lock().get_mut(&id) {
            running.waiting_pieces = (count, memory);
        }
    }

    /// Pieces that wait for places of workers and need no more memory than this.
    pub(crate) fn waiting_pieces(&self, memory: u64) -> usize {
        let fits = |one: &&RunningAttempt| one.waiting_pieces.1 <= memory;
        self.lock().values().filter(fits).map(|one| one.waiting_pieces.0).sum()
    }

    /// Keeps so many bytes of memory, if that is said, and `disk` more bytes of the disk for an attempt.
    pub(super) fn keep(&self, id: JobId, memory: Option<u64>, disk: u64) {
        if let Some(running) = self.lock().get_mut(&id) {
            running.reserved.memory = memory.unwrap_or(running.reserved.memory);
            running.reserved.disk = running.reserved.disk.saturating_add(disk);
        }
    }

    /// Has an attempt go on here with so many bytes of memory, wherever it was, if one of `slots` is free for it and so much of `limit`.
    pub(super) fn move_here(&self, id: JobId, memory: u64, slots: usize, limit: u64) -> bool {
        let mut attempts = self.lock();
        let computes = |one: &RunningAttempt| !one.reserved.away && !one.is_ending;
        let beside = || attempts.iter().filter(|(other, one)| **other != id && computes(one));
        let kept = beside().map(|(_, one)| one.reserved.memory).fold(memory, u64::saturating_add);
        if beside().count() >= slots || kept > limit {
            return false;
        }
        if let Some(running) = attempts.get_mut(&id) {
            running.reserved.memory = memory;
            running.reserved.away = false;
        }
        true
    }

    /// Lets another attempt compute while the outputs of this one are written down.
    pub(super) fn has_computed(&self, id: JobId) {
        if let Some(running) = self.lock().get_mut(&id) {
            running.is_ending = true;
        }
        self.ring();
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
            let progress = running.handle.progress();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_goes_on_here_where_there_is_a_slot_and_memory_for_it() {
        let (running, project) = (Running::default(), ProjectId(1));
        let begin = |id, memory, away| {
            let reserved = Reserved { memory, output: 0, disk: 10, away };
            running.insert(JobId(id), 1, "u", project, reserved, AttemptHandle::default());
        };
        begin(1, 3, false);
        begin(2, 0, true);
        assert!(!running.move_here(JobId(2), 1, 1, 9), "no slot");
        assert!(!running.move_here(JobId(2), 7, 2, 9), "no memory");
        assert!(running.move_here(JobId(2), 6, 2, 9));
        let load = running.load();
        assert_eq!((load.here, load.memory), (2, 9));
        assert!(running.move_here(JobId(1), 3, 2, 9), "it is here, and its own memory does not count twice");
        running.has_computed(JobId(2));
        assert!(running.move_here(JobId(1), 9, 1, 9), "what has computed needs neither");
        running.keep(JobId(1), Some(0), 5);
        let load = running.load();
        assert_eq!((load.memory, load.outputs[0].bytes), (0, 15));
        running.set_waiting_pieces(JobId(1), 7, 100);
        assert_eq!((running.waiting_pieces(99), running.waiting_pieces(100)), (0, 7));
    }
}
