//! Where an attempt runs: in threads of this process or in a process of its own.

use super::room::OutputLimit;
use super::running::AttemptHandle;
use super::{process, threads};
use crate::config::Isolation;
use crate::core::Core;
use fieldstone_jobs::ticket::{Ended, Ticket};
use fieldstone_jobs::{JobEntry, JobError};
use rayon::ThreadPool;
use std::sync::Arc;

/// Runs what the ticket says, to its end or its process's death; errors are ours.
pub(super) async fn run(
    core: &Core,
    entry: &'static JobEntry,
    ticket: Ticket,
    output_limit: &OutputLimit,
    handle: &AttemptHandle,
    pool: Arc<ThreadPool>,
) -> Result<Ended, JobError> {
    match &core.config.isolation {
        Isolation::Threads => threads::run(entry, ticket, handle.clone(), pool).await,
        Isolation::Process(program) => {
            let ended =
                process::run(program, &core.spare, ticket, core.config.job_time_limit, handle).await?;
            Ok(ended.unwrap_or_else(|death| {
                core.counters.died(&death);
                death.verdict(&output_limit.refusal)
            }))
        }
    }
}
