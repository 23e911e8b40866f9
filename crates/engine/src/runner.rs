//! The runner: claims ready jobs, oldest first, as far as slots and memory allow, and keeps their leases.

use crate::attempt;
use crate::engine::Inner;
use crate::model::*;
use crate::store::Result;
use crate::store::ledger::{Claim, Lease};
use rayon::ThreadPool;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The doorbell starts work at once; this often it is looked for anyway, and progress is noted.
const SCAN: Duration = Duration::from_millis(500);
/// An attempt that is not heard of for so long is given up.
const LEASE: Duration = Duration::from_secs(60);
/// A lease is renewed at least this often.
const RENEW: Duration = Duration::from_secs(10);
/// Progress that is worth a write.
const STEP: f32 = 0.005;
/// Lines that an attempt may add to its job's log between two looks.
const MOST_WARNINGS: usize = 100;
/// How often expired leases are looked for.
const REAP: Duration = Duration::from_secs(5);
/// How often the whole blob folder is swept.
const SWEEP: Duration = Duration::from_secs(3600);

/// The attempts of this process, as everybody sees them.
#[derive(Default)]
pub(crate) struct Running {
    doorbell: Notify,
    stopping: AtomicBool,
    attempts: Mutex<HashMap<JobId, Watched>>,
    /// Attempts whose end could not be written down.
    abandoned: Mutex<Vec<(JobId, u32)>>,
}

/// One attempt, from outside.
struct Watched {
    attempt: u32,
    handle: Handle,
    memory: u64,
    beaten: Option<Instant>,
    noted: f32,
}

/// What an attempt shares with its watchers.
#[derive(Clone, Default)]
pub(crate) struct Handle {
    pub(crate) cancel: Arc<AtomicBool>,
    /// Rung when `cancel` is set.
    cancel_bell: Arc<Notify>,
    warnings: Arc<Mutex<Vec<String>>>,
    /// Bits of a fraction in 0..=1: these order as the fractions do.
    progress: Arc<AtomicU32>,
}

impl Handle {
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

    fn abandoned(&self) -> MutexGuard<'_, Vec<(JobId, u32)>> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes [`Running::stop`].
    pub(crate) fn go(&self) {
        self.stopping.store(false, Ordering::Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.ring();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn cancel_all(&self) {
        self.lock().values().for_each(|w| w.handle.cancel());
    }

    /// Slots and memory in use.
    pub(crate) fn used(&self) -> (usize, u64) {
        let attempts = self.lock();
        (attempts.len(), attempts.values().map(|w| w.memory).sum())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an attempt off the list however it ends, and lets the next one in.
struct Leave {
    inner: Arc<Inner>,
    id: JobId,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.inner.running.lock().remove(&self.id);
        self.inner.running.ring();
    }
}

/// The clock of leases: the wall clock's time when it was made, and from then on what has passed. When the wall clock is
/// put forward, nobody who is alive loses a lease; all leases of an earlier process have ended.
struct Steady {
    start: Timestamp,
    since: Instant,
}

impl Steady {
    fn new() -> Steady {
        Steady { start: Timestamp::now(), since: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        self.after(Duration::ZERO)
    }

    fn after(&self, time: Duration) -> Timestamp {
        Timestamp(self.start.0 + (self.since.elapsed() + time).as_micros() as i64)
    }
}

pub(crate) struct Runner {
    inner: Arc<Inner>,
    attempts: JoinSet<()>,
    clock: Steady,
    reaped: Instant,
    swept: Option<Instant>,
    /// Whether the last step failed.
    in_trouble: bool,
}

impl Runner {
    pub(crate) fn new(inner: Arc<Inner>) -> Runner {
        Runner {
            inner,
            attempts: JoinSet::new(),
            clock: Steady::new(),
            reaped: Instant::now(),
            swept: None,
            in_trouble: false,
        }
    }

    /// Runs until [`Running::stop`], then gives back what is unfinished.
    pub(crate) async fn run(mut self) {
        let pool = match new_pool(self.inner.config.threads) {
            Ok(pool) => Arc::new(pool),
            Err(e) => return tracing::error!("no job can run, the threads cannot be started: {e}"),
        };
        let mut scan = tokio::time::interval(SCAN);
        while !self.inner.running.stopping() {
            tokio::select! {
                _ = self.inner.running.doorbell.notified() => {}
                _ = scan.tick() => {}
                Some(_) = self.attempts.join_next() => {}
            }
            // Once for each trouble: it may last for hours.
            match (self.step(&pool).await, self.in_trouble) {
                (Err(e), false) => tracing::error!("the ledger cannot be used, trying again: {e}"),
                (Ok(()), true) => tracing::info!("the ledger can be used again"),
                (Err(_), true) | (Ok(()), false) => continue,
            }
            self.in_trouble = !self.in_trouble;
        }
        let all = async { while self.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(self.inner.config.shutdown_grace, all).await.is_err() {
            self.inner.running.cancel_all();
            while self.attempts.join_next().await.is_some() {}
        }
    }

    async fn step(&mut self, pool: &Arc<ThreadPool>) -> Result<()> {
        self.beat().await?;
        if self.reaped.elapsed() >= REAP {
            self.reaped = Instant::now();
            self.let_go().await?;
            let max_attempts = self.inner.config.max_attempts;
            let lost = self.inner.store.reap(max_attempts, self.clock.now(), Timestamp::now()).await?;
            self.inner.counters.lost_leases(lost);
            if lost > 0 {
                tracing::warn!("{lost} attempts were lost and taken back");
            }
        }
        if self.swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            self.swept = Some(Instant::now());
            tokio::spawn(sweep(self.inner.clone()));
        }
        self.fill(pool).await
    }

    /// Ends the leases of abandoned attempts.
    async fn let_go(&self) -> Result<()> {
        loop {
            let Some((id, attempt)) = self.inner.running.abandoned().last().copied() else { return Ok(()) };
            self.inner.store.expire(id, attempt).await?;
            self.inner.running.abandoned().retain(|one| *one != (id, attempt));
        }
    }

    /// Renews leases and notes progress; an attempt that lost its job is told to end.
    async fn beat(&self) -> Result<()> {
        for (id, attempt, progress) in self.due() {
            let until = self.clock.after(LEASE);
            if self.inner.store.beat(id, attempt, progress, until).await? != Lease::Held {
                self.inner.running.cancel(&[id]);
            }
            // Only now: a beat that failed is due again, before any lease is looked at.
            if let Some(watched) = self.inner.running.lock().get_mut(&id) {
                watched.beaten = Some(Instant::now());
                watched.noted = progress;
            }
        }
        Ok(())
    }

    fn due(&self) -> Vec<(JobId, u32, f32)> {
        let mut due = Vec::new();
        for (id, watched) in self.inner.running.lock().iter() {
            let progress = f32::from_bits(watched.handle.progress.load(Ordering::Relaxed));
            let quiet = watched.beaten.map_or(Duration::MAX, |at| at.elapsed());
            if quiet >= RENEW || (progress >= watched.noted + STEP && quiet >= SCAN / 2) {
                due.push((*id, watched.attempt, progress));
            }
        }
        due
    }

    /// Claims jobs while there is a slot and the oldest ready one fits into memory. A job that does
    /// not fit holds up the younger ones: it would starve if they could pass it.
    async fn fill(&mut self, pool: &Arc<ThreadPool>) -> Result<()> {
        let inner = self.inner.clone();
        let config = &inner.config;
        while !self.inner.running.stopping() {
            let (slots, used) = self.inner.running.used();
            if slots >= config.concurrent_jobs.max(1) {
                break;
            }
            let Some(job) = self.inner.store.next_ready().await? else { break };
            let needed = match job.memory_bytes {
                Some(known) => known,
                None => attempt::memory_bytes(&self.inner, &job).await?,
            };
            // One that can never fit is let in: its attempt says so and ends.
            let memory = if needed > config.memory_limit_bytes { 0 } else { needed };
            if slots > 0 && used.saturating_add(memory) > config.memory_limit_bytes {
                break;
            }
            let until = self.clock.after(LEASE);
            if let Some(claim) = self.inner.store.claim(job.id, until, Timestamp::now()).await? {
                self.launch(claim, needed, memory, pool.clone());
            }
        }
        Ok(())
    }

    fn launch(&mut self, claim: Claim, needed: u64, memory: u64, pool: Arc<ThreadPool>) {
        let id = claim.id();
        let handle = Handle::default();
        let watched = Watched {
            attempt: claim.job().attempt,
            handle: handle.clone(),
            memory,
            beaten: None,
            noted: 0.0,
        };
        self.inner.running.lock().insert(id, watched);
        let leave = Leave { inner: self.inner.clone(), id };
        let inner = self.inner.clone();
        self.attempts.spawn(async move {
            let _leave = leave;
            attempt::run(&inner, pool, claim, needed, handle).await;
        });
    }
}

async fn sweep(inner: Arc<Inner>) {
    match inner.blobs.sweep_old(&inner.store, SystemTime::now()).await {
        Ok(0) => {}
        Ok(n) => tracing::info!("swept {n} blobs that nothing refers to"),
        Err(e) => tracing::warn!("cannot sweep blobs: {e}"),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::engine::Engine;
    use crate::engine::tests::{config, project};

    /// Attempts go on while the ledger cannot be written, for longer than their leases.
    #[tokio::test]
    async fn a_lease_that_could_not_be_renewed_is_renewed_before_leases_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let (inner, project) = (engine.inner.clone(), project(&engine).await);
        let draft = Draft { type_name: "t".into(), ..Draft::default() };
        let job = inner.store.insert_job(project, draft, Timestamp::now()).await.unwrap().id;
        // Its lease ended long ago.
        inner.store.claim(job, Timestamp(1), Timestamp::now()).await.unwrap().unwrap();
        let handle = Handle::default();
        let watched = Watched { attempt: 1, handle: handle.clone(), memory: 0, beaten: None, noted: 0.0 };
        inner.running.lock().insert(job, watched);
        let mut runner = Runner::new(inner.clone());
        runner.reaped -= REAP;
        let pool = Arc::new(new_pool(1).unwrap());
        let writable = async |yes: bool| {
            let pragma = if yes { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
            sqlx::query(pragma).execute(inner.store.writer()).await.unwrap();
        };
        writable(false).await;
        assert!(runner.step(&pool).await.is_err());
        writable(true).await;
        runner.step(&pool).await.unwrap();
        assert!(runner.reaped.elapsed() < REAP, "leases were looked at");
        let job = inner.store.job(project, job).await.unwrap();
        assert_eq!((job.state, job.attempt), (State::Started, 1));
        assert!(!handle.cancel.load(Ordering::Relaxed));
    }
}
