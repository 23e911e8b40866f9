//! The runner: claims ready jobs in their turn, as far as slots, memory and room for outputs allow, and keeps their leases.

use super::attempt;
use super::estimate;
use super::lease_clock::LeaseClock;
use super::place::{self, Place};
use super::publish::note;
use super::queue::Queue;
use super::remote;
use super::room::{self, Fit};
use super::running::{AttemptHandle, Load, Reserved};
use super::threads::new_pool;
use crate::core::Core;
use crate::error::Result;
use crate::limits::Needs;
use crate::model::*;
use crate::store::ledger::{Claim, Lease, ReadyJob};
use crate::upkeep::{self, FolderSwept};
use anyhow::Context;
use rayon::ThreadPool;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;

/// The doorbell starts work at once; this often it is looked for anyway, and progress is noted.
const SCAN: Duration = Duration::from_millis(500);
/// An attempt that is not heard of for so long is given up.
const LEASE: Duration = Duration::from_secs(60);
/// A lease is renewed at least this often.
const RENEW: Duration = Duration::from_secs(10);
/// How often expired leases are looked for.
const REAP: Duration = Duration::from_secs(5);
/// How long the line to a database must stand before a lease that has ended is taken from another server.
const SETTLED: Duration = Duration::from_secs(5);
/// How often the whole blob folder is swept.
const SWEEP: Duration = Duration::from_secs(3600);

/// How often uploads that have expired and documents without a job are looked for.
const SWEEP_UPLOADS: Duration = Duration::from_secs(60);

/// Takes an attempt off the list however it ends, and lets the next one in.
struct SlotGuard {
    core: Arc<Core>,
    id: JobId,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.core.running.remove(self.id);
    }
}

/// What became of a job whose turn it was.
enum Admission {
    /// It runs.
    Started,
    /// It does not fit beside what runs.
    TooLarge,
    /// No place has so many bytes of memory.
    Nowhere(u64),
    /// It is not ready any more.
    Gone,
}

pub(crate) struct Runner {
    core: Arc<Core>,
    attempts: JoinSet<()>,
    /// The threads of geometry, once they could be started.
    pool: Option<Arc<ThreadPool>>,
    clock: LeaseClock,
    queue: Queue,
    /// Jobs whose owners were told that there is no place for them.
    told: HashSet<JobId>,
    reaped: Instant,
    /// Nothing is swept in a process's first hour: an operator may be putting things in order.
    swept: Instant,
    swept_uploads: Instant,
}

impl Runner {
    pub(crate) fn new(core: Arc<Core>) -> Runner {
        let clock = LeaseClock::of(&core.store);
        Runner {
            core,
            attempts: JoinSet::new(),
            pool: None,
            clock,
            queue: Queue::default(),
            told: HashSet::new(),
            reaped: Instant::now(),
            swept: Instant::now(),
            swept_uploads: Instant::now(),
        }
    }

    /// Runs until [`Running::stop`], then gives back what is unfinished.
    pub(crate) async fn run(mut self) {
        let mut scan = tokio::time::interval(SCAN);
        while !self.core.running.stopping() {
            tokio::select! {
                _ = self.core.running.rung() => {}
                _ = scan.tick() => {}
                Some(_) = self.attempts.join_next() => {}
            }
            let step = self.step().await;
            // Told once for each trouble: it may last for hours.
            match (&step, self.core.running.trouble()) {
                (Err(e), None) => tracing::error!("no job can be started, trying again: {e}"),
                (Ok(()), Some(_)) => tracing::info!("jobs can be started again"),
                (Err(_), Some(_)) | (Ok(()), None) => {}
            }
            self.core.running.set_trouble(step.err().map(|e| e.to_string()));
        }
        let all = async { while self.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(self.core.config.shutdown_grace, all).await.is_err() {
            self.core.running.cancel_all();
            while self.attempts.join_next().await.is_some() {}
        }
    }

    async fn step(&mut self) -> Result<()> {
        self.renew_leases().await?;
        if self.reaped.elapsed() >= REAP {
            self.reaped = Instant::now();
            self.expire_abandoned().await?;
            if let Some(head) = &self.core.head {
                upkeep::take_over_from_ended(&self.core.blobs, &self.core.store, head.id).await?;
            }
            let max_attempts = self.core.config.max_attempts;
            // After the database was away all leases may have ended, and other servers are about to renew theirs.
            let is_settled = self.core.store.head().is_none_or(|head| head.stands_for() >= SETTLED);
            let ended_by = if is_settled { self.clock.now() } else { self.clock.given_up() };
            let lost = self.core.store.reap(max_attempts, ended_by, Timestamp::now()).await?;
            self.core.counters.lost_leases(lost);
            if lost > 0 {
                tracing::warn!("{lost} attempts were lost and taken back");
            }
        }
        let cleans_up = self.core.store.cleans_up();
        if self.swept.elapsed() >= SWEEP && cleans_up {
            self.swept = Instant::now();
            tokio::spawn(sweep(self.core.clone()));
        }
        if self.swept_uploads.elapsed() >= SWEEP_UPLOADS {
            self.swept_uploads = Instant::now();
            tokio::spawn(sweep_uploads(self.core.clone()));
            if cleans_up {
                tokio::spawn(upkeep::sweep_documents(self.core.store.clone()));
            }
        }
        let pool = self.pool()?;
        self.claim_ready(&pool).await
    }

    /// The threads of geometry, started once.
    fn pool(&mut self) -> Result<Arc<ThreadPool>> {
        if let Some(pool) = &self.pool {
            return Ok(pool.clone());
        }
        let pool = new_pool(self.core.config.threads).context("its threads cannot be started")?;
        Ok(self.pool.insert(Arc::new(pool)).clone())
    }

    /// Ends the leases of abandoned attempts.
    async fn expire_abandoned(&self) -> Result<()> {
        loop {
            let Some((id, attempt)) = self.core.running.abandoned().last().copied() else { return Ok(()) };
            self.core.store.expire(id, attempt).await?;
            self.core.running.abandoned().retain(|one| *one != (id, attempt));
        }
    }

    /// Renews leases and notes progress; an attempt that lost its job is told to end.
    async fn renew_leases(&self) -> Result<()> {
        let running = &self.core.running;
        for due in running.due(RENEW, SCAN / 2) {
            let until = self.clock.after(LEASE);
            if self.core.store.renew_lease(due.id, due.attempt, due.progress, until).await? != Lease::Held {
                running.cancel(&[due.id]);
            }
            // Only now: one that failed is due again, before any lease is looked at.
            running.renewed(due.id, due.progress);
        }
        Ok(())
    }

    /// Attempts that may run here at the same time.
    fn slots(&self) -> usize {
        self.core.config.concurrent_jobs
    }

    /// Whether one more may compute here. A disk that is slow to take outputs stops computing as well, if a slot later.
    fn has_slot(&self, load: &Load) -> bool {
        load.here + load.ending.saturating_sub(self.slots()) < self.slots()
    }

    /// The slots here and at workers.
    fn all_slots(&self) -> usize {
        self.slots() + self.core.workers.count()
    }

    /// Claims jobs while there is a slot and one whose turn it is fits into memory.
    async fn claim_ready(&mut self, pool: &Arc<ThreadPool>) -> Result<()> {
        self.core.running.set_nobody_waits(false);
        while !self.core.running.stopping() {
            let load = self.core.running.load();
            if !self.has_slot(&load) && !self.core.workers.is_any_idle() {
                break;
            }
            let mut ready = self.core.store.ready_jobs().await?;
            // An attempt that lost its job to another server may still be ending.
            ready.retain(|job| !self.core.running.has(job.id));
            self.told.retain(|told| ready.iter().any(|job| job.id == *told));
            if ready.is_empty() {
                self.core.running.set_nobody_waits(true);
                break;
            }
            let load = load.beside(self.core.store.running_elsewhere().await?);
            if !self.claim_one(&ready, &load, pool).await? {
                break;
            }
        }
        Ok(())
    }

    /// Claims the first of these that fits beside what runs; whether there was one, or a reason to look again.
    async fn claim_one(&mut self, ready: &[ReadyJob], load: &Load, pool: &Arc<ThreadPool>) -> Result<bool> {
        let user_slots = self.core.config.user_slots;
        let mut nobody_waits = true;
        for n in self.queue.order(ready, load, user_slots, Instant::now()) {
            let job = &ready[n];
            match self.admit(job, load, pool).await {
                Ok(Admission::Started) => {
                    self.queue.took_turn(job);
                    return Ok(true);
                }
                Ok(Admission::TooLarge) => {
                    self.queue.pass_over(job.id, Instant::now());
                    nobody_waits = false;
                }
                // Nobody waits for it: it may take days until a worker comes that has so much.
                Ok(Admission::Nowhere(memory)) => self.tell_nowhere(job.id, memory).await,
                // Deleted or cancelled since the look.
                Ok(Admission::Gone) => return Ok(true),
                // A damaged row ends its job, and nobody else waits for it.
                Err(e) => match e.unreadable_job() {
                    Some(reason) => {
                        self.core.store.fail_unreadable(job.id, &reason, Timestamp::now()).await?;
                        return Ok(true);
                    }
                    None => return Err(e),
                },
            }
        }
        self.core.running.set_nobody_waits(nobody_waits);
        Ok(false)
    }

    /// Says in a job's log, once, that it waits for a worker that does not exist yet.
    async fn tell_nowhere(&mut self, job: JobId, memory: u64) {
        if self.told.insert(job) {
            let mib = memory.div_ceil(1 << 20);
            let text = format!("waits for a place with {mib} MiB of memory: there is none now");
            note(&self.core, job, 0, LogLevel::Warning, vec![text]).await;
        }
    }

    /// Claims and starts a job if it fits beside what runs.
    async fn admit(&mut self, job: &ReadyJob, load: &Load, pool: &Arc<ThreadPool>) -> Result<Admission> {
        let limit = self.core.config.memory_limit_bytes;
        let needs = match job.needs {
            Some(known) => known,
            None => estimate::needs(&self.core, job).await?,
        };
        // One that can never fit is let in: its attempt says so and ends.
        let memory = if needs.memory > limit { 0 } else { needs.memory };
        let Some((place, away)) = self.place_for(memory, load, pool) else {
            let most = if self.slots() > 0 { limit } else { 0 };
            let fits = memory <= most.max(self.core.workers.largest());
            return Ok(if fits { Admission::TooLarge } else { Admission::Nowhere(memory) });
        };
        let spaces = room::spaces(&self.core, job.project, load).await?;
        // More workers may come while this one computes.
        let slots = self.all_slots() + usize::from(away);
        let (output, disk) = match room::fit(needs.output, &spaces) {
            Fit::Now => (needs.output, room::disk_share(needs.output, &spaces, slots)),
            Fit::Later => return Ok(Admission::TooLarge),
            Fit::Never => (0, 0),
        };
        let until = self.clock.after(LEASE);
        let most = self.core.config.user_slots;
        match self.core.store.claim_within(job, most, until, Timestamp::now()).await? {
            Some(claim) => {
                let memory = if away { 0 } else { memory };
                let reserved = Reserved { memory, output, disk, away };
                self.launch(claim, &job.user, needs, reserved, (place, pool.clone()));
                Ok(Admission::Started)
            }
            None => Ok(Admission::Gone),
        }
    }

    /// A free place for a job that needs so much memory, here if there is one, and whether it is at a worker.
    fn place_for(&self, memory: u64, load: &Load, pool: &Arc<ThreadPool>) -> Option<(Box<dyn Place>, bool)> {
        let limit = self.core.config.memory_limit_bytes;
        let fits = load.here == 0 || load.memory.saturating_add(memory) <= limit;
        if self.has_slot(load) && fits {
            return Some((place::here(&self.core, pool.clone()), false));
        }
        self.core.workers.lend(memory).map(|lent| (remote::at_worker(lent), true))
    }

    fn launch(
        &mut self,
        claim: Claim,
        user: &str,
        needs: Needs,
        reserved: Reserved,
        place: (Box<dyn Place>, Arc<ThreadPool>),
    ) {
        let id = claim.id();
        let handle = AttemptHandle::default();
        let (attempt, project) = (claim.job().attempt, claim.job().project_id);
        self.core.running.insert(id, attempt, user, project, reserved, handle.clone());
        let slot = SlotGuard { core: self.core.clone(), id };
        let core = self.core.clone();
        self.attempts.spawn(async move {
            let _slot = slot;
            attempt::run(&core, place, claim, needs, reserved.disk, handle).await;
        });
    }
}

async fn sweep_uploads(core: Arc<Core>) {
    let (now, cleans_up) = (Timestamp::now(), core.store.cleans_up());
    match upkeep::sweep_uploads(&core.blobs, &core.store, &core.writers, now, cleans_up).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!("{swept} uploads that nobody went on with were deleted"),
        Err(e) => tracing::warn!("cannot sweep uploads: {e}"),
    }
}

async fn sweep(core: Arc<Core>) {
    let days = core.config.quarantine_days;
    match upkeep::sweep_folder(&core.blobs, &core.store, days, SystemTime::now()).await {
        Ok(FolderSwept { quarantined: 0, purged: 0 }) => {}
        Ok(FolderSwept { quarantined, purged }) => tracing::info!(
            "{quarantined} stored files that nothing refers to are in quarantine for {days} days, {purged} were deleted from it"
        ),
        Err(e) => tracing::warn!("cannot sweep blobs: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;
    use crate::draft::Draft;
    use crate::service::Engine;
    use crate::service::tests::{config, project};
    use std::sync::atomic::Ordering;

    /// Attempts go on while the ledger cannot be written, for longer than their leases.
    #[tokio::test]
    async fn a_lease_that_could_not_be_renewed_is_renewed_before_leases_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let (core, project) = (engine.core.clone(), project(&engine).await);
        let draft = Draft { type_name: "t".into(), ..Draft::default() };
        let job = core.store.insert_job(project, draft, Timestamp::now()).await.unwrap().id;
        // Its lease ended long ago.
        core.store.claim(job, Timestamp(1), Timestamp::now()).await.unwrap().unwrap();
        let handle = AttemptHandle::default();
        core.running.insert(job, 1, "u", project, Reserved::default(), handle.clone());
        core.running.look_again();
        let mut runner = Runner::new(core.clone());
        runner.reaped -= REAP;
        core.store.set_writable(false).await;
        assert!(runner.step().await.is_err());
        core.store.set_writable(true).await;
        runner.step().await.unwrap();
        assert!(runner.reaped.elapsed() < REAP, "leases were looked at");
        let job = core.store.job(project, job).await.unwrap();
        assert_eq!((job.state, job.attempt), (State::Started, 1));
        assert!(!handle.cancel.load(Ordering::Relaxed));
    }

    /// As many may be written down as compute; beyond these each keeps a slot.
    #[tokio::test]
    async fn what_is_written_down_leaves_its_slot_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let config = EngineConfig { concurrent_jobs: 2, ..config(folder.path().join("d")) };
        let engine = Engine::open_with_types(config, &[]).await.unwrap();
        let (core, project) = (engine.core.clone(), project(&engine).await);
        let runner = Runner::new(core.clone());
        let start = |id| {
            let reserved = Reserved { memory: 7, ..Reserved::default() };
            core.running.insert(JobId(id), 1, "u", project, reserved, AttemptHandle::default());
        };
        let state = || {
            let load = core.running.load();
            (runner.has_slot(&load), load.slots, load.memory)
        };
        [1, 2].into_iter().for_each(start);
        assert_eq!(state(), (false, 2, 14));
        core.running.has_computed(JobId(1));
        assert_eq!(state(), (true, 2, 7));
        start(3);
        assert_eq!(state(), (false, 3, 14));
        [2, 3].into_iter().for_each(|id| core.running.has_computed(JobId(id)));
        assert_eq!(state(), (true, 3, 0));
        start(4);
        assert_eq!(state(), (false, 4, 7), "three are written down, and one computes");
        core.running.remove(JobId(1));
        assert_eq!(state(), (true, 3, 7));
    }
}
