//! Blobs as files of a data folder: renamed to their names, moved to a folder for each day of quarantine.

use super::files::{self, BlobFile, checksum};
use super::folders::BlobFolders;
use super::mark::{LedgerAge, LedgerMark, read_mark};
use super::store::*;
use super::{Damage, PlacedBlob, Staged, key, missing, top};
use crate::data_folder::{make_folder, sync_folder};
use crate::error::Result;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::civil::Date;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStoreExt};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How messages call this place, and ledgers that say nothing of theirs.
pub(crate) const IN_FOLDER: &str = "the data folder";

/// The blobs of one data folder.
pub(super) struct Folder {
    root: PathBuf,
    store: LocalFileSystem,
    folders: Arc<BlobFolders>,
    damage: Arc<Damage>,
}

impl Folder {
    /// Those of `data`, which is there.
    pub(super) fn of(data: &Path, damage: Arc<Damage>) -> Result<Folder> {
        let store = LocalFileSystem::new_with_prefix(data)?.with_fsync(true);
        let root = store.path_to_filesystem(&Key::from("blobs"))?;
        let root = root.parent().unwrap_or(data).to_owned();
        Ok(Folder { store, folders: Arc::new(BlobFolders::new(top(data))), damage, root })
    }

    /// The data folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, sha256: &str) -> Result<PathBuf> {
        Ok(self.root.join(key(sha256)?.as_ref()))
    }

    async fn is_sound(&self, sha256: &str) -> Result<bool> {
        Ok(self.damage.judge(sha256, self.checksum(sha256).await?))
    }

    /// Where there is a blob of that name it is read: one that has rotted is replaced.
    async fn place_file(&self, staged: Staged) -> Result<PlacedBlob> {
        let folders = self.folders.clone();
        let (staged, sha256) = tokio::task::spawn_blocking(move || {
            let sha256 = staged.sync().and_then(|sha256| folders.ready(&sha256).map(|()| sha256));
            (staged, sha256)
        })
        .await?;
        let sha256 = sha256?;
        let key = key(&sha256)?;
        let target = self.root.join(key.as_ref());
        if target.exists() && self.is_sound(&sha256).await? {
            // Equal bytes have this name, but another upload may have renamed them only just now.
            tokio::task::spawn_blocking(move || target.parent().map_or(Ok(()), sync_folder)).await??;
        } else {
            let from = staged.path().strip_prefix(self.root.as_path()).unwrap_or(staged.path());
            let from = Key::from(from.to_string_lossy().into_owned());
            self.store.rename(&from, &key).await?;
            self.damage.healed(&sha256);
        }
        Ok(PlacedBlob { sha256, size: staged.size() })
    }

    fn quarantine_folder(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    fn move_to_quarantine(&self, sha256: &str, today: Date) -> Result<bool> {
        let from = self.path(sha256)?;
        let folder = self.quarantine_folder().join(today.to_string());
        if !folder.exists() {
            make_folder(&folder)?;
        }
        match std::fs::rename(&from, folder.join(sha256)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        }
        sync_folder(&folder)?;
        from.parent().map_or(Ok(()), sync_folder)?;
        Ok(true)
    }

    fn all_in_quarantine(&self) -> Result<Vec<Quarantined>> {
        let mut found = Vec::new();
        for (day, folder) in days_in(&self.quarantine_folder())? {
            for file in std::fs::read_dir(&folder)? {
                let file = file?;
                let sha256 = file.file_name().to_string_lossy().into_owned();
                found.push(Quarantined { sha256, day, path: file.path() });
            }
        }
        Ok(found)
    }

    fn move_back(&self, sha256: &str, from: &Path) -> Result<bool> {
        let to = self.path(sha256)?;
        if to.exists() {
            return Ok(false);
        }
        self.folders.ready(sha256)?;
        std::fs::rename(from, &to)?;
        to.parent().map_or(Ok(()), sync_folder)?;
        Ok(true)
    }

    fn delete_days(&self, oldest: Date) -> Result<Purged> {
        let mut purged = Purged::default();
        for (day, folder) in days_in(&self.quarantine_folder())? {
            if day > oldest {
                continue;
            }
            for file in std::fs::read_dir(&folder)? {
                purged.blobs += 1;
                purged.bytes += file?.metadata()?.len();
            }
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(purged)
    }
}

impl BlobStore for Folder {
    fn send<'a>(&'a self, _: &'a mut Staged) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn place(&self, staged: Staged) -> BoxFuture<'_, Result<PlacedBlob>> {
        self.place_file(staged).boxed()
    }

    fn open<'a>(&'a self, sha256: &'a str, _: Range<u64>) -> BoxFuture<'a, Result<Opened>> {
        async move {
            let got = self.store.get(&key(sha256)?).await.map_err(|e| missing(sha256, e))?;
            let GetResultPayload::File(file, _) = got.payload else {
                return Err(anyhow::anyhow!("blobs are expected to be files on this disk").into());
            };
            Ok(Opened { size: got.meta.size, content: Content::File(file) })
        }
        .boxed()
    }

    fn size<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<u64>> {
        async move { Ok(self.store.head(&key(sha256)?).await.map_err(|e| missing(sha256, e))?.size) }.boxed()
    }

    fn checksum<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Checksum>> {
        async move {
            let path = self.path(sha256)?;
            Ok(tokio::task::spawn_blocking(move || checksum(&path)).await?)
        }
        .boxed()
    }

    fn local<'a>(&'a self, sha256: &'a str, checked: bool) -> BoxFuture<'a, Result<Option<LocalBlob>>> {
        async move {
            let blob = LocalBlob::at(self.path(sha256)?);
            Ok((!checked || self.is_sound(sha256).await?).then_some(blob))
        }
        .boxed()
    }

    fn delete<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            match self.store.delete(&key(sha256)?).await {
                Ok(()) => Ok(true),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(e) => Err(e.into()),
            }
        }
        .boxed()
    }

    fn list<'a>(&'a self, digits: Option<&'a str>) -> BoxFuture<'a, Result<Vec<BlobFile>>> {
        async move {
            match digits {
                Some(digits) => files::in_folder(&self.root, digits).await,
                None if !self.root.join("blobs").exists() => Ok(Vec::new()),
                None => files::all(&self.root).await,
            }
        }
        .boxed()
    }

    fn quarantine<'a>(&'a self, sha256: &'a str, today: Date) -> BoxFuture<'a, Result<bool>> {
        async move { self.move_to_quarantine(sha256, today) }.boxed()
    }

    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<Quarantined>>> {
        async move { self.all_in_quarantine() }.boxed()
    }

    fn restore<'a>(&'a self, blob: &'a Quarantined) -> BoxFuture<'a, Result<bool>> {
        async move { self.move_back(&blob.sha256, &blob.path) }.boxed()
    }

    /// What is needed again has been moved back, or was placed anew: nothing of it is lost here.
    fn purge<'a>(&'a self, oldest: Date, _: IsNeeded<'a>) -> BoxFuture<'a, Result<Purged>> {
        async move { self.delete_days(oldest) }.boxed()
    }

    fn age(&self) -> BoxFuture<'_, Result<Option<LedgerAge>>> {
        async move { Ok(read_mark(&self.root)?) }.boxed()
    }

    fn mark<'a>(&'a self, age: &'a LedgerAge, is_shared: bool) -> BoxFuture<'a, Result<LedgerMark>> {
        async move {
            let mark = if is_shared { LedgerMark::share } else { LedgerMark::write };
            Ok(mark(&self.root, age)?)
        }
        .boxed()
    }

    fn reach(&self) -> BoxFuture<'_, Result<()>> {
        async move { Ok(()) }.boxed()
    }

    fn shown(&self) -> String {
        IN_FOLDER.to_owned()
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// The folders of `quarantine` and their days; others are left alone.
fn days_in(quarantine: &Path) -> Result<Vec<(Date, PathBuf)>> {
    let entries = match std::fs::read_dir(quarantine) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    let mut days = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(day) = entry.file_name().to_string_lossy().parse() {
            days.push((day, entry.path()));
        }
    }
    Ok(days)
}
