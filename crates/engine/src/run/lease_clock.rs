//! The clock that leases go by.

use crate::model::Timestamp;
use crate::store::Store;
use std::time::{Duration, Instant};

const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// The clock of leases. The only server of a ledger goes by its own: the wall clock's time when it was made, and from then on what
/// has passed. When the wall clock is put forward, nobody who is alive loses a lease; all leases of an earlier process have ended.
/// Servers that share a database go by that of the database, which its statements read: they are told how far from then.
pub(crate) enum LeaseClock {
    Own { start: Timestamp, since: Instant },
    Database,
}

impl LeaseClock {
    /// The one for this ledger.
    pub(crate) fn of(store: &Store) -> LeaseClock {
        if store.is_in_postgres() {
            return LeaseClock::Database;
        }
        LeaseClock::Own { start: Timestamp::now(), since: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.after(Duration::ZERO)
    }

    /// A time before which no lease ends but one that was given up.
    pub(crate) fn given_up(&self) -> Timestamp {
        match self {
            LeaseClock::Own { .. } => Timestamp(1),
            LeaseClock::Database => Timestamp(-(YEAR.as_micros() as i64)),
        }
    }

    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        match self {
            LeaseClock::Own { start, since } => {
                Timestamp(start.0 + (since.elapsed() + time).as_micros() as i64)
            }
            LeaseClock::Database => Timestamp(time.as_micros() as i64),
        }
    }
}
