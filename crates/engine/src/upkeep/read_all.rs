//! Reads many blobs to their ends.

use crate::blobs::files::{BlobFile, checksum};
use crate::blobs::{Blobs, Checksum};
use crate::error::Result;
use crate::run::threads::new_pool;
use futures::{StreamExt, TryStreamExt};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// Objects of a bucket that are read at the same time.
const AT_ONCE: usize = 8;

/// Checksum and size of every one of these blobs, wherever they lie.
pub(super) async fn read_all_of(
    blobs: &Blobs,
    files: Vec<BlobFile>,
) -> Result<(Vec<BlobFile>, Vec<Checksum>)> {
    if blobs.are_local() {
        return read_all(files).await;
    }
    let names: Vec<_> = files.iter().map(|file| file.sha256.clone()).collect();
    let read = futures::stream::iter(names).map(async |name| match name {
        Some(sha256) => blobs.checksum(&sha256).await,
        None => Ok(Err(std::io::Error::other("no blob has such a name"))),
    });
    let read = read.buffered(AT_ONCE).try_collect().await?;
    Ok((files, read))
}

/// Checksum and size of every file, on all cores, at low priority.
pub(super) async fn read_all(files: Vec<BlobFile>) -> Result<(Vec<BlobFile>, Vec<Checksum>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let pool = new_pool(0).map_err(anyhow::Error::from)?;
        let read = pool.install(|| files.par_iter().map(|file| checksum(&file.path)).collect());
        Ok((files, read))
    });
    reading.await?
}
