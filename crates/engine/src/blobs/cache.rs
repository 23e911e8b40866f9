//! Copies of blobs that lie elsewhere (at the server of a worker, in a bucket), kept by their checksums in so many bytes: what was
//! not used for longest makes room for what is needed.

use super::files::{checksum, is_checksum};
use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncWriteExt;

/// The files of one folder.
pub struct Cache {
    folder: PathBuf,
    most: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<String, File>,
    /// Bytes of all files, those that are being fetched included.
    bytes: u64,
    /// Counts uses.
    clock: u64,
    /// Those who fetch a file, or wait for it.
    fetching: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

struct File {
    bytes: u64,
    /// Whether this cache has seen that its bytes are right.
    checked: bool,
    /// When it came, by the clock of uses.
    came: u64,
    used: u64,
    pins: usize,
}

/// Bytes on their way into a cache.
pub struct Incoming {
    /// How many there are.
    pub bytes: u64,
    /// They themselves.
    pub stream: BoxStream<'static, std::io::Result<Bytes>>,
}

/// What came is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("its bytes came with the checksum {found}, expected {expected}")]
pub struct WrongBytes {
    /// SHA-256 that was asked for.
    pub expected: String,
    /// SHA-256 of what came.
    pub found: String,
}

/// There is no room, as long as others are in use.
#[derive(Debug, thiserror::Error)]
#[error("its {bytes} bytes do not fit beside {in_use} bytes of files in use, cache_bytes is {most}")]
pub struct NoRoom {
    bytes: u64,
    in_use: u64,
    most: u64,
}

/// A file that stays as long as this.
pub struct Pinned {
    cache: Arc<Cache>,
    sha256: String,
    came: u64,
    path: PathBuf,
}

impl Pinned {
    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // One that was dropped from the cache meanwhile may be there anew, for others.
        let mut kept = self.cache.lock();
        if let Some(file) = kept.files.get_mut(&self.sha256).filter(|file| file.came == self.came) {
            file.pins -= 1;
        }
    }
}

/// Bytes that are kept for a file on its way; given back when it does not come.
struct Room<'a> {
    cache: &'a Cache,
    sha256: String,
    bytes: u64,
    /// Where it is written.
    coming: PathBuf,
    /// Where it is kept.
    kept: PathBuf,
}

impl Room<'_> {
    /// The file is there: the room is its own, unless another came first.
    fn fill(&mut self) {
        let mut kept = self.cache.lock();
        kept.clock += 1;
        let (bytes, came) = (std::mem::take(&mut self.bytes), kept.clock);
        match kept.files.entry(std::mem::take(&mut self.sha256)) {
            Entry::Vacant(place) => {
                place.insert(File { bytes, checked: true, came, used: came, pins: 0 });
            }
            Entry::Occupied(_) => kept.bytes -= bytes,
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.cache.lock().bytes -= self.bytes;
            let _ = std::fs::remove_file(&self.coming);
        }
    }
}

impl Cache {
    /// `folder` exists and is empty.
    pub fn new(folder: PathBuf, most: u64) -> Cache {
        Cache { folder, most, kept: Mutex::default() }
    }

    /// Takes over what an earlier cache has left in `folder`, the newest files as far as there is room. Each is held against its checksum
    /// when it is first asked for. Everything else there is removed.
    pub fn reopen(folder: PathBuf, most: u64) -> std::io::Result<Cache> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (about, name) = (entry.metadata()?, entry.file_name());
            match name.to_str().filter(|name| about.is_file() && is_checksum(name)) {
                Some(sha256) => found.push((about.modified()?, sha256.to_owned(), about.len())),
                None if about.is_dir() => std::fs::remove_dir_all(entry.path())?,
                None => std::fs::remove_file(entry.path())?,
            }
        }
        found.sort_unstable();
        let mut kept = Kept { clock: found.len() as u64, ..Kept::default() };
        for (used, (_, sha256, bytes)) in found.into_iter().enumerate().rev() {
            if kept.bytes.saturating_add(bytes) > most {
                std::fs::remove_file(folder.join(&sha256))?;
                continue;
            }
            kept.bytes += bytes;
            let came = used as u64;
            kept.files.insert(sha256, File { bytes, checked: false, came, used: came, pins: 0 });
        }
        Ok(Cache { folder, most, kept: Mutex::new(kept) })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file with this checksum: the one that is kept, else what `fetch` answers, which must have it. Errors: what `fetch` says,
    /// [`WrongBytes`], [`NoRoom`].
    pub async fn get<F>(self: &Arc<Self>, sha256: &str, fetch: impl FnOnce() -> F) -> anyhow::Result<Pinned>
    where
        F: Future<Output = anyhow::Result<Incoming>>,
    {
        ensure!(is_checksum(sha256), "{sha256:?} is no checksum");
        let fetching = self.lock().fetching.entry(sha256.to_owned()).or_default().clone();
        let alone = fetching.lock().await;
        self.check(sha256).await;
        let got = match self.pin(sha256) {
            Some(pinned) => Ok(pinned),
            None => self.fetch(sha256, fetch).await,
        };
        drop(alone);
        let mut kept = self.lock();
        // This map and the clone here: nobody waits.
        if Arc::strong_count(&fetching) == 2 {
            kept.fetching.remove(sha256);
        }
        got
    }

    /// Looks at a file that an earlier cache has left; one that is not as its name says is forgotten.
    async fn check(&self, sha256: &str) {
        if self.lock().files.get(sha256).is_none_or(|file| file.checked) {
            return;
        }
        let path = self.folder.join(sha256);
        match tokio::task::spawn_blocking(move || checksum(&path)).await {
            Ok(Ok((found, _))) if found == sha256 => {
                if let Some(file) = self.lock().files.get_mut(sha256) {
                    file.checked = true;
                }
            }
            _ => self.forget(sha256),
        }
    }

    /// A file that is kept, and that this cache knows to be right.
    pub fn pin(self: &Arc<Self>, sha256: &str) -> Option<Pinned> {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let file = kept.files.get_mut(sha256).filter(|file| file.checked)?;
        file.pins += 1;
        file.used = now;
        let path = self.folder.join(sha256);
        Some(Pinned { cache: self.clone(), sha256: sha256.to_owned(), came: file.came, path })
    }

    /// Takes over a file of the same file system that has this checksum, if there is room; it need not.
    pub fn keep(&self, sha256: &str, from: &Path, bytes: u64) -> std::io::Result<()> {
        if self.lock().files.contains_key(sha256) {
            return Ok(());
        }
        let Ok(mut room) = self.make_room(sha256, bytes) else { return Ok(()) };
        // Whoever fetches the same writes elsewhere first.
        std::fs::rename(from, &room.kept)?;
        room.fill();
        Ok(())
    }

    /// Forgets a file whose bytes have changed; those who have it open go on with what is there.
    pub fn forget(&self, sha256: &str) {
        let mut kept = self.lock();
        if let Some(file) = kept.files.remove(sha256) {
            kept.bytes -= file.bytes;
            let _ = std::fs::remove_file(self.folder.join(sha256));
        }
    }

    async fn fetch<F>(self: &Arc<Self>, sha256: &str, fetch: impl FnOnce() -> F) -> anyhow::Result<Pinned>
    where
        F: Future<Output = anyhow::Result<Incoming>>,
    {
        let Incoming { bytes, mut stream } = fetch().await?;
        let mut room = self.make_room(sha256, bytes)?;
        let file = tokio::fs::File::create(&room.coming).await?;
        let mut file = tokio::io::BufWriter::with_capacity(1 << 20, file);
        let (mut hash, mut came) = (Sha256::new(), 0);
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            came += piece.len() as u64;
            ensure!(came <= bytes, "more than the {bytes} bytes that were announced came");
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        let found = hex::encode(hash.finalize());
        ensure!(found == sha256, WrongBytes { expected: sha256.to_owned(), found });
        std::fs::rename(&room.coming, &room.kept)?;
        room.fill();
        self.pin(sha256).context("it is gone already")
    }

    /// Keeps room for a file, where that needs the room of others these go.
    fn make_room(&self, sha256: &str, bytes: u64) -> Result<Room<'_>, anyhow::Error> {
        let mut kept = self.lock();
        while kept.bytes.saturating_add(bytes) > self.most {
            let idle = kept.files.iter().filter(|(_, file)| file.pins == 0);
            let oldest = idle.min_by_key(|(_, file)| file.used).map(|(sha256, _)| sha256.clone());
            let Some(oldest) = oldest else {
                return Err(NoRoom { bytes, in_use: kept.bytes, most: self.most }.into());
            };
            match std::fs::remove_file(self.folder.join(&oldest)) {
                // Whoever keeps a machine tidy was here first.
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
            kept.bytes -= kept.files.remove(&oldest).map_or(0, |file| file.bytes);
        }
        kept.bytes += bytes;
        kept.clock += 1;
        let coming = self.folder.join(format!("{sha256}.{}", kept.clock));
        Ok(Room { cache: self, bytes, sha256: sha256.to_owned(), coming, kept: self.folder.join(sha256) })
    }
}

#[cfg(test)]
mod tests;
