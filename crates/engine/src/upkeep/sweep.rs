//! Deletes blobs that nothing refers to any more.

use crate::blobs::{Blobs, GRACE, Sweeping, files};
use crate::error::Result;
use crate::store::Store;
use std::time::SystemTime;

/// Deletes the blobs among `candidates` that nothing refers to any more. While another process keeps blobs from
/// being swept (a backup is being made), they stay for the next sweep of the whole folder.
pub(crate) async fn sweep(blobs: &Blobs, ledger: &Store, candidates: Vec<String>) -> Result<usize> {
    let mut swept = 0;
    for sha256 in candidates {
        let Some(sweeping) = blobs.try_sweeping().await? else { break };
        swept += usize::from(delete_unneeded(blobs, ledger, &sha256, &sweeping).await?);
    }
    Ok(swept)
}

/// [`sweep`] of one blob from beside the server: waits for its turn.
pub(super) async fn sweep_beside(blobs: &Blobs, ledger: &Store, sha256: &str) -> Result<bool> {
    let sweeping = blobs.sweeping().await?;
    delete_unneeded(blobs, ledger, sha256, &sweeping).await
}

async fn delete_unneeded(
    blobs: &Blobs,
    ledger: &Store,
    sha256: &str,
    sweeping: &Sweeping<'_>,
) -> Result<bool> {
    if ledger.needs_blob(sha256).await? {
        return Ok(false);
    }
    blobs.delete(sha256, sweeping).await
}

/// Deletes blobs that nothing refers to and that are older than an hour: a process was killed
/// between placing them and writing their row.
pub(crate) async fn sweep_old(blobs: &Blobs, ledger: &Store, now: SystemTime) -> Result<usize> {
    let mut swept = 0;
    for file in files::all(blobs.folder()).await? {
        let age = now.duration_since(file.modified).unwrap_or_default();
        if let (true, Some(sha256)) = (age > GRACE, file.sha256) {
            swept += sweep(blobs, ledger, vec![sha256]).await?;
        }
    }
    Ok(swept)
}
