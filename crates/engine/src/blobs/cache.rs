//! Copies of blobs that lie elsewhere (at the server of a worker, in a bucket), kept by their checksums in so many bytes: what was
//! not used for longest makes room for what is needed.

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
                place.insert(File { bytes, came, used: came, pins: 0 });
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

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file with this checksum: the one that is kept, else what `fetch` answers, which must have it. Errors: what `fetch` says,
    /// [`WrongBytes`], [`NoRoom`].
    pub async fn get<F>(self: &Arc<Self>, sha256: &str, fetch: impl FnOnce() -> F) -> anyhow::Result<Pinned>
    where
        F: Future<Output = anyhow::Result<Incoming>>,
    {
        ensure!(
            sha256.len() == 64 && sha256.bytes().all(|c| c.is_ascii_hexdigit()),
            "{sha256:?} is no checksum"
        );
        let fetching = self.lock().fetching.entry(sha256.to_owned()).or_default().clone();
        let alone = fetching.lock().await;
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

    /// A file that is kept.
    pub fn pin(self: &Arc<Self>, sha256: &str) -> Option<Pinned> {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let file = kept.files.get_mut(sha256)?;
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
            std::fs::remove_file(self.folder.join(&oldest))?;
            kept.bytes -= kept.files.remove(&oldest).map_or(0, |file| file.bytes);
        }
        kept.bytes += bytes;
        kept.clock += 1;
        let coming = self.folder.join(format!("{sha256}.{}", kept.clock));
        Ok(Room { cache: self, bytes, sha256: sha256.to_owned(), coming, kept: self.folder.join(sha256) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Bench {
        cache: Arc<Cache>,
        fetched: AtomicUsize,
    }

    impl Bench {
        async fn get(&self, size: usize) -> anyhow::Result<Pinned> {
            self.get_as(size, &name(size)).await
        }

        async fn get_as(&self, size: usize, sha256: &str) -> anyhow::Result<Pinned> {
            let fetch = || async {
                self.fetched.fetch_add(1, Ordering::Relaxed);
                // In pieces, with others in between.
                tokio::task::yield_now().await;
                let pieces =
                    vec![b'x'; size].chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
                let pieces: Vec<std::io::Result<Bytes>> = pieces;
                Ok(Incoming { bytes: size as u64, stream: futures::stream::iter(pieces).boxed() })
            };
            self.cache.get(sha256, fetch).await
        }
    }

    fn name(size: usize) -> String {
        hex::encode(Sha256::digest(vec![b'x'; size]))
    }

    #[tokio::test]
    async fn files_are_kept_in_so_many_bytes_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::new(folder.path().to_owned(), 100));
        let b = Bench { cache, fetched: AtomicUsize::new(0) };
        let fetched = || b.fetched.load(Ordering::Relaxed);
        let forty = b.get(40).await.unwrap();
        assert_eq!(std::fs::read(forty.path()).unwrap(), vec![b'x'; 40]);
        drop(b.get(50).await.unwrap());
        // At the same time: fetched once.
        let (one, two) = tokio::join!(b.get(10), b.get(10));
        assert_eq!((one.unwrap().path(), fetched()), (two.unwrap().path(), 3));
        // 50 was not used for longest, 40 is in use.
        let sixty = b.get(60).await.unwrap();
        assert!(forty.path().exists());
        drop(b.get(40).await.unwrap());
        assert_eq!(fetched(), 4);
        let error = b.get(50).await.err().unwrap().to_string();
        assert!(error.contains("its 50 bytes do not fit beside 100 bytes"), "{error}");
        drop(sixty);
        drop(b.get(50).await.unwrap());
        // Other bytes than those that were asked for are not kept, and take no room.
        let error = b.get_as(10, &"ab".repeat(32)).await.err().unwrap().to_string();
        assert!(error.contains("expected abab"), "{error}");
        drop(b.get(10).await.unwrap());
        let kept: u64 =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(kept, 100);
        assert!(b.cache.lock().bytes == 100 && b.cache.lock().fetching.is_empty());
    }

    #[tokio::test]
    async fn a_file_may_be_brought_and_one_that_has_changed_is_fetched_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, brought) = (folder.path().join("kept"), folder.path().join("brought"));
        std::fs::create_dir(&kept).unwrap();
        let b = Bench { cache: Arc::new(Cache::new(kept, 100)), fetched: AtomicUsize::new(0) };
        let bring = |size: usize| {
            std::fs::write(&brought, vec![b'x'; size]).unwrap();
            b.cache.keep(&name(size), &brought, size as u64).unwrap();
        };
        bring(60);
        let sixty = b.get(60).await.unwrap();
        assert_eq!(b.fetched.load(Ordering::Relaxed), 0);
        bring(50);
        assert!(brought.exists() && b.cache.pin(&name(50)).is_none(), "there is no room");
        std::fs::write(sixty.path(), "rot").unwrap();
        b.cache.forget(&name(60));
        let again = b.get(60).await.unwrap();
        assert_eq!(std::fs::read(again.path()).unwrap(), vec![b'x'; 60]);
        drop(sixty);
        bring(50);
        assert!(again.path().exists(), "the pin of the one that was forgotten is not that of the new one");
        drop(again);
        bring(50);
        assert_eq!((b.cache.pin(&name(50)).is_some(), b.cache.lock().bytes), (true, 50));
    }
}
