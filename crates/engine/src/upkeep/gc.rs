//! Moves blobs that no row names to quarantine, whatever their age: whoever is about to name one holds the lock of the blobs.

use super::belonging::{check_ledger_is_current, check_ledger_is_there};
use super::sweep::{purge, quarantine_beside};
use crate::blobs::{Blobs, day_of};
use crate::error::Result;
use crate::location::Location;
use crate::store::Store;
use std::time::SystemTime;

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files moved to quarantine.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that are still there.
    pub kept: u64,
    /// Files deleted, which had been in quarantine for long enough.
    pub purged: u64,
    /// Their bytes.
    pub purged_bytes: u64,
}

/// Moves the blobs in a data folder that neither an asset nor an unfinished job names to quarantine, and deletes what has been
/// there for more than `quarantine_days`; with 0 at once. Safe beside a running server. Refuses a folder whose ledger is gone or
/// older than its blobs.
pub async fn gc(at: impl Into<Location<'_>>, quarantine_days: u32) -> Result<Swept> {
    let at = at.into();
    check_ledger_is_there(at).await?;
    let store = Store::open_read_only(at).await?;
    let swept = sweep(at, &store, quarantine_days).await;
    store.close().await;
    swept
}

async fn sweep(at: Location<'_>, store: &Store, quarantine_days: u32) -> Result<Swept> {
    check_ledger_is_current(at, store).await?;
    let blobs = Blobs::attach(at)?;
    let now = SystemTime::now();
    // The files first: a blob whose row comes after the rows are read is asked for once more below.
    let files = blobs.list().await?;
    let named = store.named_blobs().await?;
    let mut swept = Swept::default();
    for file in files {
        let Some(sha256) = file.sha256 else { continue };
        if file.is_quarantined && !named.contains(&sha256) {
            continue;
        }
        if !named.contains(&sha256) && quarantine_beside(&blobs, store, &sha256, now).await? {
            swept.blobs += 1;
            swept.bytes += file.size;
        } else {
            swept.kept += 1;
        }
    }
    let sweeping = blobs.sweeping().await?;
    let purged = purge(&blobs, store, day_of(now), quarantine_days, &sweeping).await?;
    (swept.purged, swept.purged_bytes) = (purged.blobs, purged.bytes);
    Ok(swept)
}
