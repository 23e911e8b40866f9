//! Blobs: immutable bytes named by their SHA-256, in a folder through `object_store`.
//!
//! New bytes are first written to a file in `tmp/` while they are hashed: their name is not known
//! before their end. [`Blobs::place`] then makes the file durable and moves it to its name. With a
//! store that is not this disk (S3), `place` uploads the staged file instead, and `local_path`
//! downloads; nothing else here changes.

use crate::engine::Blob;
use crate::error::EngineError;
use crate::lock::{lock_blobs, make_folder, sync_folder};
use crate::store::{Placed, Result, Store};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{RwLock, RwLockReadGuard};

/// Bytes of one read from disk.
const CHUNK: usize = 512 << 10;
/// A blob without a row is left alone so long: a backup being restored brings its rows later.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

/// The blobs of a data folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blobs {
    root: Arc<PathBuf>,
    store: Arc<LocalFileSystem>,
    /// Read: somebody gives a blob its row. Write: somebody deletes a blob that has none.
    placing: Arc<RwLock<()>>,
}

/// Held while blobs are placed and get their rows: no sweep comes in between, of this process or another.
pub(crate) struct Placing<'a> {
    // First: who waits here for the lock of this process tries that of all processes next.
    _everywhere: Option<File>,
    _here: RwLockReadGuard<'a, ()>,
}

/// A file of `tmp/`; deleted when dropped.
pub(crate) struct Staged {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
}

impl Staged {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Takes over a file that is complete, reading it once for its checksum.
    pub(crate) fn adopt(path: PathBuf) -> std::io::Result<Staged> {
        let mut file = File::open(&path)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut size = 0;
        loop {
            let n = file.read(&mut chunk)?;
            if n == 0 {
                return Ok(Staged { path, file, hash, size });
            }
            hash.update(&chunk[..n]);
            size += n as u64;
        }
    }

    /// The checksum, once the bytes are on disk.
    fn sync(&self) -> std::io::Result<String> {
        self.file.sync_all()?;
        Ok(hex::encode(self.hash.clone().finalize()))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `place` there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Blobs {
    /// Opens the blobs of `data` and throws away what a killed process was writing.
    pub(crate) fn open(data: &Path) -> Result<Blobs> {
        for folder in ["tmp", "work"] {
            let folder = data.join(folder);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            make_folder(&folder)?;
        }
        make_all_folders(data)?;
        Self::attach(data)
    }

    /// The blobs of `data`, which another process may be serving; touches nothing.
    pub(crate) fn attach(data: &Path) -> Result<Blobs> {
        let store = LocalFileSystem::new_with_prefix(data)?.with_fsync(true);
        let root = store.path_to_filesystem(&Key::from("blobs"))?;
        let root = root.parent().unwrap_or(data).to_owned();
        Ok(Blobs { root: Arc::new(root), store: Arc::new(store), placing: Arc::default() })
    }

    /// A new empty file to write a blob into.
    pub(crate) fn stage(&self) -> std::io::Result<Staged> {
        let path = self.root.join("tmp").join(hex::encode(rand::random::<[u8; 16]>()));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Staged { path, file, hash: Sha256::new(), size: 0 })
    }

    /// The folder of one attempt of a job; must not exist yet.
    pub(crate) fn work_folder(&self, name: &str) -> PathBuf {
        self.root.join("work").join(name)
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

    async fn wait(&self, operation: FlockOperation) -> Result<Option<File>> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || lock_blobs(&root, operation)).await?
    }

    /// Makes the staged bytes durable under their checksum. The guard shows that no sweep runs.
    pub(crate) async fn place(&self, staged: Staged, _: &Placing<'_>) -> Result<Placed> {
        let (staged, sha256) = tokio::task::spawn_blocking(move || {
            let sha256 = staged.sync();
            (staged, sha256)
        })
        .await?;
        let sha256 = sha256?;
        let key = key(&sha256)?;
        let target = self.root.join(key.as_ref());
        if target.exists() {
            // Equal bytes have this name, but another upload may have renamed them only just now.
            tokio::task::spawn_blocking(move || target.parent().map_or(Ok(()), sync_folder)).await??;
        } else {
            let from = staged.path.strip_prefix(self.root.as_path()).unwrap_or(&staged.path);
            let from = Key::from(from.to_string_lossy().into_owned());
            self.store.rename(&from, &key).await?;
        }
        Ok(Placed { sha256, size: staged.size })
    }

    /// Where a job reads the blob.
    pub(crate) fn local_path(&self, sha256: &str) -> Result<PathBuf> {
        Ok(self.root.join(key(sha256)?.as_ref()))
    }

    /// The bytes of a blob, or of `range` of it, cut at its end.
    pub(crate) async fn read(&self, sha256: &str, range: Option<Range<u64>>) -> Result<Blob> {
        let missing = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => EngineError::NotFound(format!("blob {sha256}")),
            e => e.into(),
        };
        let got = self.store.get(&key(sha256)?).await.map_err(missing)?;
        let size = got.meta.size;
        let range = match range {
            None => 0..size,
            Some(r) => r.start.min(size)..r.end.min(size).max(r.start.min(size)),
        };
        let bytes = match got.payload {
            GetResultPayload::File(file, _) => read_file(file, range.clone()),
            GetResultPayload::Stream(_) => {
                return Err(anyhow::anyhow!("blobs are expected to be files on this disk").into());
            }
        };
        Ok(Blob { size, range, bytes })
    }

    /// Deletes the blobs among `candidates` that nothing refers to any more. While another process keeps blobs from
    /// being swept (a backup is being made), they stay for the next sweep of the whole folder.
    pub(crate) async fn sweep(&self, ledger: &Store, candidates: Vec<String>) -> Result<usize> {
        let mut swept = 0;
        for sha256 in candidates {
            let _here = self.placing.write().await;
            let everywhere = lock_blobs(&self.root, FlockOperation::NonBlockingLockExclusive)?;
            let Some(_everywhere) = everywhere else { break };
            swept += usize::from(self.delete_unneeded(ledger, &sha256).await?);
        }
        Ok(swept)
    }

    /// [`Blobs::sweep`] of one blob from beside the server: waits for its turn.
    pub(crate) async fn sweep_beside(&self, ledger: &Store, sha256: &str) -> Result<bool> {
        let _everywhere = self.wait(FlockOperation::LockExclusive).await?;
        self.delete_unneeded(ledger, sha256).await
    }

    async fn delete_unneeded(&self, ledger: &Store, sha256: &str) -> Result<bool> {
        if ledger.needs_blob(sha256).await? {
            return Ok(false);
        }
        match self.store.delete(&key(sha256)?).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Deletes blobs that nothing refers to and that are older than an hour: a process was killed
    /// between placing them and writing their row.
    pub(crate) async fn sweep_old(&self, ledger: &Store, now: SystemTime) -> Result<usize> {
        let prefix = Key::from("blobs/sha256");
        let mut all = self.store.list(Some(&prefix));
        let mut swept = 0;
        while let Some(meta) = all.try_next().await? {
            let age = now.duration_since(SystemTime::from(meta.last_modified)).unwrap_or_default();
            let sha256: String = meta.location.parts().skip(2).map(|p| p.as_ref().to_owned()).collect();
            if age > GRACE && sha256.len() == 64 {
                swept += self.sweep(ledger, vec![sha256]).await?;
            }
        }
        Ok(swept)
    }
}

/// All folders that blobs lie in, made durable once and for all.
pub(crate) fn make_all_folders(data: &Path) -> std::io::Result<()> {
    let top = data.join("blobs").join("sha256");
    for first in 0..=u8::MAX {
        std::fs::create_dir_all(top.join(format!("{first:02x}")))?;
    }
    [top.as_path(), &data.join("blobs"), data].into_iter().try_for_each(sync_folder)
}

/// `blobs/sha256/ab/cdef…`. Anything but a checksum is no blob: the text may come from a link.
fn key(sha256: &str) -> Result<Key> {
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if sha256.len() != 64 || !sha256.bytes().all(hex) {
        return Err(EngineError::NotFound(format!("blob {sha256:?}")));
    }
    Ok(Key::from(format!("blobs/sha256/{}/{}", &sha256[..2], &sha256[2..])))
}

fn read_file(file: File, range: Range<u64>) -> BoxStream<'static, std::io::Result<Bytes>> {
    let chunks = futures::stream::try_unfold((file, range), |(mut file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; (range.end - range.start).min(CHUNK as u64) as usize];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut chunk)?;
            let rest = range.start + chunk.len() as u64..range.end;
            std::io::Result::Ok((Bytes::from(chunk), (file, rest)))
        });
        read.await.map_err(std::io::Error::other)?.map(Some)
    });
    chunks.boxed()
}
