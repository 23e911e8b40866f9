//! Files that are being written: uploads on their way to become blobs, and the folders of attempts. Of several servers each has a
//! folder of its own for either.

use crate::data_folder::make_folder;
use crate::heads::{self, HeadId};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 3] = ["tmp", "work", "cache"];

/// Where a process writes.
pub(super) struct Scratch {
    /// For blobs to be.
    pub(super) tmp: PathBuf,
    /// For attempts.
    pub(super) work: PathBuf,
    /// For copies of blobs that lie in a bucket.
    pub(super) cache: PathBuf,
}

impl Scratch {
    /// Of a process in `data`.
    pub(super) fn of(data: &Path, head: Option<HeadId>) -> Scratch {
        let place = |folder| match head {
            None => data.join(folder),
            Some(id) => data.join(folder).join(id.to_string()),
        };
        let [tmp, work, cache] = FOLDERS.map(place);
        Scratch { tmp, work, cache }
    }

    /// Makes those of each server, empty: a process that was killed has left what it was writing.
    pub(super) fn make(&self) -> std::io::Result<()> {
        self.remove()?;
        make_folder(&self.tmp)?;
        make_folder(&self.work)
    }

    /// Removes all of them with what is in them.
    pub(super) fn remove(&self) -> std::io::Result<()> {
        remove(&self.tmp)?;
        remove(&self.work)?;
        remove(&self.cache)
    }
}

/// Removes everything in both folders of `data` that is of no server which has a file there.
pub(super) fn remove_left(data: &Path) -> std::io::Result<()> {
    for folder in FOLDERS {
        let entries = match std::fs::read_dir(data.join(folder)) {
            // Only a server with a bucket makes one for copies.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            // Looked at each time: one that begins makes its file first.
            let kept = heads::all(data)?;
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if !name.is_some_and(|id| kept.contains(&HeadId(id))) {
                remove(&path)?;
            }
        }
    }
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
