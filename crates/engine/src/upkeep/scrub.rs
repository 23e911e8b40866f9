//! Reads every blob once in a period, evenly and at low priority, so that rot is found while there is still a backup from
//! before it.

use crate::blobs::Blobs;
use crate::blobs::files::checksum;
use crate::error::{EngineError, Result};
use crate::run::threads::new_idle_reader;
use crate::store::Store;
use rayon::ThreadPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Folders that blobs lie in, by the first two digits of their checksums.
const FOLDERS: u32 = 256;
/// Where the ledger keeps the folder that is next.
const NEXT: &str = "scrub_next";

/// What was read since the process began.
#[derive(Default)]
pub(crate) struct Scrubbed {
    pub(crate) blobs: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

/// Reads blobs for ever, each once in `period`; goes on where the process before left off.
pub(crate) async fn scrub(blobs: &Blobs, store: &Store, period: Duration, scrubbed: &Scrubbed) {
    let pool = match new_idle_reader() {
        Ok(pool) => Arc::new(pool),
        Err(e) => {
            return tracing::error!("stored files are not checked for rot, no thread can be started: {e}");
        }
    };
    let slot = period / FOLDERS;
    loop {
        let begun = Instant::now();
        let scrubbed_one = match store.cleans_up() {
            true => scrub_next(blobs, store, slot, &pool, scrubbed).await,
            // Of several servers another does.
            false => Ok(()),
        };
        match scrubbed_one {
            Ok(()) => {}
            Err(e) => tracing::warn!("stored files cannot be checked for rot now: {e}"),
        }
        tokio::time::sleep(slot.saturating_sub(begun.elapsed()).max(Duration::from_millis(100))).await;
    }
}

/// Reads the folder that is next, its files spread over `slot`.
async fn scrub_next(
    blobs: &Blobs,
    store: &Store,
    slot: Duration,
    pool: &Arc<ThreadPool>,
    scrubbed: &Scrubbed,
) -> Result<()> {
    let next: u32 = store.meta(NEXT).await?.and_then(|text| text.parse().ok()).unwrap_or(0) % FOLDERS;
    scrub_folder(blobs, store, next, slot, pool, scrubbed).await?;
    store.set_meta(NEXT, &((next + 1) % FOLDERS).to_string()).await
}

async fn scrub_folder(
    blobs: &Blobs,
    store: &Store,
    folder: u32,
    slot: Duration,
    pool: &Arc<ThreadPool>,
    scrubbed: &Scrubbed,
) -> Result<()> {
    let digits = format!("{folder:02x}");
    let files = blobs.list_of(&digits).await?;
    let all: u64 = files.iter().map(|file| file.size).sum();
    let (begun, mut done) = (Instant::now(), 0);
    for file in &files {
        let Some(sha256) = &file.sha256 else { continue };
        let read = if blobs.are_local() {
            let (path, pool) = (file.path.clone(), pool.clone());
            tokio::task::spawn_blocking(move || pool.install(|| checksum(&path))).await?
        } else {
            blobs.checksum(sha256).await?
        };
        let is_gone = read.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if !is_gone && !blobs.damage.judge(sha256, read) {
            tell(store, sha256).await?;
        }
        scrubbed.blobs.fetch_add(1, Ordering::Relaxed);
        scrubbed.bytes.fetch_add(file.size, Ordering::Relaxed);
        done += file.size;
        // Where the reading should be by now, had it been even.
        let due = slot.mul_f64(done as f64 / all.max(1) as f64);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
    // What rows name and is not there. A row comes after its blob, so one of now has it.
    let end = format!("{:02x}", folder + 1);
    let end = if folder + 1 == FOLDERS { "g" } else { &end };
    for sha256 in store.blobs_between(&digits, end).await? {
        let is_missing = match blobs.size(&sha256).await {
            Err(EngineError::NotFound(_)) => true,
            found => found.map(|_| false)?,
        };
        if is_missing && store.blob_size(&sha256).await?.is_some() {
            blobs.damage.found(&sha256, "it is missing");
            tell(store, &sha256).await?;
        }
    }
    Ok(())
}

/// Says whose bytes are damaged.
async fn tell(store: &Store, sha256: &str) -> Result<()> {
    let assets = store.blob_assets(sha256).await?;
    let whose = if assets.is_empty() { "nobody's".to_owned() } else { assets.join(", ") };
    tracing::error!("blob {sha256} is damaged: these are the bytes of {whose}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Caller, Timestamp};
    use crate::service::Engine;
    use crate::service::tests::{config, project};

    #[tokio::test]
    async fn a_round_finds_what_has_rotted_or_gone_and_an_upload_heals_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open_with_types(config(folder.path().join("d")), &[]).await.unwrap();
        let (blobs, store) = (&engine.core.blobs, &engine.core.store);
        let (caller, project) = (Caller::of("u"), project(&engine).await);
        let upload = async |n: u8| {
            let mut upload = engine.begin_upload(project, 0).await.unwrap();
            upload.write(vec![n; 1000].into()).await.unwrap();
            upload.finish(&caller, "a.bin").await.unwrap().sha256
        };
        let mut stored = Vec::new();
        for n in 0..40 {
            stored.push(upload(n).await);
        }
        let round = async || {
            let (scrubbed, pool) = (Scrubbed::default(), Arc::new(new_idle_reader().unwrap()));
            for _ in 0..FOLDERS {
                scrub_next(blobs, store, Duration::ZERO, &pool, &scrubbed).await.unwrap();
            }
            (scrubbed.blobs.into_inner(), scrubbed.bytes.into_inner(), blobs.damage.count())
        };
        assert_eq!(round().await, (40, 40_000, 0));
        let path = async |n: usize| blobs.local(&stored[n]).await.unwrap().path().to_owned();
        let (flipped, gone) = (path(7).await, path(8).await);
        let mut bytes = std::fs::read(&flipped).unwrap();
        bytes[500] ^= 1;
        std::fs::write(&flipped, bytes).unwrap();
        std::fs::remove_file(&gone).unwrap();
        assert_eq!(round().await, (39, 39_000, 2));
        let blob = crate::blobs::PlacedBlob { sha256: stored[7].clone(), size: 1000 };
        store.insert_asset(project, "b.bin", &blob, None, Timestamp(0)).await.unwrap();
        assert_eq!(round().await.2, 2, "a row heals nothing");
        upload(7).await;
        assert_eq!((blobs.damage.count(), upload(8).await), (1, stored[8].clone()));
        assert_eq!(round().await, (40, 40_000, 0));
    }
}
