//! What every place for blobs does, asked of each: a folder, a bucket in memory or the one that FIELDSTONE_TEST_BUCKET names, and one
//! over HTTP.

use super::*;
use crate::testing::{S3Peer, bucket_of};
use futures::{FutureExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    url: Option<BucketUrl>,
    blobs: Blobs,
}

impl Place {
    fn new(url: impl FnOnce(&Path) -> Option<BucketUrl>) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let url = url(folder.path());
        let at = Location { data: folder.path(), database: None, blobs: url.as_ref() };
        let blobs = Blobs::open(at, 64 << 20, None).unwrap();
        Place { folder, url, blobs }
    }

    /// Each kind.
    fn all() -> [Place; 3] {
        let memory = || Some(BucketUrl::over(Arc::new(InMemory::new()), "memory", "lab"));
        let peer = || Some(bucket::peer::url(&S3Peer::start()));
        [Place::new(|_| None), Place::new(|data| bucket_of(data).or_else(memory)), Place::new(|_| peer())]
    }

    async fn place(&self, bytes: &[u8]) -> PlacedBlob {
        let mut staged = self.blobs.stage().unwrap();
        staged.write(bytes).unwrap();
        self.blobs.send(&mut staged).await.unwrap();
        let placing = self.blobs.placing().await.unwrap();
        self.blobs.place(staged, &placing).await.unwrap()
    }

    /// Puts other bytes where the blob lies.
    async fn spoil(&self, sha256: &str, bytes: Vec<u8>) {
        match &self.url {
            None => std::fs::write(self.folder.path().join(key(sha256).unwrap().as_ref()), bytes).unwrap(),
            Some(url) => {
                let objects = bucket::objects(url);
                objects.put(&key(sha256).unwrap(), bytes.into()).await.unwrap();
            }
        }
    }

    async fn read(&self, blob: &PlacedBlob, range: Option<std::ops::Range<u64>>) -> std::io::Result<Vec<u8>> {
        let read = self.blobs.read(&blob.sha256, blob.size, range).await.map_err(std::io::Error::other)?;
        let bytes: Vec<bytes::Bytes> = read.bytes.try_collect().await?;
        let bytes = bytes.concat();
        assert_eq!(bytes.len() as u64, read.range.end - read.range.start);
        Ok(bytes)
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect()
}

#[tokio::test]
async fn what_is_placed_is_read_whole_and_in_part() {
    for place in Place::all() {
        // Small, in one request, and in parts.
        for size in [0, 1, 1 << 20, (1 << 20) + 1, 8 << 20, (20 << 20) + 3] {
            let bytes = bytes(size);
            let blob = place.place(&bytes).await;
            assert_eq!(blob.size, size as u64);
            assert_eq!(blob.sha256, hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes)));
            assert_eq!(place.blobs.size(&blob.sha256).await.unwrap(), size as u64);
            assert!(place.blobs.is_sound(&blob.sha256).await.unwrap());
            let copy = place.blobs.sound_copy(&blob.sha256).await.unwrap().unwrap();
            assert!(std::fs::read(copy.path()).unwrap() == bytes);
            assert!(place.read(&blob, None).await.unwrap() == bytes);
            for (from, to) in [(0, 0), (0, 1), (1, 3), (size / 2, size), (size, size + 5), (0, size + 1)] {
                let part = place.read(&blob, Some(from as u64..to as u64)).await.unwrap();
                assert!(part == bytes[from.min(size)..to.min(size)], "{size} {from} {to}");
            }
            // Once more: equal bytes are one blob.
            assert_eq!(place.place(&bytes).await, blob);
        }
        let found = place.blobs.list().await.unwrap();
        assert_eq!(found.len(), 6);
        for file in &found {
            let sha256 = file.sha256.clone().unwrap();
            let same = place.blobs.list_of(&sha256[..2]).await.unwrap();
            assert!(same.iter().any(|one| one.path == file.path && one.size == file.size));
        }
        let nothing = "0".repeat(64);
        for asked in [nothing.as_str(), "x", "../../etc/passwd"] {
            let missing = place.blobs.size(asked).await;
            assert!(matches!(missing, Err(EngineError::NotFound(_))), "{asked}: {missing:?}");
            assert!(matches!(place.blobs.read(asked, 3, None).await, Err(EngineError::NotFound(_))));
        }
        assert!(place.blobs.sound_copy(&nothing).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn rot_is_found_wherever_it_is_read_and_healed_by_the_same_bytes() {
    for place in Place::all() {
        for size in [1000, 3 << 20] {
            let right = bytes(size);
            let blob = place.place(&right).await;
            let mut wrong = right.clone();
            wrong[size - 10] ^= 1;
            place.spoil(&blob.sha256, wrong).await;
            assert!(place.read(&blob, None).await.is_err());
            assert!(!place.blobs.is_sound(&blob.sha256).await.unwrap());
            assert_eq!(place.blobs.damage.count(), 1);
            assert_eq!(place.place(&right).await, blob);
            assert_eq!(place.blobs.damage.count(), 0);
            assert!(place.read(&blob, None).await.unwrap() == right);
            // Another size than its rows say.
            place.spoil(&blob.sha256, right[1..].to_vec()).await;
            assert!(place.read(&blob, None).await.is_err());
            place.place(&right).await;
        }
    }
}

#[tokio::test]
async fn a_copy_that_rots_is_fetched_anew_and_a_blob_that_rots_is_no_copy() {
    let [_, place, _] = Place::all();
    let right = bytes(5000);
    let blob = place.place(&right).await;
    let copy = place.blobs.local(&blob.sha256).await.unwrap();
    std::fs::write(copy.path(), "rot").unwrap();
    let again = place.blobs.sound_copy(&blob.sha256).await.unwrap().unwrap();
    assert!(std::fs::read(again.path()).unwrap() == right);
    drop((copy, again));
    place.spoil(&blob.sha256, bytes(4999)).await;
    let kept = place.blobs.local(&blob.sha256).await.unwrap();
    std::fs::write(kept.path(), "rot").unwrap();
    drop(kept);
    assert!(place.blobs.sound_copy(&blob.sha256).await.unwrap().is_none());
    assert_eq!(place.blobs.damage.count(), 1);
}

#[tokio::test]
async fn what_is_in_quarantine_comes_back_or_is_deleted_when_its_days_are_over() {
    let day = |n: i8| jiff::civil::date(2026, 11, n);
    for place in Place::all() {
        let blobs = &place.blobs;
        let [one, two, three] = [b"one", b"two", b"thr"].map(|bytes| place.place(bytes));
        let (one, two, three) = (one.await, two.await, three.await);
        let sweeping = blobs.sweeping().await.unwrap();
        assert!(blobs.quarantine(&one.sha256, day(1), &sweeping).await.unwrap());
        assert!(!blobs.quarantine(&one.sha256, day(2), &sweeping).await.unwrap(), "since the first day");
        assert!(blobs.quarantine(&two.sha256, day(3), &sweeping).await.unwrap());
        assert!(!blobs.quarantine(&"0".repeat(64), day(3), &sweeping).await.unwrap());
        let quarantined = blobs.quarantined().await.unwrap();
        let mut found: Vec<_> = quarantined.iter().map(|blob| (blob.sha256.clone(), blob.day)).collect();
        found.sort();
        let mut expected = vec![(one.sha256.clone(), day(1)), (two.sha256.clone(), day(3))];
        expected.sort();
        assert_eq!(found, expected);
        let free: Vec<_> =
            blobs.list().await.unwrap().into_iter().filter(|file| !file.is_quarantined).collect();
        assert_eq!(free.len(), 1);
        // The first is named again.
        let back = quarantined.iter().find(|blob| blob.sha256 == one.sha256).unwrap();
        assert!(blobs.restore(back).await.unwrap());
        assert!(place.read(&one, None).await.unwrap() == b"one");
        let nobody = |_: String| async { Ok(false) }.boxed();
        let purged = blobs.purge_quarantine(day(12), 10, &nobody).await.unwrap();
        assert_eq!(purged, store::Purged::default());
        let purged = blobs.purge_quarantine(day(13), 10, &nobody).await.unwrap();
        assert_eq!((purged.blobs, purged.bytes), (1, 3));
        assert!(matches!(blobs.size(&two.sha256).await, Err(EngineError::NotFound(_))));
        // Placed anew while it was there: it stays.
        assert!(blobs.quarantine(&three.sha256, day(4), &sweeping).await.unwrap());
        drop(sweeping);
        place.place(b"thr").await;
        let everybody = |_: String| async { Ok(true) }.boxed();
        blobs.purge_quarantine(day(20), 0, &everybody).await.unwrap();
        assert!(place.read(&three, None).await.unwrap() == b"thr");
        assert_eq!(blobs.quarantined().await.unwrap().len(), 0);
        let sweeping = blobs.sweeping().await.unwrap();
        assert!(blobs.delete(&three.sha256, &sweeping).await.unwrap());
        assert!(!blobs.delete(&three.sha256, &sweeping).await.unwrap());
    }
}

#[tokio::test]
async fn the_age_of_the_ledger_is_noted_beside_them() {
    for place in Place::all() {
        let age = |blob_rows| LedgerAge { ledger: "0123456789abcdef".into(), blob_rows };
        let blobs = &place.blobs;
        assert_eq!(blobs.age().await.unwrap(), None);
        let mark = blobs.mark(&age(3), false).await.unwrap();
        assert_eq!(blobs.age().await.unwrap(), Some(age(3)));
        (4..40).rev().for_each(|rows| mark.advance(rows).unwrap());
        mark.settle(Duration::from_secs(60)).await;
        assert_eq!(blobs.age().await.unwrap(), Some(age(39)));
        drop(mark);
        let shared = blobs.mark(&age(7), true).await.unwrap();
        assert_eq!(blobs.age().await.unwrap(), Some(age(39)));
        drop(shared);
        assert!(blobs.list().await.unwrap().is_empty(), "it is no blob");
    }
}

#[tokio::test]
async fn what_was_sent_and_swept_before_it_was_placed_is_sent_again() {
    for place in Place::all() {
        let blobs = &place.blobs;
        let mut staged = blobs.stage().unwrap();
        staged.write(b"sent").unwrap();
        let sha256 = staged.sha256();
        // Nobody who sends keeps others from sweeping.
        let sweeping = blobs.sweeping().await.unwrap();
        blobs.send(&mut staged).await.unwrap();
        blobs.delete(&sha256, &sweeping).await.unwrap();
        drop(sweeping);
        let placing = blobs.placing().await.unwrap();
        let blob = blobs.place(staged, &placing).await.unwrap();
        assert_eq!((blob.size, blob.sha256.as_str()), (4, sha256.as_str()));
        assert!(place.read(&blob, None).await.unwrap() == b"sent");
    }
}
