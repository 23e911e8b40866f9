//! The folder of a worker, which nobody else uses, removed at its end; what those that were killed have left is removed by the next. And the
//! folder of inputs that stay for the next worker.

use anyhow::Context;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PREFIX: &str = ".fieldstone-worker-";
const LOCK: &str = "lock";
/// Begins the name of a folder of inputs.
const INPUTS: &str = "fieldstone-inputs-";
/// A folder without its owner is left alone for so long: he may be about to lock it.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder with its lock.
pub struct WorkerFolder {
    path: PathBuf,
    _lock: File,
}

impl WorkerFolder {
    /// Makes one in `parent`.
    pub fn make(parent: &Path) -> anyhow::Result<WorkerFolder> {
        let parent = std::path::absolute(parent)?;
        std::fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
        remove_left(&parent);
        let path = parent.join(format!("{PREFIX}{:016x}", rand::random::<u64>()));
        let made = || -> std::io::Result<File> {
            std::fs::create_dir(&path)?;
            let lock = File::create_new(path.join(LOCK))?;
            lock.lock()?;
            Ok(lock)
        };
        let lock = made().with_context(|| format!("cannot make {}", path.display()))?;
        Ok(WorkerFolder { path, _lock: lock })
    }

    /// A new folder in it.
    pub fn make_inside(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for WorkerFolder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!("cannot remove {}: {e}", self.path.display());
        }
    }
}

/// A folder of inputs that outlives its worker, which has it alone as long as it lives.
pub struct InputsFolder {
    path: PathBuf,
    _lock: File,
}

impl InputsFolder {
    /// Takes the first in `parent` that no living worker has; makes one where all are taken.
    pub fn take(parent: &Path) -> anyhow::Result<InputsFolder> {
        let parent = std::path::absolute(parent)?;
        let place = |path: &Path| format!("cannot use {}", path.display());
        fieldstone_engine::make_folder(&parent).with_context(|| place(&parent))?;
        for number in 0.. {
            let path = parent.join(format!("{INPUTS}{number}"));
            let lock_path = parent.join(format!("{INPUTS}{number}.lock"));
            let lock =
                fieldstone_engine::private_file().open(&lock_path).with_context(|| place(&lock_path))?;
            match lock.try_lock() {
                Ok(()) => {
                    fieldstone_engine::make_folder(&path).with_context(|| place(&path))?;
                    return Ok(InputsFolder { path, _lock: lock });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(e).with_context(|| place(&lock_path)),
            }
        }
        unreachable!("there are more numbers than workers")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes folders of workers that do not live.
fn remove_left(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_left(&entry.path()) {
            match std::fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!("{} was left by a worker and is removed", entry.path().display()),
                Err(e) => tracing::warn!("cannot remove {}: {e}", entry.path().display()),
            }
        }
    }
}

fn is_left(folder: &Path) -> bool {
    let Ok(lock) = File::open(folder.join(LOCK)) else { return false };
    let modified = lock.metadata().and_then(|found| found.modified());
    let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= YOUNG));
    is_old && !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_a_dead_worker_left_is_removed_and_no_living_ones() {
        let parent = tempfile::tempdir().unwrap();
        let lives = WorkerFolder::make(parent.path()).unwrap();
        let left = parent.path().join(format!("{PREFIX}left"));
        let young = parent.path().join(format!("{PREFIX}young"));
        for folder in [&left, &young] {
            std::fs::create_dir(folder).unwrap();
            File::create_new(folder.join(LOCK)).unwrap();
        }
        let long_ago = SystemTime::now() - 2 * YOUNG;
        File::open(left.join(LOCK)).unwrap().set_modified(long_ago).unwrap();
        File::open(lives.path.join(LOCK)).unwrap().set_modified(long_ago).unwrap();
        let next = WorkerFolder::make(parent.path()).unwrap();
        assert!(!left.exists() && young.exists() && lives.path.exists() && next.path.exists());
        let path = next.path.clone();
        drop(next);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_of_inputs_is_one_workers_at_a_time_and_stays() {
        let parent = tempfile::tempdir().unwrap();
        let take = || InputsFolder::take(parent.path()).unwrap();
        let (one, other) = (take(), take());
        assert_ne!(one.path(), other.path());
        let path = one.path().to_owned();
        std::fs::write(path.join("input"), "kept").unwrap();
        drop(one);
        let next = take();
        assert_eq!(next.path(), path);
        assert!(path.join("input").exists());
    }
}
