//! The data folder and the lock that makes one process its only server.

use crate::error::EngineError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::path::Path;

/// Makes the folder, readable by its owner only; the secrets of links and keys lie in it.
pub(crate) fn make_folder(data: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)?;
    data.canonicalize()?.parent().map_or(Ok(()), sync_folder)
}

/// The lock, held until the file is dropped (by the system when the process dies); `None` when
/// another process holds it.
pub(crate) fn try_lock(data: &Path) -> Result<Option<File>, EngineError> {
    let file = File::options().create(true).truncate(false).write(true).open(data.join("lock"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(std::io::Error::from(e).into()),
    }
}

/// The lock, or an error that says who is in the way.
pub(crate) fn lock(data: &Path) -> Result<File, EngineError> {
    try_lock(data)?.ok_or_else(|| {
        EngineError::Conflict(format!("the data folder {} is in use by another server", data.display()))
    })
}

/// The lock of the blobs, held until the file is dropped; `None` when it was not to be waited for and cannot be had.
/// Shared by those who place blobs and give them rows, exclusive for one who deletes blobs without a row: a server
/// and the commands beside it are several processes.
pub(crate) fn lock_blobs(data: &Path, operation: FlockOperation) -> Result<Option<File>, EngineError> {
    let file = File::options().create(true).truncate(false).write(true).open(data.join("blobs.lock"))?;
    match flock(&file, operation) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(std::io::Error::from(e).into()),
    }
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
