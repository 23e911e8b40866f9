//! Takes away blobs that nothing refers to any more: at once when their last row was deleted, by way of the quarantine when
//! they are found without one.

use crate::blobs::{Blobs, GRACE, Purged, Sweeping, day_of};
use crate::error::Result;
use crate::store::Store;
use futures::FutureExt;
use jiff::civil::Date;
use std::time::SystemTime;

/// Deletes the blobs among `candidates` that nothing refers to any more: their last row has just been deleted. While another
/// process keeps blobs from being swept (a backup is being made), they stay for the next sweep of the whole folder.
pub(crate) async fn sweep(blobs: &Blobs, ledger: &Store, candidates: Vec<String>) -> Result<usize> {
    let mut swept = 0;
    for sha256 in candidates {
        let Some(sweeping) = blobs.try_sweeping().await? else { break };
        if !ledger.needs_blob(&sha256).await? {
            swept += usize::from(blobs.delete(&sha256, &sweeping).await?);
        }
    }
    Ok(swept)
}

/// Moves one blob that no row may name to quarantine, from beside the server: waits for its turn. Whether it was moved.
pub(super) async fn quarantine_beside(
    blobs: &Blobs,
    ledger: &Store,
    sha256: &str,
    now: SystemTime,
) -> Result<bool> {
    let sweeping = blobs.sweeping().await?;
    Ok(!ledger.needs_blob(sha256).await? && blobs.quarantine(sha256, day_of(now), &sweeping).await?)
}

/// What a sweep of a whole folder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FolderSwept {
    /// Blobs moved to quarantine.
    pub(crate) quarantined: u64,
    /// Blobs deleted from it.
    pub(crate) purged: u64,
}

/// Moves blobs that nothing refers to and that are older than an hour to quarantine: a process was killed between placing
/// them and writing their row. Deletes what has been there for `quarantine_days`.
pub(crate) async fn sweep_folder(
    blobs: &Blobs,
    ledger: &Store,
    quarantine_days: u32,
    now: SystemTime,
) -> Result<FolderSwept> {
    let mut swept = FolderSwept::default();
    for file in blobs.list().await? {
        if file.is_quarantined {
            continue;
        }
        let age = now.duration_since(file.modified).unwrap_or_default();
        let (true, Some(sha256)) = (age > GRACE, file.sha256) else { continue };
        let Some(sweeping) = blobs.try_sweeping().await? else { break };
        if !ledger.needs_blob(&sha256).await? {
            swept.quarantined += u64::from(blobs.quarantine(&sha256, day_of(now), &sweeping).await?);
        }
    }
    if let Some(sweeping) = blobs.try_sweeping().await? {
        swept.purged = purge(blobs, ledger, day_of(now), quarantine_days, &sweeping).await?.blobs;
    }
    Ok(swept)
}

/// Deletes what has been in quarantine for more than `days` days and is not needed again.
pub(super) async fn purge(
    blobs: &Blobs,
    ledger: &Store,
    today: Date,
    days: u32,
    _: &Sweeping<'_>,
) -> Result<Purged> {
    let is_needed = |sha256: String| async move { ledger.needs_blob(&sha256).await }.boxed();
    blobs.purge_quarantine(today, days, &is_needed).await
}

/// Moves back from quarantine what a row names again: an operator has put the right ledger back.
pub(crate) async fn restore_quarantined(blobs: &Blobs, ledger: &Store) -> Result<u64> {
    let mut restored = 0;
    for blob in blobs.quarantined().await? {
        // A file that somebody else put there has no checksum for a name, and no row.
        if ledger.needs_blob(&blob.sha256).await? {
            restored += u64::from(blobs.restore(&blob).await?);
        }
    }
    Ok(restored)
}

/// Deletes documents whose jobs are gone.
pub(crate) async fn sweep_documents(ledger: Store) {
    if let Err(e) = ledger.sweep_documents().await {
        tracing::warn!("documents of deleted jobs cannot be deleted yet: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Engine;
    use crate::service::tests::config;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn blobs_without_a_row_are_kept_in_quarantine_for_its_days() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let (blobs, store) = (&engine.core.blobs, &engine.core.store);
        let mut staged = blobs.stage().unwrap();
        staged.write(b"orphan").unwrap();
        let placing = blobs.placing().await.unwrap();
        let orphan = blobs.place(staged, &placing).await.unwrap();
        drop(placing);
        let now = SystemTime::now();
        let sweep_at = async |at| {
            let FolderSwept { quarantined, purged } = sweep_folder(blobs, store, 30, at).await.unwrap();
            (quarantined, purged)
        };
        assert_eq!(sweep_at(now).await, (0, 0), "it may get its row yet");
        assert!(blobs.is_sound(&orphan.sha256).await.unwrap());
        let day = now + DAY;
        assert_eq!(sweep_at(day).await, (1, 0));
        assert!(!blobs.is_sound(&orphan.sha256).await.unwrap());
        assert_eq!(blobs.quarantined().await.unwrap().len(), 1);
        assert_eq!(sweep_at(day + 29 * DAY).await, (0, 0));
        assert_eq!(restore_quarantined(blobs, store).await.unwrap(), 0, "still without a row");
        assert_eq!(sweep_at(day + 30 * DAY).await, (0, 1));
        assert_eq!(blobs.quarantined().await.unwrap().len(), 0);
    }
}
