//! Blobs in a bucket of S3: uploaded to their names in parts, read as streams, copied into a cache where a file is needed.
//!
//! No request is conditional, since some stores pass over the condition. Equal bytes are written to equal names, so whoever
//! writes twice changes nothing. Quarantine is an object beside the blob, `quarantine/CHECKSUM/DAY`: S3 copies no more than 5 GiB at once.

#[cfg(test)]
mod fault_tests;
mod marker;
mod open;
#[cfg(test)]
pub(super) mod peer;
mod upload;

use super::cache::{Cache, Incoming, NoRoom, WrongBytes};
use super::files::{self, BlobFile};
use super::mark::{LedgerAge, LedgerMark, read as read_age};
use super::store::*;
use super::{Damage, PlacedBlob, Staged, key, missing};
use crate::error::{EngineError, Result};
use crate::location::BucketUrl;
use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::civil::Date;
use object_store::path::Path as Key;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[cfg(test)]
pub(super) fn objects(url: &BucketUrl) -> Arc<dyn ObjectStore> {
    open::store(url).unwrap()
}

/// Status and codes of S3 for credentials that are wrong, or are no more: the answer to HEAD has no code.
const REFUSED: [&str; 3] = ["400 Bad Request", "401 Unauthorized", "403 Forbidden"];
const REFUSALS: [&str; 4] = ["ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"];

/// Where the age of the ledger is noted.
const MARK: &str = "blobs/ledger.mark";

/// The blobs of one bucket, below one prefix. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    /// As in messages.
    url: BucketUrl,
    /// `None`: nothing asks for files.
    cache: Option<Arc<Cache>>,
    damage: Arc<Damage>,
    /// Parts in memory.
    parts: Arc<Semaphore>,
}

impl Bucket {
    pub(super) fn open(url: &BucketUrl, cache: Option<Arc<Cache>>, damage: Arc<Damage>) -> Result<Bucket> {
        let (store, parts) = (open::store(url)?, Arc::new(Semaphore::new(upload::AT_ONCE)));
        Ok(Bucket { store, url: url.clone(), cache, damage, parts })
    }

    /// What a request that failed says to people. Never a blob's own fault: it may succeed later.
    fn fault(&self, error: &object_store::Error) -> EngineError {
        let url = &self.url;
        let why = open::why(error);
        let is_refusal = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        // Lists tell it in their text alone, and some stores answer with 400.
        let says = |codes: &[&str]| codes.iter().any(|code| why.contains(code));
        let is_refusal = is_refusal || says(&REFUSED) || says(&REFUSALS);
        let is_missing = matches!(error, object_store::Error::NotFound { .. }) || says(&["NoSuchBucket"]);
        EngineError::Unreachable(match () {
            _ if is_refusal => format!(
                "the bucket {url} refuses this server, look at its rights and at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                 AWS_REGION: {why}"
            ),
            _ if is_missing => format!("the bucket {url} does not exist: {why}"),
            _ => format!("the bucket {url} cannot be reached, look at AWS_ENDPOINT_URL: {why}"),
        })
    }

    fn fault_of(&self, sha256: &str, error: object_store::Error) -> EngineError {
        match error {
            object_store::Error::NotFound { .. } => missing(sha256, error),
            error => self.fault(&error),
        }
    }

    async fn get(&self, sha256: &str, range: Option<Range<u64>>) -> Result<object_store::GetResult> {
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        self.store.get_opts(&key(sha256)?, options).await.map_err(|e| self.fault_of(sha256, e))
    }

    /// Uploads, and looks whether all of it is there.
    async fn send_file(&self, staged: &mut Staged) -> Result<()> {
        let (sha256, size) = (staged.sha256(), staged.size());
        upload::upload(self, &key(&sha256)?, staged.path(), size, &sha256).await?;
        let found = self.size(&sha256).await?;
        if found != size {
            let url = &self.url;
            return Err(EngineError::Unreachable(format!(
                "the bucket {url} says that it has {found} bytes of blob {sha256}, {size} were sent"
            )));
        }
        staged.is_sent = true;
        Ok(())
    }

    /// What was sent may have been swept before sweeping was kept off: then once more. The file stays as the copy that is read here.
    async fn place_file(&self, mut staged: Staged) -> Result<PlacedBlob> {
        let (sha256, size) = (staged.sha256(), staged.size());
        let is_there = staged.is_sent
            && match self.size(&sha256).await {
                Err(EngineError::NotFound(_)) => false,
                found => found? == size,
            };
        if !is_there {
            self.send_file(&mut staged).await?;
        }
        self.damage.healed(&sha256);
        if let Some(cache) = self.cache.clone() {
            let name = sha256.clone();
            let kept = tokio::task::spawn_blocking(move || cache.keep(&name, staged.path(), size)).await?;
            kept.unwrap_or_else(|e| tracing::debug!("a blob is not kept in the cache: {e}"));
        }
        Ok(PlacedBlob { sha256, size })
    }

    /// A copy in the cache.
    async fn copy(&self, sha256: &str, checked: bool) -> Result<Option<LocalBlob>> {
        let cache = self.cache.as_ref().context("nothing of a bucket is kept here")?;
        key(sha256)?;
        if let Some(kept) = cache.pin(sha256) {
            let path = kept.path().clone();
            let is_sound = async || {
                let read = tokio::task::spawn_blocking(move || files::checksum(&path)).await?;
                Ok::<bool, EngineError>(read.is_ok_and(|(found, _)| found == sha256))
            };
            if !checked || is_sound().await? {
                return Ok(Some(kept.into()));
            }
            tracing::warn!("the copy of blob {sha256} in the cache has changed: it is fetched anew");
            cache.forget(sha256);
        }
        let fetch = || async {
            let got = self.get(sha256, None).await?;
            Ok(Incoming {
                bytes: got.meta.size,
                stream: got.into_stream().map_err(std::io::Error::from).boxed(),
            })
        };
        match cache.get(sha256, fetch).await {
            Ok(pinned) => {
                self.damage.healed(sha256);
                Ok(Some(pinned.into()))
            }
            Err(e) => self.no_copy(sha256, e),
        }
    }

    /// Why there is none: the blob's own fault is noted.
    fn no_copy(&self, sha256: &str, error: anyhow::Error) -> Result<Option<LocalBlob>> {
        if let Some(WrongBytes { found, .. }) = error.downcast_ref() {
            self.damage.found(sha256, &format!("its bytes have the checksum sha256:{found}"));
            return Ok(None);
        }
        if let Some(no_room) = error.downcast_ref::<NoRoom>() {
            return Err(EngineError::NoRoom(format!("blob {sha256}: {no_room}")));
        }
        match error.downcast::<EngineError>() {
            Ok(EngineError::NotFound(_)) => {
                self.damage.found(sha256, "it is missing");
                Ok(None)
            }
            Ok(e) => Err(e),
            Err(e) => match EngineError::from(e) {
                EngineError::Internal(e) => Err(self.cut(&e)),
                e => Err(e),
            },
        }
    }

    /// An answer that did not come to its end.
    fn cut(&self, why: &dyn std::fmt::Display) -> EngineError {
        EngineError::Unreachable(format!("an answer of the bucket {} was cut: {why}", self.url))
    }

    async fn read_to_end(&self, sha256: &str) -> Result<Checksum> {
        let got = match self.get(sha256, None).await {
            Err(EngineError::NotFound(text)) => {
                return Ok(Err(std::io::Error::new(ErrorKind::NotFound, text)));
            }
            got => got?,
        };
        let (mut hash, mut size, mut stream) = (Sha256::new(), 0, got.into_stream());
        while let Some(piece) = stream.try_next().await.map_err(|e| self.cut(&open::why(&e)))? {
            hash.update(&piece);
            size += piece.len() as u64;
        }
        Ok(Ok((hex::encode(hash.finalize()), size)))
    }

    /// Objects below a folder of the bucket.
    fn below(&self, folder: String) -> BoxStream<'static, Result<ObjectMeta>> {
        let this = self.clone();
        let found = self.store.list(Some(&Key::from(folder)));
        found.map_err(move |e| this.fault(&e)).boxed()
    }

    async fn listed(&self, digits: Option<&str>) -> Result<Vec<BlobFile>> {
        let quarantined = self.quarantined_names().await?;
        let folder = digits.map_or("blobs".to_owned(), |digits| format!("blobs/sha256/{digits}"));
        let mut found = Vec::new();
        let mut objects = self.below(folder);
        while let Some(object) = objects.try_next().await? {
            let name = object.location.as_ref();
            if name == MARK {
                continue;
            }
            let sha256 = name.strip_prefix("blobs/").and_then(|below| files::checksum_of(below.as_ref()));
            let is_quarantined = sha256.as_ref().is_some_and(|sha256| quarantined.contains(sha256));
            let (size, modified) = (object.size, object.last_modified.into());
            found.push(BlobFile { path: PathBuf::from(name), sha256, size, modified, is_quarantined });
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    async fn noted(&self) -> Result<Option<LedgerAge>> {
        let got = match self.store.get(&Key::from(MARK)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|e| self.fault(&e))?,
        };
        let text = got.bytes().await.map_err(|e| self.cut(&open::why(&e)))?;
        Ok(read_age(&String::from_utf8_lossy(&text)))
    }

    async fn note(&self, age: &LedgerAge) -> Result<()> {
        let text = age.to_string();
        self.store.put(&Key::from(MARK), text.into()).await.map_err(|e| self.fault(&e))?;
        Ok(())
    }
}

impl BlobStore for Bucket {
    fn send<'a>(&'a self, staged: &'a mut Staged) -> BoxFuture<'a, Result<()>> {
        self.send_file(staged).boxed()
    }

    fn place(&self, staged: Staged) -> BoxFuture<'_, Result<PlacedBlob>> {
        self.place_file(staged).boxed()
    }

    fn open<'a>(&'a self, sha256: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Opened>> {
        async move {
            // There are no ranges of nothing.
            let got = self.get(sha256, (!range.is_empty()).then_some(range)).await?;
            let size = got.meta.size;
            let stream = got.into_stream().map_err(std::io::Error::from).boxed();
            Ok(Opened { size, content: Content::Stream(stream) })
        }
        .boxed()
    }

    fn size<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<u64>> {
        async move {
            let found = self.store.head(&key(sha256)?).await;
            Ok(found.map_err(|e| self.fault_of(sha256, e))?.size)
        }
        .boxed()
    }

    fn checksum<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Checksum>> {
        self.read_to_end(sha256).boxed()
    }

    fn local<'a>(&'a self, sha256: &'a str, checked: bool) -> BoxFuture<'a, Result<Option<LocalBlob>>> {
        self.copy(sha256, checked).boxed()
    }

    fn delete<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<bool>> {
        async move {
            let was_there = match self.size(sha256).await {
                Err(EngineError::NotFound(_)) => false,
                found => found.map(|_| true)?,
            };
            match self.store.delete(&key(sha256)?).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(was_there),
                Err(e) => Err(self.fault(&e)),
            }
        }
        .boxed()
    }

    fn list<'a>(&'a self, digits: Option<&'a str>) -> BoxFuture<'a, Result<Vec<BlobFile>>> {
        self.listed(digits).boxed()
    }

    fn quarantine<'a>(&'a self, sha256: &'a str, today: Date) -> BoxFuture<'a, Result<bool>> {
        self.put_marker(sha256, today).boxed()
    }

    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<Quarantined>>> {
        self.markers().boxed()
    }

    fn restore<'a>(&'a self, blob: &'a Quarantined) -> BoxFuture<'a, Result<bool>> {
        async move { self.drop_marker(blob).await.map(|()| true) }.boxed()
    }

    fn purge<'a>(&'a self, oldest: Date, is_needed: IsNeeded<'a>) -> BoxFuture<'a, Result<Purged>> {
        self.purge_marked(oldest, is_needed).boxed()
    }

    fn age(&self) -> BoxFuture<'_, Result<Option<LedgerAge>>> {
        self.noted().boxed()
    }

    fn mark<'a>(&'a self, age: &'a LedgerAge, is_shared: bool) -> BoxFuture<'a, Result<LedgerMark>> {
        async move {
            let mut age = age.clone();
            if is_shared
                && let Some(noted) = self.noted().await?
                && noted.ledger == age.ledger
            {
                age.blob_rows = age.blob_rows.max(noted.blob_rows);
            }
            self.note(&age).await?;
            let bucket = self.clone();
            Ok(LedgerMark::elsewhere(age, move |age| {
                let bucket = bucket.clone();
                async move { bucket.note(&age).await }.boxed()
            }))
        }
        .boxed()
    }

    fn reach(&self) -> BoxFuture<'_, Result<()>> {
        async move { self.below("quarantine".to_owned()).next().await.transpose().map(|_| ()) }.boxed()
    }

    fn shown(&self) -> String {
        self.url.to_string()
    }

    fn is_local(&self) -> bool {
        false
    }
}
