//! Pilots: workers that a batch system was asked to start, as it tells of them. Whoever asks it writes them down here.

use crate::model::Timestamp;
use std::sync::{Mutex, PoisonError};

/// A worker that a batch system was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pilot {
    /// What it is called there, and as a worker.
    pub name: String,
    /// Its number there; numbers may be given again.
    pub number: u64,
    /// Whether it has a machine.
    pub runs: bool,
    /// Why it has none yet, in the batch system's word.
    pub reason: Option<String>,
    /// Since when it waits or runs.
    pub since: Option<Timestamp>,
    /// Cores that it has or asks for.
    pub cores: u64,
}

/// What is known of pilots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pilots {
    /// Those that wait or run.
    pub all: Vec<Pilot>,
    /// Seconds of cores that pilots have had since the server began.
    pub core_seconds: u64,
    /// Why there may be none where there should be.
    pub trouble: Option<String>,
}

/// The last word of whoever asks the batch system; nothing where nobody does.
#[derive(Debug, Default)]
pub(crate) struct PilotBoard(Mutex<Option<Pilots>>);

impl PilotBoard {
    pub(crate) fn write(&self, pilots: Pilots) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pilots);
    }

    pub(crate) fn read(&self) -> Option<Pilots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
