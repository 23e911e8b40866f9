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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers each request with so many bytes as its path says, and counts.
    fn serve() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut head = [0; 1024];
                let n = stream.read(&mut head).unwrap();
                let path = String::from_utf8_lossy(&head[..n]).split(' ').nth(1).unwrap().to_owned();
                let mut parts = path.split('/').skip(1).map(|part| part.parse::<usize>().unwrap());
                let bytes = vec![b'x'; parts.next().unwrap()];
                counted.fetch_add(1, Ordering::Relaxed);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    bytes.len()
                );
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes)).unwrap_or_default();
            }
        });
        (base, count)
    }

    struct Bench {
        cache: Arc<Cache>,
        http: reqwest::Client,
        base: String,
    }

    impl Bench {
        async fn get(&self, size: usize) -> anyhow::Result<Pinned> {
            self.get_as(size, &hex::encode(Sha256::digest(vec![b'x'; size]))).await
        }

        async fn get_as(&self, size: usize, sha256: &str) -> anyhow::Result<Pinned> {
            let url = format!("{}/{size}", self.base);
            self.cache.get(sha256, || async { Ok(self.http.get(url).send().await?) }).await
        }
    }

    #[tokio::test]
    async fn files_are_kept_in_so_many_bytes_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (base, count) = serve();
        let fetched = || count.load(Ordering::Relaxed);
        let cache = Arc::new(Cache::new(folder.path().to_owned(), 100));
        let b = Bench { cache, http: crate::remote::http(&base, None).unwrap(), base };
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
}
