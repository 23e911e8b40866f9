//! A copy of a data folder that a server can be started on, made beside a server that may be running.

use crate::blobs::files::{self, place_of};
use crate::blobs::{Blobs, make_all_folders};
use crate::data_folder::{make_folder, sync_folder};
use crate::error::EngineError;
use crate::error::Result;
use crate::store::Store;
use anyhow::Context;
use std::collections::HashSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Blobs that are hard links: they share their bytes with the data folder.
    pub linked: u64,
    /// Blobs that were copied, because the backup lies on another file system.
    pub copied: u64,
    /// Bytes of all blobs.
    pub bytes: u64,
    /// Blobs that rows name and that were not there.
    pub missing: Vec<String>,
}

/// Copies `data` to `to`, which must not exist yet: it appears when it is complete.
///
/// Most blobs are taken before the ledger, the few that came meanwhile after it, and during that last part nothing is
/// swept: so each blob that the copied ledger names is there.
pub async fn backup(data: &Path, to: &Path) -> Result<Backup> {
    if to.exists() {
        return Err(EngineError::Conflict(format!(
            "{} exists already, a backup is a new folder",
            to.display()
        )));
    }
    let store = Store::open_read_only(data).await?;
    let made = make(data, to, &store).await;
    store.close().await;
    made
}

async fn make(data: &Path, to: &Path, store: &Store) -> Result<Backup> {
    let parent = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let blobs_folder = data.join("blobs").canonicalize()?;
    make_folder(parent)?;
    if parent.canonicalize()?.starts_with(&blobs_folder) {
        return Err(EngineError::Conflict(format!("{} lies among the blobs themselves", to.display())));
    }
    let name = to.file_name().context("a backup needs a name")?.to_string_lossy();
    let partial = Partial(parent.join(format!("{name}.partial-{:08x}", rand::random::<u32>())));
    make_folder(&partial.0)?;
    make_all_folders(&partial.0)?;
    let taking = Taking { from: data.to_owned(), to: partial.0.clone() };
    // What no row names is taken in vain and thrown away again; the ledger is not read for that.
    let early = files::all(data).await?.into_iter().filter_map(|file| file.sha256).collect();
    taking.take(early).await?;
    let named = {
        let blobs = Blobs::attach(data)?;
        let _nothing_is_swept = blobs.placing().await?;
        store.copy_to(&partial.0.join("ledger.sqlite")).await?;
        let copy = Store::open_read_only(&partial.0).await?;
        let named = copy.named_blobs().await;
        copy.close().await;
        let named = named?;
        let new = named.iter().filter(|sha256| !taking.has(sha256)).cloned().collect();
        taking.take(new).await?;
        named
    };
    let backup = taking.finish(named).await?;
    std::fs::rename(&partial.0, to)?;
    sync_folder(parent)?;
    Ok(backup)
}

/// A backup in the making, removed when dropped before it got its name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0)
            && e.kind() != ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {e}", self.0.display());
        }
    }
}

#[derive(Clone)]
struct Taking {
    from: PathBuf,
    to: PathBuf,
}

impl Taking {
    fn place(folder: &Path, sha256: &str) -> PathBuf {
        folder.join("blobs").join(place_of(sha256))
    }

    fn has(&self, sha256: &str) -> bool {
        Self::place(&self.to, sha256).exists()
    }

    /// Links or copies these blobs; one that is gone by now is left out.
    async fn take(&self, blobs: Vec<String>) -> Result<()> {
        let taking = self.clone();
        let take_all = move || blobs.iter().try_for_each(|sha256| taking.take_one(sha256));
        Ok(tokio::task::spawn_blocking(take_all).await??)
    }

    fn take_one(&self, sha256: &str) -> std::io::Result<()> {
        let (from, to) = (Self::place(&self.from, sha256), Self::place(&self.to, sha256));
        // Blobs never change, so one file may be in both folders.
        let linked = match std::fs::hard_link(&from, &to) {
            // Another file system, or one without links.
            Err(e) if e.kind() != ErrorKind::NotFound => {
                std::fs::copy(&from, &to).and_then(|_| File::open(&to)?.sync_all())
            }
            linked => linked,
        };
        match linked {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(std::io::Error::new(e.kind(), format!("{}: {e}", to.display()))),
            Ok(()) => Ok(()),
        }
    }

    /// Throws away what nothing names, makes the rest durable and counts it.
    async fn finish(&self, named: HashSet<String>) -> Result<Backup> {
        let mut backup = Backup::default();
        let files = files::all(&self.to).await?;
        let mut there = HashSet::new();
        for file in files {
            let Some(sha256) = file.sha256 else { continue };
            if !named.contains(&sha256) {
                std::fs::remove_file(&file.path)?;
                continue;
            }
            match same_file(&Self::place(&self.from, &sha256), &file.path) {
                true => backup.linked += 1,
                false => backup.copied += 1,
            }
            backup.bytes += file.size;
            there.insert(sha256);
        }
        backup.missing = named.difference(&there).cloned().collect();
        backup.missing.sort();
        let to = self.to.clone();
        // The folders of the blobs, then what they lie in.
        tokio::task::spawn_blocking(move || make_all_folders_durable(&to)).await??;
        Ok(backup)
    }
}

fn make_all_folders_durable(data: &Path) -> std::io::Result<()> {
    for folder in std::fs::read_dir(data.join("blobs/sha256"))? {
        sync_folder(&folder?.path())?;
    }
    make_all_folders(data)
}

/// Whether both names are of one file.
fn same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        id(a).is_some() && id(a) == id(b)
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        false
    }
}
