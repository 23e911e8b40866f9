//! What a bucket does that fails: each request of a day's work in turn, in each way, once and for good.

use super::peer;
use crate::blobs::{Blobs, LedgerAge};
use crate::error::{EngineError, Result};
use crate::location::Location;
use crate::testing::{Fault, S3Peer};
use futures::{FutureExt, TryStreamExt};
use std::ops::Range;

const AGE: u64 = 7;

fn content() -> Vec<u8> {
    (0..(8 << 20) + 5).map(|i: usize| (i ^ (i >> 8)) as u8).collect()
}

async fn read(blobs: &Blobs, sha256: &str, size: u64, range: Option<Range<u64>>) -> Result<Vec<u8>> {
    let bytes: Vec<bytes::Bytes> = blobs.read(sha256, size, range).await?.bytes.try_collect().await?;
    Ok(bytes.concat())
}

/// A blob of two parts and a small one, read in every way; quarantine; the mark.
async fn day(blobs: &Blobs) -> Result<()> {
    let today = jiff::civil::date(2026, 11, 27);
    let large = content();
    let mut placed = Vec::new();
    for bytes in [&large[..], b"small"] {
        let mut staged = blobs.stage()?;
        staged.write(bytes)?;
        blobs.send(&mut staged).await?;
        let placing = blobs.placing().await?;
        placed.push(blobs.place(staged, &placing).await?);
    }
    let (one, two) = (&placed[0], &placed[1]);
    // Not the copy that placing has left.
    assert!(read(blobs, &one.sha256, one.size, None).await? == large);
    assert_eq!(read(blobs, &two.sha256, two.size, Some(1..3)).await?, b"ma");
    assert!(blobs.is_sound(&one.sha256).await?);
    assert_eq!(blobs.list().await?.len(), 2);
    let sweeping = blobs.sweeping().await?;
    blobs.quarantine(&two.sha256, today, &sweeping).await?;
    let nobody = |_: String| async { Ok(false) }.boxed();
    blobs.purge_quarantine(today, 0, &nobody).await?;
    match blobs.size(&two.sha256).await {
        Err(EngineError::NotFound(_)) => {}
        found => panic!("it is there: {}", found?),
    }
    blobs.delete(&one.sha256, &sweeping).await?;
    let age = LedgerAge { ledger: "0123456789abcdef".into(), blob_rows: AGE };
    drop(blobs.mark(&age, false).await?);
    assert_eq!(blobs.age().await?, Some(age));
    Ok(())
}

struct Bench {
    _folder: tempfile::TempDir,
    peer: S3Peer,
    blobs: Blobs,
}

fn bench() -> Bench {
    let (folder, peer) = (tempfile::tempdir().unwrap(), S3Peer::start());
    let url = peer::url(&peer);
    let at = Location { data: folder.path(), database: None, blobs: Some(&url) };
    let blobs = Blobs::open(at, 0, None).unwrap();
    Bench { peer, blobs, _folder: folder }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_fails_once_is_sent_again() {
    let b = bench();
    day(&b.blobs).await.unwrap();
    let requests = b.peer.heal();
    assert!(requests > 15, "{requests}");
    for how in [Fault::Answer(500, "InternalError"), Fault::CutRequest, Fault::CutAnswer] {
        for number in 0..requests {
            b.peer.fail(number..number + 1, how);
            let done = day(&b.blobs).await;
            b.peer.heal();
            // One that was done, and whose answer was cut, may not be one to send again: an upload that has ended is none.
            if let Err(e) = done {
                assert!(matches!(how, Fault::CutAnswer | Fault::CutRequest), "{how:?} {number}: {e}");
                assert!(matches!(e, EngineError::Unreachable(_)), "{how:?} {number}: {e:?}");
                day(&b.blobs).await.unwrap();
                b.peer.heal();
            }
            assert_eq!(b.blobs.damage.count(), 0, "{how:?} {number}: what fails is no damage");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_for_good_is_told_and_nothing_of_it_stays() {
    let b = bench();
    day(&b.blobs).await.unwrap();
    let requests = b.peer.heal();
    for how in [
        Fault::Answer(500, "InternalError"),
        Fault::Answer(403, "AccessDenied"),
        Fault::Answer(400, "ExpiredToken"),
        Fault::CutAnswer,
    ] {
        for number in 0..requests {
            b.peer.fail(number..usize::MAX, how);
            let error = day(&b.blobs).await.expect_err("it cannot go on");
            if let Fault::Answer(status, _) = how {
                let EngineError::Unreachable(text) = &error else { panic!("{how:?} {number}: {error:?}") };
                assert!(text.contains("s3://parts/lab"), "{how:?} {number}: {text}");
                assert!(status == 500 || text.contains("AWS_ACCESS_KEY_ID"), "{how:?} {number}: {text}");
            }
            b.peer.heal();
            assert_eq!(b.blobs.damage.count(), 0, "{how:?} {number}: what fails is no damage");
            day(&b.blobs).await.unwrap();
            b.peer.heal();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_an_upload_that_failed_are_thrown_away() {
    let b = bench();
    day(&b.blobs).await.unwrap();
    let requests = b.peer.heal();
    let mut left = 0;
    for number in 0..requests {
        // Refused, and then all is well: throwing them away is not refused.
        b.peer.fail(number..number + 1, Fault::Answer(403, "AccessDenied"));
        left += usize::from(day(&b.blobs).await.is_err());
        assert_eq!(b.peer.open_uploads(), 0, "{number}");
        b.peer.heal();
    }
    assert_eq!(left, requests, "none was passed over");
}
