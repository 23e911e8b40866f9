//! Sweeps blobs that no row names, whatever their age: whoever is about to name one holds the lock of the blobs.

use super::sweep::sweep_beside;
use crate::blobs::{Blobs, files};
use crate::error::Result;
use crate::store::Store;
use std::path::Path;

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that are still there.
    pub kept: u64,
}

/// Deletes the blobs in `data` that neither an asset nor an unfinished job names. Safe beside a running server.
pub async fn gc(data: &Path) -> Result<Swept> {
    let store = Store::open_read_only(data).await?;
    let swept = sweep(data, &store).await;
    store.close().await;
    swept
}

async fn sweep(data: &Path, store: &Store) -> Result<Swept> {
    let blobs = Blobs::attach(data)?;
    // The files first: a blob whose row comes after the look at the rows is asked for once more below.
    let files = files::all(data).await?;
    let named = store.named_blobs().await?;
    let mut swept = Swept::default();
    for file in files {
        let Some(sha256) = file.sha256 else { continue };
        if !named.contains(&sha256) && sweep_beside(&blobs, store, &sha256).await? {
            swept.blobs += 1;
            swept.bytes += file.size;
        } else {
            swept.kept += 1;
        }
    }
    Ok(swept)
}
