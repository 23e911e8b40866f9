//! Where an attempt runs.

use super::room::OutputLimit;
use super::running::AttemptHandle;
use super::{process, threads};
use crate::config::{Isolation, Program};
use crate::core::Core;
use fieldstone_jobs::ticket::{Ended, Ticket};
use fieldstone_jobs::{JobEntry, JobError};
use futures::future::BoxFuture;
use rayon::ThreadPool;
use std::sync::Arc;

/// What the process of a job may take beyond half as much again as the job says it needs: the program itself, its
/// threads, what an allocator keeps.
const BASE_MEMORY: u64 = 512 << 20;

/// What the process of a job may take that says it needs so much.
pub(super) fn process_memory(needed: u64) -> u64 {
    needed.saturating_add(needed / 2).saturating_add(BASE_MEMORY)
}

/// What a place is to run.
pub(super) struct Order<'a> {
    pub(super) core: &'a Core,
    pub(super) entry: &'static JobEntry,
    pub(super) ticket: Ticket,
    pub(super) output_limit: &'a OutputLimit,
    pub(super) handle: &'a AttemptHandle,
}

/// Somewhere an attempt can run. Wherever it is, what comes of a ticket is the same, and its outputs lie in the ticket's folder.
pub(super) trait Place: Send {
    /// Runs what the ticket says, to its end or its process's death; errors are ours.
    fn run<'a>(&'a mut self, order: Order<'a>) -> BoxFuture<'a, Result<Ended, JobError>>;

    /// Whether it can run another ticket.
    fn is_usable(&self) -> bool {
        true
    }

    /// Bytes of memory that what runs there may need; `None`: a place of this machine, whose memory the runner counts.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// Where that is, for the job's log; `None` for this machine.
    fn name(&self) -> Option<&str> {
        None
    }
}

/// A place of this machine, as the settings say.
pub(super) fn here(core: &Core, pool: Arc<ThreadPool>) -> Box<dyn Place> {
    match &core.config.isolation {
        Isolation::Threads => Box::new(Threads(pool)),
        Isolation::Process(program) => Box::new(OwnProcess(program.clone())),
    }
}

/// Threads of this process.
struct Threads(Arc<ThreadPool>);

impl Place for Threads {
    fn run<'a>(&'a mut self, order: Order<'a>) -> BoxFuture<'a, Result<Ended, JobError>> {
        let Order { entry, ticket, handle, .. } = order;
        Box::pin(threads::run(entry, ticket, handle.clone(), self.0.clone()))
    }
}

/// A process of its own on this machine.
struct OwnProcess(Program);

impl Place for OwnProcess {
    fn run<'a>(&'a mut self, order: Order<'a>) -> BoxFuture<'a, Result<Ended, JobError>> {
        let Order { core, ticket, output_limit, handle, .. } = order;
        Box::pin(async move {
            let limit = core.config.job_time_limit;
            let ended = process::run(&self.0, &core.starter, ticket, limit, handle).await?;
            Ok(ended.unwrap_or_else(|death| {
                core.counters.died(death.number());
                death.verdict(&output_limit.refusal)
            }))
        })
    }
}
