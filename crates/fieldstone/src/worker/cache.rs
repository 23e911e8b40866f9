//! Inputs that a worker keeps, by their checksums, in so many bytes: what was not used for longest makes room for what is needed.

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
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
    used: u64,
    pins: usize,
}

/// A file that stays as long as this.
pub struct Pinned {
    cache: Arc<Cache>,
    sha256: String,
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
        if let Some(file) = self.cache.lock().files.get_mut(&self.sha256) {
            file.pins -= 1;
        }
    }
}

/// Bytes that are kept for a file on its way; given back when it does not come.
struct Room<'a> {
    cache: &'a Cache,
    bytes: u64,
    path: PathBuf,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.cache.lock().bytes -= self.bytes;
            let _ = std::fs::remove_file(&self.path);
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

    /// The file with this checksum: the one that is kept, else what `fetch` answers, which must have it.
    pub async fn get<F>(self: &Arc<Self>, sha256: &str, fetch: impl FnOnce() -> F) -> anyhow::Result<Pinned>
    where
        F: Future<Output = anyhow::Result<reqwest::Response>>,
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
    fn pin(self: &Arc<Self>, sha256: &str) -> Option<Pinned> {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let file = kept.files.get_mut(sha256)?;
        file.pins += 1;
        file.used = now;
        Some(Pinned { cache: self.clone(), sha256: sha256.to_owned(), path: self.folder.join(sha256) })
    }

    async fn fetch<F>(self: &Arc<Self>, sha256: &str, fetch: impl FnOnce() -> F) -> anyhow::Result<Pinned>
    where
        F: Future<Output = anyhow::Result<reqwest::Response>>,
    {
        let mut response = fetch().await?;
        let bytes = response.content_length().context("the server does not say how large it is")?;
        let mut room = self.make_room(sha256, bytes)?;
        let file = tokio::fs::File::create(&room.path).await?;
        let mut file = tokio::io::BufWriter::with_capacity(1 << 20, file);
        let mut hash = Sha256::new();
        while let Some(piece) = response.chunk().await? {
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        let found = hex::encode(hash.finalize());
        ensure!(found == sha256, "its bytes came with the checksum {found}, expected {sha256}");
        let mut kept = self.lock();
        kept.files.insert(sha256.to_owned(), File { bytes, used: 0, pins: 0 });
        drop(kept);
        room.bytes = 0;
        self.pin(sha256).context("it is gone already")
    }

    /// Keeps room for a file, where that needs the room of others these go.
    fn make_room(&self, sha256: &str, bytes: u64) -> anyhow::Result<Room<'_>> {
        let mut kept = self.lock();
        while kept.bytes.saturating_add(bytes) > self.most {
            let idle = kept.files.iter().filter(|(_, file)| file.pins == 0);
            let oldest = idle.min_by_key(|(_, file)| file.used).map(|(sha256, _)| sha256.clone());
            let Some(oldest) = oldest else {
                let (in_use, most) = (kept.bytes, self.most);
                anyhow::bail!(
                    "its {bytes} bytes do not fit beside {in_use} bytes of inputs in use, --cache-bytes of this worker is {most}"
                );
            };
            std::fs::remove_file(self.folder.join(&oldest))?;
            kept.bytes -= kept.files.remove(&oldest).map_or(0, |file| file.bytes);
        }
        kept.bytes += bytes;
        Ok(Room { cache: self, bytes, path: self.folder.join(sha256) })
    }
}
