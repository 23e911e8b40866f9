//! The attempt of a job that is cut, as its pieces and the run that joins them see it.

use super::place::{self, Place, process_memory};
use super::publish::note;
use super::room::OutputLimit;
use super::running::AttemptHandle;
use crate::core::Core;
use crate::model::{JobId, LogLevel};
use fieldstone_jobs::ticket::Ticket;
use fieldstone_jobs::{JobEntry, Share};
use rayon::ThreadPool;
use std::path::Path;
use std::sync::Arc;

/// The part of a job's progress that is made when all pieces are there.
pub(super) const PIECES_SHARE: f32 = 0.9;

/// The attempt of a job that is cut.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) core: &'a Core,
    pub(super) id: JobId,
    pub(super) attempt: u32,
    pub(super) entry: &'static JobEntry,
    /// Of the whole.
    pub(super) ticket: &'a Ticket,
    pub(super) output_limit: &'a OutputLimit,
    pub(super) handle: &'a AttemptHandle,
    pub(super) pool: &'a Arc<ThreadPool>,
}

impl Whole<'_> {
    /// A line of the job's log.
    pub(super) async fn log(&self, level: LogLevel, text: String) {
        note(self.core, self.id, self.attempt, level, vec![text]).await;
    }

    /// Whether it holds a place of this machine by its own turn, or may hold one.
    pub(super) fn move_here(&self, memory: u64) -> bool {
        let config = &self.core.config;
        self.core.running.move_here(self.id, memory, config.concurrent_jobs, config.memory_limit_bytes)
    }

    /// What a process may take for a share that says it needs so much.
    pub(super) fn share(&self, share: Share, memory: u64, folder: &Path, file_bytes: u64) -> Ticket {
        let memory_bytes = process_memory(memory);
        let ticket = self.ticket.clone();
        Ticket { share, piece_samples: None, folder: folder.to_owned(), file_bytes, memory_bytes, ..ticket }
    }

    /// A place here.
    pub(super) fn here(&self) -> Box<dyn Place> {
        place::here(self.core, self.pool.clone())
    }
}
