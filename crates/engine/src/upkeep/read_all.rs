//! Reads many blobs to their ends.

use crate::blobs::files::{BlobFile, checksum};
use crate::error::Result;
use crate::run::threads::new_pool;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// What a file holds: its checksum and its size.
pub(super) type Checksum = std::io::Result<(String, u64)>;

/// Checksum and size of every file, on all cores, at low priority.
pub(super) async fn read_all(files: Vec<BlobFile>) -> Result<(Vec<BlobFile>, Vec<Checksum>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let pool = new_pool(0).map_err(anyhow::Error::from)?;
        let read = pool.install(|| files.par_iter().map(|file| checksum(&file.path)).collect());
        Ok((files, read))
    });
    reading.await?
}
