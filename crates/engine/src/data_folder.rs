//! The data folder: closed to other users, and the locks by which processes share it.

use crate::error::{EngineError, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The ledger's file in a data folder.
pub(crate) const LEDGER: &str = "ledger.sqlite";
/// What names in a data folder begin with; a folder that holds anything else is not ours alone.
const OURS: &[&str] = &[
    "ledger.",
    "lock",
    "blobs",
    "tmp",
    "work",
    "cache",
    "uploads",
    "thumbnails",
    "quarantine",
    "heads",
    "tls",
    "admin.key",
    "audit",
    "damage.log",
    "lost+found",
];

/// Makes a folder that only its owner may enter.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    folder.canonicalize()?.parent().map_or(Ok(()), sync_folder)
}

/// Makes a data folder. One that is there and open to other users is closed to them, and so are the files of the ledger: the
/// secrets of links and keys lie in it. It is refused when it holds what is not ours, which others may need.
pub(crate) fn make_data_folder(data: &Path) -> Result<()> {
    make_folder(data)?;
    #[cfg(unix)]
    close_to_others(data)?;
    Ok(())
}

#[cfg(unix)]
fn close_to_others(data: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(data)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let refused = |why: String| {
            Err(EngineError::Conflict(format!(
                "the data folder {} is open to other users (mode {mode:04o}) and {why}: take a folder of its own, or close \
                 it (chmod 700)",
                data.display()
            )))
        };
        if let Some(stranger) = stranger(data)? {
            return refused(format!("holds {stranger:?}, which is not of this service"));
        }
        if let Err(e) = std::fs::set_permissions(data, PermissionsExt::from_mode(mode & 0o700)) {
            return refused(format!("cannot be closed to them ({e})"));
        }
        let shown = data.display();
        tracing::warn!(
            "the data folder {shown} was open to other users (mode {mode:04o}), it is closed to them now"
        );
    }
    for file in [LEDGER, "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        close_file(&data.join(file))?;
    }
    Ok(())
}

/// A file or folder in `data` that is none of ours.
#[cfg(unix)]
fn stranger(data: &Path) -> std::io::Result<Option<String>> {
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !OURS.iter().any(|ours| name.starts_with(ours)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Lets nobody but its owner read a file, if it is there.
pub fn close_file(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::metadata(file) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                std::fs::set_permissions(file, PermissionsExt::from_mode(0o600))?;
            }
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Options that make a file which only its owner may read; one that is there stays as it is.
pub fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The lock of a folder's only server, held until the file is dropped (by the system when the process dies); `None` when
/// another process holds it. Taken under [`lock_ledger`].
pub(crate) fn try_lock(data: &Path) -> Result<Option<File>> {
    locked(&data.join("lock"), FlockOperation::NonBlockingLockExclusive)
}

/// The lock of one of several servers, whose ledger is in a database: no server that must be alone may use the folder meanwhile.
pub(crate) fn lock_shared(data: &Path) -> Result<File> {
    let shared = locked(&data.join("lock"), FlockOperation::NonBlockingLockShared)?;
    shared.ok_or_else(|| in_use(data))
}

/// The lock of a folder's only server, or an error that says who is in the way.
pub(crate) fn lock(data: &Path) -> Result<File> {
    try_lock(data)?.ok_or_else(|| in_use(data))
}

fn in_use(data: &Path) -> EngineError {
    EngineError::Conflict(format!("the data folder {} is in use by another server", data.display()))
}

/// The right to make the ledger or to bring it up to date, held until the file is dropped: waits for whoever has it, a
/// starting server or another command, for moments.
pub(crate) async fn lock_ledger(data: &Path) -> Result<File> {
    let path = data.join("ledger.lock");
    let waiting = tokio::task::spawn_blocking(move || locked(&path, FlockOperation::LockExclusive));
    let file = waiting.await??;
    Ok(file.ok_or_else(|| anyhow::anyhow!("the lock of the ledger was not waited for"))?)
}

/// The lock of the blobs, held until the file is dropped; `None` when it was not to be waited for and cannot be had, or
/// when nobody can write to the folder.
/// Shared by those who place blobs and give them rows, exclusive for one who deletes blobs without a row: a server
/// and the commands beside it are several processes.
pub(crate) fn lock_blobs(data: &Path, operation: FlockOperation) -> Result<Option<File>> {
    let path = data.join("blobs.lock");
    match locked(&path, operation) {
        Err(EngineError::Internal(e)) if e.downcast_ref().is_some_and(cannot_write) => {
            match File::open(&path) {
                Ok(file) => flocked(file, operation),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e.into()),
            }
        }
        taken => taken,
    }
}

fn cannot_write(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

fn locked(path: &Path, operation: FlockOperation) -> Result<Option<File>> {
    flocked(private_file().open(path)?, operation)
}

pub(crate) fn flocked(file: File, operation: FlockOperation) -> Result<Option<File>> {
    match flock(&file, operation) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(std::io::Error::from(e).into()),
    }
}

/// Whether files can be made in `folder`.
pub(crate) fn is_writable(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
    }
    #[cfg(not(unix))]
    {
        std::fs::metadata(folder).is_ok_and(|found| !found.permissions().readonly())
    }
}

/// A file system.
pub(crate) struct Disk {
    /// Bytes of all of it.
    pub(crate) size: u64,
    /// Bytes that this user may still write.
    pub(crate) free: u64,
}

/// The file system of `folder`.
pub(crate) fn disk(folder: &Path) -> std::io::Result<Disk> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Disk { size: bytes(found.f_blocks), free: bytes(found.f_bavail) })
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(Disk { size: u64::MAX, free: u64::MAX })
    }
}

/// The write-ahead log of a folder's ledger.
pub(crate) fn ledger_log(data: &Path) -> PathBuf {
    data.join("ledger.sqlite-wal")
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_open_folder_is_closed_and_a_shared_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("d");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
        for file in [LEDGER, "ledger.sqlite-wal"] {
            std::fs::write(data.join(file), "").unwrap();
            std::fs::set_permissions(data.join(file), PermissionsExt::from_mode(0o644)).unwrap();
        }
        make_data_folder(&data).unwrap();
        assert_eq!((mode(&data), mode(&data.join(LEDGER))), (0o700, 0o600));
        assert_eq!(mode(&data.join("ledger.sqlite-wal")), 0o600);
        std::fs::write(data.join("letter.txt"), "").unwrap();
        std::fs::set_permissions(&data, PermissionsExt::from_mode(0o1777)).unwrap();
        let refused = make_data_folder(&data).unwrap_err().to_string();
        assert!(refused.contains("mode 1777") && refused.contains("letter.txt"), "{refused}");
        assert_eq!(mode(&data), 0o1777, "left as it was");
    }
}
