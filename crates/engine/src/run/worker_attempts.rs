//! Attempts of a worker: run as a server runs its own, in a confined process, for somebody who listens.

use super::process;
use super::running::AttemptHandle;
use super::starter::Starter;
use crate::config::Program;
use crate::workers::talk::Errand;
use fieldstone_jobs::child::threads_of;
use fieldstone_jobs::ticket::Ended;
use std::time::Duration;

/// Runs attempts, each in a process that this program starts.
pub struct Attempts {
    program: Program,
    starter: Starter,
}

/// An attempt, for those who watch it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watch(AttemptHandle);

impl Watch {
    /// Asks it to end.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Lines for the job's log since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        self.0.take_warnings()
    }

    /// The fraction that is done.
    pub fn progress(&self) -> f32 {
        self.0.progress()
    }
}

impl Attempts {
    /// `program` calls [`fieldstone_jobs::child::run`].
    pub fn new(program: Program) -> Attempts {
        Attempts { program, starter: Starter::default() }
    }

    /// Runs an attempt whose ticket has the paths of this machine, with so many threads; how it ended, and where its process died the
    /// number of the cause. Errors are the machine's.
    pub async fn run(
        &self,
        errand: Errand,
        threads: usize,
        watch: &Watch,
    ) -> anyhow::Result<(Ended, Option<usize>)> {
        let Errand { mut ticket, time_limit_ms, output_refusal, .. } = errand;
        let limit = time_limit_ms.map(Duration::from_millis);
        ticket.threads = threads;
        ticket.cpu_seconds = limit.map(|limit| cpu_seconds(limit, threads));
        match process::run(&self.program, &self.starter, ticket, limit, &watch.0).await? {
            Ok(ended) => Ok((ended, None)),
            Err(death) => Ok((death.verdict(&output_refusal), Some(death.number()))),
        }
    }
}

/// Seconds of processors that an attempt may use in this time: all its threads, and as much again for what it reads and writes.
pub(super) fn cpu_seconds(limit: Duration, threads: usize) -> u64 {
    limit.as_secs().saturating_add(1).saturating_mul(2 * threads_of(threads) as u64)
}
