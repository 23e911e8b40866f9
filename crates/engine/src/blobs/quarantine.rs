//! Bytes that no row names, kept for a while before they are deleted.

use super::store::{IsNeeded, Purged, Quarantined};
use super::{Blobs, Sweeping, key};
use crate::error::Result;
use jiff::ToSpan;
use jiff::civil::Date;

/// The day of `now`, in UTC.
pub(crate) fn day_of(now: std::time::SystemTime) -> Date {
    let now = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(now).date()
}

impl Blobs {
    /// Puts a blob that has no row into the quarantine of `today`; whether it was there and in none.
    pub(crate) async fn quarantine(&self, sha256: &str, today: Date, _: &Sweeping<'_>) -> Result<bool> {
        key(sha256)?;
        self.at.quarantine(sha256, today).await
    }

    /// Deletes what has been in quarantine for more than `days` days, but for what is needed again.
    pub(crate) async fn purge_quarantine<'a>(
        &'a self,
        today: Date,
        days: u32,
        is_needed: IsNeeded<'a>,
    ) -> Result<Purged> {
        let oldest = today.checked_sub(i64::from(days).days()).unwrap_or(Date::MIN);
        self.at.purge(oldest, is_needed).await
    }

    /// Everything in quarantine.
    pub(crate) async fn quarantined(&self) -> Result<Vec<Quarantined>> {
        self.at.quarantined().await
    }

    /// Takes a blob out of quarantine; whether it was missing meanwhile, or would have been deleted.
    pub(crate) async fn restore(&self, blob: &Quarantined) -> Result<bool> {
        self.at.restore(blob).await
    }
}
