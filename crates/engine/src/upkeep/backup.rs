//! A copy of a data folder that a server can be started on, made beside a server that may be running.

use super::belonging::mark_copy;
use super::partial::{self, PartialBackup};
use super::read_all::read_all;
use crate::blobs::files::{self, place_of};
use crate::blobs::{self, Blobs, damage_told, noted_damage};
use crate::data_folder::{LEDGER, make_folder, sync_folder};
use crate::error::EngineError;
use crate::error::Result;
use crate::location::Location;
use crate::store::Store;
use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use std::collections::HashSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Objects of a bucket that are fetched at the same time.
const AT_ONCE: usize = 8;

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
    /// Blobs whose bytes are not what their names say, with the checksum that they have: they are so in the data folder.
    pub damaged: Vec<(String, String)>,
    /// Damage that was found since the last backup and may have been healed since: backups before share the files.
    pub noted: Vec<String>,
    /// Folders that backups which were killed had left beside this one, and that are gone now.
    pub removed: Vec<PathBuf>,
}

/// Copies a data folder with its ledger to `to`, which must not exist yet: it appears when it is complete. A ledger in a database of
/// its own is refused: the database's own tools copy that.
///
/// Most blobs are taken before the ledger, the few that came meanwhile after it, and during that last part nothing is
/// swept: so each blob that the copied ledger names is there. All of them are read once more.
pub async fn backup(at: impl Into<Location<'_>>, to: &Path) -> Result<Backup> {
    let at = at.into();
    let Location { data, database, .. } = at;
    if let Some(url) = database {
        return Err(EngineError::Conflict(format!(
            "the ledger is in the database {url}: copy that with pg_dump, and then the folder blobs/ of {} (docs/operations.md)",
            data.display()
        )));
    }
    if to.exists() {
        return Err(EngineError::Conflict(format!(
            "{} exists already, a backup is a new folder",
            to.display()
        )));
    }
    let store = Store::open_read_only(at).await?;
    let made = make(at, to, &store).await;
    store.close().await;
    made
}

async fn make(at: Location<'_>, to: &Path, store: &Store) -> Result<Backup> {
    let (data, blobs) = (at.data, Blobs::attach(at)?);
    let parent = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(parent)?;
    if blobs.are_local() && parent.canonicalize()?.starts_with(data.join("blobs").canonicalize()?) {
        return Err(EngineError::Conflict(format!("{} lies among the blobs themselves", to.display())));
    }
    let name = to.file_name().context("a backup needs a name")?.to_string_lossy();
    let removed = partial::remove_abandoned(parent)?;
    let partial = PartialBackup::new(parent, &name)?;
    make_folder(&blobs::top(partial.folder()))?;
    let copier = BlobCopier { from: data.to_owned(), to: partial.folder().to_owned(), blobs: blobs.clone() };
    // What no row names is taken in vain and thrown away again; the ledger is not read for that.
    let early = blobs.list().await?.into_iter().filter_map(|file| file.sha256).collect();
    copier.take(early).await?;
    let named = {
        let _nothing_is_swept = blobs.placing().await?;
        store.copy_to(&partial.folder().join(LEDGER)).await?;
        let copy = Store::open_read_only(partial.folder()).await?;
        let (named, age) = (copy.named_blobs().await, copy.age().await);
        copy.close().await;
        let named = named?;
        mark_copy(partial.folder(), age?.as_ref())?;
        let new = named.iter().filter(|sha256| !copier.has(sha256)).cloned().collect();
        copier.take(new).await?;
        named
    };
    let backup = copier.finish(named).await?;
    partial.rename(to)?;
    sync_folder(parent)?;
    let noted = noted_damage(data)?;
    if !noted.is_empty() {
        damage_told(data);
    }
    Ok(Backup { removed, noted, ..backup })
}

/// Brings blobs from one data folder to another.
#[derive(Clone)]
struct BlobCopier {
    from: PathBuf,
    to: PathBuf,
    blobs: Blobs,
}

impl BlobCopier {
    fn place(folder: &Path, sha256: &str) -> PathBuf {
        folder.join("blobs").join(place_of(sha256))
    }

    fn has(&self, sha256: &str) -> bool {
        Self::place(&self.to, sha256).exists()
    }

    /// Links or copies these blobs; one that is gone by now is left out.
    async fn take(&self, blobs: Vec<String>) -> Result<()> {
        if !self.blobs.are_local() {
            let taken = futures::stream::iter(blobs).map(async |sha256| self.fetch(&sha256).await);
            return taken.buffer_unordered(AT_ONCE).try_collect().await;
        }
        let copier = self.clone();
        let take_all = move || blobs.iter().try_for_each(|sha256| copier.take_one(sha256));
        Ok(tokio::task::spawn_blocking(take_all).await??)
    }

    /// From a bucket. Whether the bytes are right is looked at in the end, as with those that are linked.
    async fn fetch(&self, sha256: &str) -> Result<()> {
        let to = Self::place(&self.to, sha256);
        let mut bytes = match self.blobs.stream(sha256).await {
            Err(EngineError::NotFound(_)) => return Ok(()),
            bytes => bytes?,
        };
        to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mut file = tokio::fs::File::create(&to).await?;
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|e| EngineError::Unreachable(format!("blob {sha256} was cut: {e}")))?;
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(file.sync_all().await?)
    }

    fn take_one(&self, sha256: &str) -> std::io::Result<()> {
        let (from, to) = (Self::place(&self.from, sha256), Self::place(&self.to, sha256));
        to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
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
        let (files, read) = read_all(files::all(&self.to).await?).await?;
        let mut there = HashSet::new();
        for (file, read) in files.into_iter().zip(read) {
            let Some(sha256) = file.sha256 else { continue };
            if !named.contains(&sha256) {
                std::fs::remove_file(&file.path)?;
                continue;
            }
            match same_file(&Self::place(&self.from, &sha256), &file.path) {
                true => backup.linked += 1,
                false => backup.copied += 1,
            }
            let (found, size) = read?;
            if found != sha256 {
                backup.damaged.push((sha256.clone(), found));
            }
            backup.bytes += size;
            there.insert(sha256);
        }
        backup.missing = named.difference(&there).cloned().collect();
        backup.missing.sort();
        let to = self.to.clone();
        // The folders of the blobs, then what they lie in.
        tokio::task::spawn_blocking(move || make_folders_durable(&to)).await??;
        Ok(backup)
    }
}

fn make_folders_durable(data: &Path) -> std::io::Result<()> {
    let top = blobs::top(data);
    for folder in std::fs::read_dir(&top)? {
        sync_folder(&folder?.path())?;
    }
    [top.as_path(), &data.join("blobs"), data].into_iter().try_for_each(sync_folder)
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
