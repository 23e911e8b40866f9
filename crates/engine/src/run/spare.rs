//! The process that waits for the next attempt: loading and linking the program takes longer than many a job.

use crate::child_process::start;
use crate::config::Program;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use tokio::process::Child;

/// At most one process that has been started and has no ticket yet. It ends when its input does, so it does not outlive the service.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Option<Child>>);

impl Spare {
    /// The process that waits, or a new one.
    pub(super) fn take(&self, program: &Program) -> anyhow::Result<Child> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = waiting
            && matches!(child.try_wait(), Ok(None))
        {
            return Ok(child);
        }
        start(program, Stdio::piped())
    }

    /// Starts the process for the next attempt, unless one waits.
    pub(super) fn refill(&self, program: &Program) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_none() {
            // The next attempt starts its own then, and says why it cannot.
            *waiting = start(program, Stdio::piped()).ok();
        }
    }
}
