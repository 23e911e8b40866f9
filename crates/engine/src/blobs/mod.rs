//! Blobs: immutable bytes named by their SHA-256, in a folder through `object_store`.
//!
//! New bytes are first written to a file in `tmp/` while they are hashed: their name is not known
//! before their end. [`Blobs::place`] then makes the file durable and moves it to its name. All of it is
//! this disk's: renames, hard links, folders that are listed and checked. Another store (S3) would be a second
//! implementation of this folder.

pub mod cache;
mod damage;
pub(crate) mod files;
mod folders;
mod mark;
mod quarantine;
mod read;
mod scratch;
mod staged;
mod thin;

use crate::data_folder::{lock_blobs, make_folder, sync_folder};
use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::resumable::FOLDER;
pub(crate) use damage::{Damage, damage_told, noted_damage};
use folders::BlobFolders;
pub(crate) use mark::{LedgerAge, LedgerMark, read_mark};
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
pub(crate) use quarantine::day_of;
pub use read::Blob;
use rustix::fs::FlockOperation;
use scratch::Scratch;
pub(crate) use staged::Staged;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub(crate) use thin::Layout;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A blob without a row is left alone so long: a backup being restored brings its rows later.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

/// The blobs of a data folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blobs {
    root: Arc<PathBuf>,
    store: Arc<LocalFileSystem>,
    /// Read: somebody gives a blob its row. Write: somebody deletes a blob that has none.
    placing: Arc<RwLock<()>>,
    folders: Arc<BlobFolders>,
    scratch: Arc<Scratch>,
    pub(crate) damage: Arc<Damage>,
}

/// Held while blobs are placed and get their rows: no sweep comes in between, of this process or another.
pub(crate) struct Placing<'a> {
    // First: who waits here for the lock of this process tries that of all processes next.
    _everywhere: Option<File>,
    _here: RwLockReadGuard<'a, ()>,
}

/// Held while blobs without a row are deleted: nobody gives one of them a row meanwhile.
pub(crate) struct Sweeping<'a> {
    _everywhere: File,
    _here: RwLockWriteGuard<'a, ()>,
}

/// A blob that is on disk under its checksum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedBlob {
    pub(crate) sha256: String,
    pub(crate) size: u64,
}

impl Blobs {
    /// Opens the blobs of `data` for its only server, or for one of several, and throws away what killed processes were writing.
    pub(crate) fn open(data: &Path, head: Option<HeadId>) -> Result<Blobs> {
        Scratch::of(data, head).make()?;
        if head.is_some() {
            scratch::remove_left(data)?;
        }
        make_folder(&data.join(FOLDER))?;
        make_folder(&data.join("blobs"))?;
        make_folder(&top(data))?;
        Self::of(data, head)
    }

    /// The blobs of `data`, which another process may be serving; touches nothing.
    pub(crate) fn attach(data: &Path) -> Result<Blobs> {
        Self::of(data, None)
    }

    fn of(data: &Path, head: Option<HeadId>) -> Result<Blobs> {
        let store = LocalFileSystem::new_with_prefix(data)?.with_fsync(true);
        let root = store.path_to_filesystem(&Key::from("blobs"))?;
        let root = root.parent().unwrap_or(data).to_owned();
        Ok(Blobs {
            store: Arc::new(store),
            placing: Arc::default(),
            folders: Arc::new(BlobFolders::new(top(data))),
            scratch: Arc::new(Scratch::of(&root, head)),
            damage: Arc::new(Damage::new(data)),
            root: Arc::new(root),
        })
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.root
    }

    /// A new empty file to write a blob into.
    pub(crate) fn stage(&self) -> std::io::Result<Staged> {
        Staged::new(self.tmp_file())
    }

    /// A file of an upload that has come in pieces, or is to.
    pub(crate) fn upload_file(&self, name: &str) -> PathBuf {
        self.root.join(FOLDER).join(name)
    }

    /// A file of an upload, once all of it is there, as one to place: the file itself stays until its end is written down. Reads it once.
    pub(crate) fn stage_upload(&self, name: &str) -> std::io::Result<Staged> {
        let link = self.tmp_file();
        std::fs::hard_link(self.upload_file(name), &link)?;
        Staged::adopt(link)
    }

    fn tmp_file(&self) -> PathBuf {
        self.scratch.tmp.join(hex::encode(rand::random::<[u8; 16]>()))
    }

    /// The folder of one attempt of a job; must not exist yet.
    pub(crate) fn work_folder(&self, name: &str) -> PathBuf {
        self.scratch.work.join(name)
    }

    /// The same of another server.
    pub(crate) fn work_folder_of(&self, head: Option<HeadId>, name: &str) -> PathBuf {
        Scratch::of(&self.root, head).work.join(name)
    }

    /// Removes what servers were writing that are gone, and have been forgotten.
    pub(crate) fn remove_left(&self) -> std::io::Result<()> {
        scratch::remove_left(&self.root)
    }

    /// For the end of one of several servers: removes what it was writing.
    pub(crate) fn remove_scratch(&self) -> std::io::Result<()> {
        self.scratch.remove()
    }

    /// From now until the guard is dropped nothing is swept.
    pub(crate) async fn placing(&self) -> Result<Placing<'_>> {
        let here = self.placing.read().await;
        let everywhere = match lock_blobs(&self.root, FlockOperation::NonBlockingLockShared)? {
            Some(file) => Some(file),
            None => self.wait(FlockOperation::LockShared).await?,
        };
        Ok(Placing { _everywhere: everywhere, _here: here })
    }

    /// The right to delete blobs that have no row; `None` while another process places blobs or makes a backup.
    pub(crate) async fn try_sweeping(&self) -> Result<Option<Sweeping<'_>>> {
        let here = self.placing.write().await;
        let everywhere = lock_blobs(&self.root, FlockOperation::NonBlockingLockExclusive)?;
        Ok(everywhere.map(|file| Sweeping { _everywhere: file, _here: here }))
    }

    /// The same, waiting for other processes.
    pub(crate) async fn sweeping(&self) -> Result<Sweeping<'_>> {
        let here = self.placing.write().await;
        let everywhere = self.wait(FlockOperation::LockExclusive).await?;
        let everywhere =
            everywhere.ok_or_else(|| anyhow::anyhow!("the lock of the blobs was not waited for"))?;
        Ok(Sweeping { _everywhere: everywhere, _here: here })
    }

    async fn wait(&self, operation: FlockOperation) -> Result<Option<File>> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || lock_blobs(&root, operation)).await?
    }

    /// Makes the staged bytes durable under their checksum. The guard shows that no sweep runs. Where there is a blob of
    /// that name it is read: one that has rotted is replaced.
    pub(crate) async fn place(&self, staged: Staged, _: &Placing<'_>) -> Result<PlacedBlob> {
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

    /// Where a job reads the blob.
    pub(crate) fn local_path(&self, sha256: &str) -> Result<PathBuf> {
        Ok(self.root.join(key(sha256)?.as_ref()))
    }

    /// Deletes a blob that has no row; whether it was there.
    pub(crate) async fn delete(&self, sha256: &str, _: &Sweeping<'_>) -> Result<bool> {
        match self.store.delete(&key(sha256)?).await {
            Ok(()) => {
                self.damage.deleted(sha256);
                Ok(true)
            }
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// What the folders of blobs lie in.
pub(crate) fn top(data: &Path) -> PathBuf {
    data.join("blobs").join("sha256")
}

/// `blobs/sha256/ab/cdef…`. Anything but a checksum is no blob: the text may come from a link.
fn key(sha256: &str) -> Result<Key> {
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if sha256.len() != 64 || !sha256.bytes().all(hex) {
        return Err(EngineError::NotFound(format!("blob {sha256:?}")));
    }
    Ok(Key::from(format!("blobs/sha256/{}/{}", &sha256[..2], &sha256[2..])))
}
