//! What is kept, what goes, and what is fetched.

use super::*;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

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
            let pieces = vec![b'x'; size].chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
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

#[tokio::test]
async fn what_an_earlier_cache_has_kept_is_taken_over_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for size in [30, 40, 50] {
        std::fs::write(place(&name(size)), vec![b'x'; size]).unwrap();
        let at = SystemTime::now() - Duration::from_secs(100 - size as u64);
        File::options().write(true).open(place(&name(size))).unwrap().set_modified(at).unwrap();
    }
    // One that was on its way, and one that is nobody's.
    std::fs::write(place(&format!("{}.7", name(10))), "half").unwrap();
    std::fs::create_dir(place("other")).unwrap();
    let cache = Arc::new(Cache::reopen(folder.path().to_owned(), 100).unwrap());
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!((left(), cache.lock().bytes), (2, 90), "the newest that fit");
    let b = Bench { cache, fetched: AtomicUsize::new(0) };
    assert!(b.cache.pin(&name(50)).is_none(), "nobody has looked at it yet");
    drop(b.get(50).await.unwrap());
    assert_eq!(b.fetched.load(Ordering::Relaxed), 0);
    assert!(b.cache.pin(&name(50)).is_some());
    // Rotten, shorter or gone: fetched anew, and counted once.
    for spoil in [
        &(|path: &Path| std::fs::write(path, [b'y'; 40])) as &dyn Fn(&Path) -> std::io::Result<()>,
        &|path| std::fs::write(path, "x"),
        &|path| std::fs::remove_file(path),
    ] {
        let before = b.fetched.load(Ordering::Relaxed);
        spoil(&place(&name(40))).unwrap();
        let again = Arc::new(Cache::reopen(folder.path().to_owned(), 100).unwrap());
        let b = Bench { cache: again, fetched: AtomicUsize::new(before) };
        assert_eq!(std::fs::read(b.get(40).await.unwrap().path()).unwrap(), vec![b'x'; 40]);
        assert_eq!((b.fetched.load(Ordering::Relaxed), b.cache.lock().bytes), (before + 1, 90));
    }
    // The one that came first goes first.
    let again = Arc::new(Cache::reopen(folder.path().to_owned(), 100).unwrap());
    let b = Bench { cache: again, fetched: AtomicUsize::new(0) };
    drop(b.get(30).await.unwrap());
    assert!(!place(&name(50)).exists() && place(&name(40)).exists());
}
