//! Blobs: immutable bytes named by their SHA-256, in files or in a bucket, through `object_store`.
//!
//! New bytes are first written to a file in `tmp/` while they are hashed: their name is not known
//! before their end. [`Blobs::place`] then makes them durable under it. What a folder and a bucket do each in its own
//! way is [`store::BlobStore`]; what is written, uploaded in pieces and noted as damaged is on this disk with both.

mod bucket;
pub mod cache;
mod damage;
pub(crate) mod files;
mod folder;
mod folders;
mod mark;
mod passing;
mod quarantine;
mod read;
mod scratch;
mod staged;
mod store;
#[cfg(test)]
mod suite;
mod thin;

use crate::data_folder::{disk, lock_blobs, make_folder};
use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::location::{BucketUrl, Location};
use crate::resumable::FOLDER;
use bucket::Bucket;
use cache::Cache;
pub(crate) use damage::{Damage, damage_told, noted_damage};
use files::BlobFile;
use folder::Folder;
pub(crate) use folder::IN_FOLDER;
pub(crate) use mark::{LedgerAge, LedgerMark};
use object_store::path::Path as Key;
pub(crate) use passing::{PassingFile, pieces_of};
pub(crate) use quarantine::day_of;
pub use read::Blob;
use rustix::fs::FlockOperation;
use scratch::Scratch;
pub(crate) use staged::Staged;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::BlobStore;
pub(crate) use store::{Checksum, LocalBlob, Purged};
pub(crate) use thin::Layout;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Target of what is said while a lock is waited for, for commands that tell nothing else.
pub const WAITING: &str = "fieldstone_engine::waiting";
/// How often that is said.
const WORD_EVERY: Duration = Duration::from_secs(3);

/// A blob without a row is left alone so long: a backup being restored brings its rows later.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

/// The blobs of a ledger. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blobs {
    root: Arc<PathBuf>,
    at: Arc<dyn BlobStore>,
    /// Read: somebody gives a blob its row. Write: somebody deletes a blob that has none.
    placing: Arc<RwLock<()>>,
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

/// A blob that is durable under its checksum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedBlob {
    pub(crate) sha256: String,
    pub(crate) size: u64,
}

impl Blobs {
    /// Opens the blobs of a place for its only server, or for one of several, and throws away what killed processes were writing.
    /// Of those in a bucket `cache_bytes` are kept as copies, but no more than half of the disk.
    pub(crate) fn open(at: Location<'_>, cache_bytes: u64, head: Option<HeadId>) -> Result<Blobs> {
        let data = at.data;
        let scratch = Scratch::of(data, head);
        scratch.make()?;
        if head.is_some() {
            scratch::remove_left(data)?;
        }
        make_folder(&data.join(FOLDER))?;
        let Some(url) = at.blobs else {
            make_folder(&data.join("blobs"))?;
            make_folder(&top(data))?;
            return Self::in_folder(data, head);
        };
        make_folder(&scratch.cache)?;
        // Uploads and the ledger need room, too.
        let most = cache_bytes.min(disk(data)?.size / 2);
        let cache = Cache::new(scratch.cache.clone(), most);
        Self::in_bucket(url, data, Some(Arc::new(cache)), head)
    }

    /// The blobs of a place that another process may be serving; touches nothing.
    pub(crate) fn attach(at: Location<'_>) -> Result<Blobs> {
        match at.blobs {
            None => Self::in_folder(at.data, None),
            Some(url) => Self::in_bucket(url, at.data, None, None),
        }
    }

    fn in_folder(data: &Path, head: Option<HeadId>) -> Result<Blobs> {
        let damage = Arc::new(Damage::new(data));
        let folder = Folder::of(data, damage.clone())?;
        let root = folder.root().to_owned();
        Ok(Self::with(Arc::new(folder), root, damage, head))
    }

    fn in_bucket(
        url: &BucketUrl,
        data: &Path,
        cache: Option<Arc<Cache>>,
        head: Option<HeadId>,
    ) -> Result<Blobs> {
        let damage = Arc::new(Damage::new(data));
        let bucket = Bucket::open(url, cache, damage.clone())?;
        Ok(Self::with(Arc::new(bucket), data.to_owned(), damage, head))
    }

    fn with(at: Arc<dyn BlobStore>, root: PathBuf, damage: Arc<Damage>, head: Option<HeadId>) -> Blobs {
        let scratch = Arc::new(Scratch::of(&root, head));
        Blobs { at, placing: Arc::default(), scratch, damage, root: Arc::new(root) }
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

    /// Waits for other processes, and says so: one that is stopped keeps what it has.
    async fn wait(&self, operation: FlockOperation) -> Result<Option<File>> {
        let (root, begun) = (self.root.clone(), Instant::now());
        let mut waiting = tokio::task::spawn_blocking(move || lock_blobs(&root, operation));
        loop {
            match tokio::time::timeout(WORD_EVERY, &mut waiting).await {
                Ok(locked) => return locked?,
                Err(_) => tracing::warn!(
                    target: WAITING,
                    "blobs.lock in {} has been waited for for {} s: a process that stores or sweeps files or makes a backup has it, and one \
                     that is stopped keeps it",
                    self.root.display(),
                    begun.elapsed().as_secs()
                ),
            }
        }
    }

    /// Does of [`Blobs::place`] what takes long: the upload into a bucket. Meanwhile others sweep.
    pub(crate) async fn send(&self, staged: &mut Staged) -> Result<()> {
        self.at.send(staged).await
    }

    /// Makes the staged bytes durable under their checksum, in place of others that have rotted. The guard shows that no sweep runs.
    pub(crate) async fn place(&self, staged: Staged, _: &Placing<'_>) -> Result<PlacedBlob> {
        self.at.place(staged).await
    }

    /// The blob as a file of this machine, in a folder without a look at it; an error where it is damaged or missing.
    pub(crate) async fn local(&self, sha256: &str) -> Result<LocalBlob> {
        self.at.local(sha256, false).await?.ok_or_else(|| read::damaged(sha256))
    }

    /// The blob as a file of this machine that was read to its end; `None`: it is damaged or missing, and noted so.
    pub(crate) async fn sound_copy(&self, sha256: &str) -> Result<Option<LocalBlob>> {
        self.at.local(sha256, true).await
    }

    /// Deletes a blob that has no row; whether it was there.
    pub(crate) async fn delete(&self, sha256: &str, _: &Sweeping<'_>) -> Result<bool> {
        let was_there = self.at.delete(sha256).await?;
        if was_there {
            self.damage.deleted(sha256);
        }
        Ok(was_there)
    }

    /// All that is there, in the order of names.
    pub(crate) async fn list(&self) -> Result<Vec<BlobFile>> {
        self.at.list(None).await
    }

    /// The blobs whose checksums begin with these two digits.
    pub(crate) async fn list_of(&self, digits: &str) -> Result<Vec<BlobFile>> {
        self.at.list(Some(digits)).await
    }

    /// Reads a blob to its end where it lies. The error inside is of this blob, the one outside of all.
    pub(crate) async fn checksum(&self, sha256: &str) -> Result<Checksum> {
        self.at.checksum(sha256).await
    }

    /// Whether blobs are files of this machine.
    pub(crate) fn are_local(&self) -> bool {
        self.at.is_local()
    }

    /// What is noted beside them of the ledger that names them.
    pub(crate) async fn age(&self) -> Result<Option<LedgerAge>> {
        self.at.age().await
    }

    /// Notes beside them that the ledger of `age` names them, from now on. `is_shared`: unless another server has noted a later age.
    pub(crate) async fn mark(&self, age: &LedgerAge, is_shared: bool) -> Result<LedgerMark> {
        self.at.mark(age, is_shared).await
    }

    /// Whether they can be reached.
    pub(crate) async fn reach(&self) -> Result<()> {
        self.at.reach().await
    }

    /// Where they are, as the ledger and messages call it.
    pub(crate) fn shown(&self) -> String {
        self.at.shown()
    }
}

/// What the folders of blobs lie in.
pub(crate) fn top(data: &Path) -> PathBuf {
    data.join("blobs").join("sha256")
}

/// `blobs/sha256/ab/cdef…`. Anything but a checksum is no blob: the text may come from a link.
fn key(sha256: &str) -> Result<Key> {
    if !files::is_checksum(sha256) {
        return Err(EngineError::NotFound(format!("blob {sha256:?}")));
    }
    Ok(Key::from(format!("blobs/sha256/{}/{}", &sha256[..2], &sha256[2..])))
}

fn missing(sha256: &str, error: object_store::Error) -> EngineError {
    match error {
        object_store::Error::NotFound { .. } => EngineError::NotFound(format!("blob {sha256}")),
        e => e.into(),
    }
}
