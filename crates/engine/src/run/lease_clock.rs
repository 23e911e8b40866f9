//! The clock that leases go by.

use crate::model::Timestamp;
use std::time::{Duration, Instant};

/// The clock of leases: the wall clock's time when it was made, and from then on what has passed. When the wall clock is
/// put forward, nobody who is alive loses a lease; all leases of an earlier process have ended.
pub(super) struct LeaseClock {
    start: Timestamp,
    since: Instant,
}

impl LeaseClock {
    pub(super) fn new() -> LeaseClock {
        LeaseClock { start: Timestamp::now(), since: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.after(Duration::ZERO)
    }

    pub(super) fn after(&self, time: Duration) -> Timestamp {
        Timestamp(self.start.0 + (self.since.elapsed() + time).as_micros() as i64)
    }
}
