//! Numbers about the work at hand and done, for whoever watches the service.

use crate::counted::Counted;
pub use crate::counted::Look;
use crate::model::{State, Timestamp};
use crate::run::death::Death;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Its outputs were published.
    Success,
    /// The job's input was wrong.
    Failure,
    /// Cancelled.
    Canceled,
    /// Given back because the service stops; not the job's fault.
    Stopped,
    /// The machine or the service was at fault.
    Fault,
    /// It brought something and was refused: the job had been cancelled, deleted or given to another attempt.
    Superseded,
}

impl AttemptEnd {
    /// All of them.
    pub const ALL: [AttemptEnd; 6] = [
        AttemptEnd::Success,
        AttemptEnd::Failure,
        AttemptEnd::Canceled,
        AttemptEnd::Stopped,
        AttemptEnd::Fault,
        AttemptEnd::Superseded,
    ];

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            AttemptEnd::Success => "success",
            AttemptEnd::Failure => "failure",
            AttemptEnd::Canceled => "canceled",
            AttemptEnd::Stopped => "stopped",
            AttemptEnd::Fault => "fault",
            AttemptEnd::Superseded => "superseded",
        }
    }
}

/// What is counted as it happens, since this process began.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) ends: [AtomicU64; AttemptEnd::ALL.len()],
    pub(crate) deaths: [AtomicU64; Death::CAUSES.len()],
    pub(crate) leases_lost: AtomicU64,
    /// What the ledger holds.
    pub(crate) ledger: Arc<Counted<Ledger>>,
    /// What waits in it.
    pub(crate) queue: Arc<Counted<Queue>>,
}

impl Counters {
    pub(crate) fn ended(&self, end: AttemptEnd) {
        self.ends[end as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the death of an attempt's process by the number of its cause.
    pub(crate) fn died(&self, cause: usize) {
        if let Some(deaths) = self.deaths.get(cause) {
            deaths.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn lost_leases(&self, n: usize) {
        self.leases_lost.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// What the ledger holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Jobs by state and type; types that nobody knows are one type, called `other`.
    pub jobs: Vec<(State, String, u64)>,
    /// Blobs that assets name.
    pub blobs: u64,
    /// Bytes of these.
    pub blob_bytes: u64,
}

/// Jobs that could run now if there were a slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// How many.
    pub length: u64,
    /// When the oldest of them was dispatched.
    pub oldest: Option<Timestamp>,
}

/// One of several servers that share a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// No other has it.
    pub number: i64,
    /// Of its machine.
    pub name: String,
    /// Where it listens; empty where it does not.
    pub address: String,
    /// Of its program.
    pub version: String,
}

/// Everything that the engine counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// A second old, or more where counting takes long: up to twenty times as long as that takes.
    pub ledger: Look<Ledger>,
    /// The same, counted apart because that is quick.
    pub queue: Look<Queue>,
    /// Attempts that ended since this process began, by how.
    pub attempts: Vec<(AttemptEnd, u64)>,
    /// Attempts whose process died without a result since this process began, by cause.
    pub deaths: Vec<(&'static str, u64)>,
    /// Leases that ended without their holder, since this process began.
    pub leases_lost: u64,
    /// Attempts that run now, in this process.
    pub running: u64,
    /// Servers that share the database and live, this one included; none where it is alone.
    pub servers: Vec<Server>,
    /// Stored files that are known to be damaged or missing.
    pub damaged_blobs: u64,
    /// Stored files read to find rot, since this process began.
    pub scrubbed_blobs: u64,
    /// Bytes of these.
    pub scrubbed_bytes: u64,
}
