//! Where blobs lie: what a folder and a bucket do each in its own way.

use super::cache::Pinned;
use super::files::BlobFile;
use super::{LedgerAge, LedgerMark, PlacedBlob, Staged};
use crate::error::Result;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::civil::Date;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a file holds, or why it cannot be read: its checksum and its size.
pub(crate) type Checksum = std::io::Result<(String, u64)>;

/// A blob on this disk, for as long as this is held.
pub(crate) struct LocalBlob {
    path: PathBuf,
    pinned: Option<Pinned>,
}

impl LocalBlob {
    /// A file that nobody takes away.
    pub(super) fn at(path: PathBuf) -> LocalBlob {
        LocalBlob { path, pinned: None }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match &self.pinned {
            Some(pinned) => pinned.path(),
            None => &self.path,
        }
    }
}

impl From<Pinned> for LocalBlob {
    fn from(pinned: Pinned) -> LocalBlob {
        LocalBlob { path: PathBuf::new(), pinned: Some(pinned) }
    }
}

/// A blob that is about to be read.
pub(super) struct Opened {
    /// Bytes of all of it.
    pub(super) size: u64,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// All of it.
    File(File),
    /// The range that was asked for.
    Stream(BoxStream<'static, std::io::Result<Bytes>>),
}

/// A blob in quarantine.
pub(crate) struct Quarantined {
    /// The checksum that it has, or had when somebody put it there.
    pub(crate) sha256: String,
    /// Since when it is there.
    pub(crate) day: Date,
    /// Where, in a folder.
    pub(super) path: PathBuf,
}

/// What was deleted for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
}

/// Whether a row names a blob, or a job still needs it.
pub(crate) type IsNeeded<'a> = &'a (dyn Fn(String) -> BoxFuture<'a, Result<bool>> + Send + Sync);

/// A place for blobs. Checksums are 64 digits in lower case.
pub(super) trait BlobStore: Send + Sync {
    /// Does of [`BlobStore::place`] what takes long, before anybody is kept from sweeping.
    fn send<'a>(&'a self, staged: &'a mut Staged) -> BoxFuture<'a, Result<()>>;

    /// Makes staged bytes durable under their checksum. What is there under it is replaced where it is not the same.
    fn place(&self, staged: Staged) -> BoxFuture<'_, Result<PlacedBlob>>;

    /// The blob, or a range of it; `EngineError::NotFound` where there is none.
    fn open<'a>(&'a self, sha256: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Opened>>;

    /// Its size; `EngineError::NotFound` where there is none.
    fn size<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<u64>>;

    /// Reads the blob to its end where it lies. The error inside is of this blob, the one outside of all.
    fn checksum<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Checksum>>;

    /// The blob as a file. `checked`: its bytes are read and have the checksum. `None`: it is damaged or missing, and noted so.
    fn local<'a>(&'a self, sha256: &'a str, checked: bool) -> BoxFuture<'a, Result<Option<LocalBlob>>>;

    /// Deletes a blob; whether it was there.
    fn delete<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// All that is there, in the order of names, or what checksums begin with these two digits.
    fn list<'a>(&'a self, digits: Option<&'a str>) -> BoxFuture<'a, Result<Vec<BlobFile>>>;

    /// Puts a blob into the quarantine of `today`; whether it was there and in none.
    fn quarantine<'a>(&'a self, sha256: &'a str, today: Date) -> BoxFuture<'a, Result<bool>>;

    /// All that is in quarantine.
    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<Quarantined>>>;

    /// Takes a blob out of quarantine; whether it was missing meanwhile, or would have been deleted.
    fn restore<'a>(&'a self, blob: &'a Quarantined) -> BoxFuture<'a, Result<bool>>;

    /// Deletes what has been in quarantine since `oldest` or longer, but for what is needed again.
    fn purge<'a>(&'a self, oldest: Date, is_needed: IsNeeded<'a>) -> BoxFuture<'a, Result<Purged>>;

    /// What is noted of the ledger that names the blobs.
    fn age(&self) -> BoxFuture<'_, Result<Option<LedgerAge>>>;

    /// Notes `age`, and keeps noting. `is_shared`: unless another server has noted a later one of the same ledger.
    fn mark<'a>(&'a self, age: &'a LedgerAge, is_shared: bool) -> BoxFuture<'a, Result<LedgerMark>>;

    /// Whether it can be reached.
    fn reach(&self) -> BoxFuture<'_, Result<()>>;

    /// How messages and the ledger call it.
    fn shown(&self) -> String;

    /// Whether its blobs are files of this machine.
    fn is_local(&self) -> bool;
}
