//! Copies stored files from one place to another: from a data folder into a bucket, back, or between two of a kind.

use crate::blobs::{Blobs, LedgerAge};
use crate::data_folder;
use crate::error::{EngineError, Result};
use crate::location::{BucketUrl, Location};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Files that are copied at the same time.
const AT_ONCE: usize = 4;

/// Where stored files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    /// In a data folder.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(BucketUrl),
}

impl fmt::Display for BlobPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobPlace::Folder(data) => data.display().fmt(f),
            BlobPlace::Bucket(url) => url.fmt(f),
        }
    }
}

/// What a copy did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopiedBlobs {
    /// Files that were copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already, of the same size.
    pub kept: u64,
    /// Files that are not what their names say, with what is wrong: these were not copied.
    pub damaged: Vec<(String, String)>,
}

/// Copies all stored files, each held against its checksum on its way, and then notes at the other place of which ledger, at which
/// age, they are: so a server that is started there with that ledger knows that nothing is missing. No server may use either place:
/// of a folder that is refused. Quarantine stays behind. What was copied before is not copied again.
///
/// `scratch` is a folder for files on their way, which must exist: nobody else uses it.
pub async fn copy_blobs(from: &BlobPlace, to: &BlobPlace, scratch: &Path) -> Result<CopiedBlobs> {
    if from == to {
        return Err(EngineError::Conflict(format!("{from} is where the files are already")));
    }
    let (source, _source_lock) = open(from, scratch, false).await?;
    let (target, _target_lock) = open(to, scratch, true).await?;
    source.reach().await?;
    target.reach().await?;
    let (age, there) = (source.age().await?, target.age().await?);
    refuse_another(age.as_ref(), there.as_ref(), to)?;
    let copied = copy_all(&source, &target).await?;
    if let Some(age) = age
        && copied.damaged.is_empty()
    {
        drop(target.mark(&age, false).await?);
    }
    Ok(copied)
}

async fn open(place: &BlobPlace, scratch: &Path, is_target: bool) -> Result<(Blobs, Option<File>)> {
    match place {
        BlobPlace::Bucket(url) => {
            let at = Location { data: scratch, database: None, blobs: Some(url) };
            Ok((Blobs::open(at, 0, None)?, None))
        }
        BlobPlace::Folder(data) => {
            if is_target {
                data_folder::make_data_folder(data)?;
            } else if !data.join("blobs").exists() {
                return Err(EngineError::NotFound(format!("the folder {}", data.join("blobs").display())));
            }
            let _making = data_folder::lock_ledger(data).await?;
            let lock = data_folder::lock(data)?;
            let at = Location::from(data);
            let blobs = if is_target { Blobs::open(at, 0, None)? } else { Blobs::attach(at)? };
            Ok((blobs, Some(lock)))
        }
    }
}

/// Two ledgers do not share a place: each would take the other's files for garbage.
fn refuse_another(age: Option<&LedgerAge>, there: Option<&LedgerAge>, to: &BlobPlace) -> Result<()> {
    match (age, there) {
        (Some(age), Some(there)) if age.ledger != there.ledger => {
            Err(EngineError::Conflict(format!("{to} holds the files of another ledger")))
        }
        (None, Some(_)) => Err(EngineError::Conflict(format!("{to} holds the files of a ledger already"))),
        _ => Ok(()),
    }
}

async fn copy_all(source: &Blobs, target: &Blobs) -> Result<CopiedBlobs> {
    let files = source.list().await?.into_iter().filter(|file| !file.is_quarantined);
    let there: HashMap<_, _> =
        target.list().await?.into_iter().filter_map(|file| Some((file.sha256?, file.size))).collect();
    let files: Vec<_> = files.filter_map(|file| Some((file.sha256?, file.size))).collect();
    let (copied, bytes, kept) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let there = &there;
    let copies = files.into_iter().map(|(sha256, size)| {
        let (copied, bytes, kept) = (&copied, &bytes, &kept);
        async move {
            if there.get(&sha256) == Some(&size) {
                kept.fetch_add(1, Ordering::Relaxed);
                return Result::<_>::Ok(None);
            }
            let wrong = copy_one(source, target, &sha256, size).await?;
            if wrong.is_none() {
                copied.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(size, Ordering::Relaxed);
            }
            Ok(wrong.map(|what| (sha256, what)))
        }
    });
    let found: Vec<_> = futures::stream::iter(copies).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut damaged: Vec<_> = found.into_iter().flatten().collect();
    damaged.sort();
    let (copied, bytes, kept) = (copied.into_inner(), bytes.into_inner(), kept.into_inner());
    Ok(CopiedBlobs { copied, bytes, kept, damaged })
}

/// What is wrong with the blob, if it could not be copied for that.
async fn copy_one(source: &Blobs, target: &Blobs, sha256: &str, size: u64) -> Result<Option<String>> {
    let mut stream = source.stream(sha256).await?;
    let mut staged = target.stage()?;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|e| EngineError::Unreachable(format!("blob {sha256} was cut: {e}")))?;
        staged = tokio::task::spawn_blocking(move || staged.write(&piece).map(|()| staged)).await??;
    }
    let found = staged.sha256();
    if found != sha256 {
        return Ok(Some(format!("its bytes have the checksum sha256:{found}")));
    }
    target.send(&mut staged).await?;
    let placing = target.placing().await?;
    let placed = target.place(staged, &placing).await?;
    if placed.size != size {
        return Err(anyhow::anyhow!("blob {sha256} had {size} bytes and has {} now", placed.size).into());
    }
    Ok(None)
}
