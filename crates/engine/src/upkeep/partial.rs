//! Backups in the making. Each holds a lock on its folder, so that the next one can tell a live one from one that was killed.

use crate::data_folder::make_folder;
use crate::error::Result;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What stands between the name of a backup and eight digits while it is made.
const INFIX: &str = ".partial-";
/// What names in it begin with.
const OURS: &[&str] = &["blobs", "ledger."];

/// The folder of a backup in the making, removed when dropped before it got its name.
pub(super) struct PartialBackup {
    folder: PathBuf,
    /// Keeps others from removing it.
    _lock: File,
}

impl PartialBackup {
    /// A new folder for the backup `name` in `parent`.
    pub(super) fn new(parent: &Path, name: &str) -> Result<PartialBackup> {
        loop {
            let folder = parent.join(format!("{name}{INFIX}{:08x}", rand::random::<u32>()));
            make_folder(&folder)?;
            // Somebody who tidies up may be faster: then it is gone, and there is another name.
            let Ok(lock) = File::open(&folder) else { continue };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && folder.exists() {
                return Ok(PartialBackup { folder, _lock: lock });
            }
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the complete backup its name.
    pub(super) fn rename(&self, to: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.folder, to)
    }
}

impl Drop for PartialBackup {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.folder)
            && e.kind() != ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {e}", self.folder.display());
        }
    }
}

/// Removes the folders in `parent` that killed backups have left; which ones.
pub(super) fn remove_abandoned(parent: &Path) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let path = entry?.path();
        if !is_partial(&path) {
            continue;
        }
        let Ok(lock) = File::open(&path) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() || !holds_a_backup(&path)? {
            continue;
        }
        std::fs::remove_dir_all(&path)?;
        removed.push(path);
    }
    removed.sort();
    Ok(removed)
}

fn is_partial(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let digits = name.rsplit_once(INFIX).map(|(_, digits)| digits);
    path.is_dir() && digits.is_some_and(|d| d.len() == 8 && d.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Whether there is nothing in a folder but what a backup puts there.
fn holds_a_backup(folder: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !OURS.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_backup_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        for left in ["b1.partial-0123abcd", "b2.partial-ffffffff"] {
            std::fs::create_dir_all(place(left).join("blobs/sha256")).unwrap();
            std::fs::write(place(left).join("ledger.42partial"), "").unwrap();
        }
        std::fs::create_dir(place("b3.partial-00000000")).unwrap();
        std::fs::write(place("b3.partial-00000000").join("letter.txt"), "").unwrap();
        for other in ["b4.partial-xyz", "b5.partial-0123abcde", "b6"] {
            std::fs::create_dir(place(other)).unwrap();
        }
        let alive = PartialBackup::new(parent.path(), "b7").unwrap();
        let removed = remove_abandoned(parent.path()).unwrap();
        assert_eq!(removed, [place("b1.partial-0123abcd"), place("b2.partial-ffffffff")]);
        assert!(alive.folder().exists());
        let mut left: Vec<_> = std::fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().path()).collect();
        left.sort();
        let kept = ["b3.partial-00000000", "b4.partial-xyz", "b5.partial-0123abcde", "b6"].map(place);
        assert_eq!(left[..4], kept);
    }
}
