//! A file on its way into a bucket: in one request, or in parts of which few are in memory at a time.

use super::{Bucket, open};
use crate::error::{EngineError, Result};
use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tokio::task::JoinSet;

/// Bytes of a part, and of an object that is sent at once. S3 asks for 5 MiB or more.
const PART: u64 = 8 << 20;
/// S3 takes 10,000 parts.
const MOST_PARTS: u64 = 9_000;
/// Parts in memory, of all uploads together.
pub(super) const AT_ONCE: usize = 8;

/// Sends a file whose size and checksum are known. Where anything of it fails, there is no object, or still the one from before.
pub(super) async fn upload(bucket: &Bucket, key: &Key, path: &Path, size: u64, sha256: &str) -> Result<()> {
    let file = File::open(path)?;
    if size > PART {
        return in_parts(bucket, key, file, size, sha256).await;
    }
    let _room = bucket.parts.acquire().await.map_err(anyhow::Error::from)?;
    let (bytes, _, hash) = read_part(file, Sha256::new(), size).await?;
    check(hash, sha256)?;
    bucket.store.put(key, bytes.into()).await.map_err(|e| bucket.fault(&e))?;
    Ok(())
}

async fn in_parts(bucket: &Bucket, key: &Key, file: File, size: u64, sha256: &str) -> Result<()> {
    let mut upload = bucket.store.put_multipart(key).await.map_err(|e| bucket.fault(&e))?;
    let sent = async {
        send(bucket, &mut *upload, file, size, sha256).await?;
        upload.complete().await.map_err(|e| bucket.fault(&e))?;
        Ok(())
    };
    let sent = sent.await;
    if sent.is_err()
        && let Err(e) = upload.abort().await
    {
        // The rule of the bucket against uploads without an end takes it away.
        tracing::warn!("an upload to {} stays without an end: {}", bucket.url, open::why(&e));
    }
    sent
}

async fn send(
    bucket: &Bucket,
    upload: &mut dyn MultipartUpload,
    mut file: File,
    size: u64,
    sha256: &str,
) -> Result<()> {
    let part = PART.max(size.div_ceil(MOST_PARTS));
    let (mut left, mut hash, mut sending) = (size, Sha256::new(), JoinSet::new());
    while left > 0 {
        let room = bucket.parts.clone().acquire_owned().await.map_err(anyhow::Error::from)?;
        let bytes;
        (bytes, file, hash) = read_part(file, hash, part.min(left)).await?;
        left -= bytes.len() as u64;
        let put = upload.put_part(bytes.into());
        sending.spawn(async move {
            let sent = put.await;
            drop(room);
            sent
        });
        while let Some(sent) = sending.try_join_next() {
            sent?.map_err(|e| bucket.fault(&e))?;
        }
    }
    while let Some(sent) = sending.join_next().await {
        sent?.map_err(|e| bucket.fault(&e))?;
    }
    check(hash, sha256)
}

/// The next bytes of a file, which are there, and the hash of all so far.
async fn read_part(mut file: File, mut hash: Sha256, bytes: u64) -> Result<(Bytes, File, Sha256)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut part = vec![0; bytes as usize];
        file.read_exact(&mut part)?;
        hash.update(&part);
        std::io::Result::Ok((Bytes::from(part), file, hash))
    });
    Ok(read.await??)
}

/// What was sent is what was written into the file: this disk may be the one that rots.
fn check(hash: Sha256, sha256: &str) -> Result<()> {
    let found = hex::encode(hash.finalize());
    if found == sha256 {
        return Ok(());
    }
    Err(EngineError::Internal(anyhow::anyhow!(
        "a file in tmp/ was written with the checksum sha256:{sha256} and read with sha256:{found}"
    )))
}
