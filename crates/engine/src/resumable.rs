//! Uploads that go on after a cut: what they are, and who writes each of them now.

use crate::model::{AssetId, ProjectId, Timestamp, UploadId};
use crate::staging::{StagedBytes, Staging};
use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedMutexGuard};

/// Folder of a data folder that holds what has come of uploads.
pub(crate) const FOLDER: &str = "uploads";

/// A file that comes in pieces, each behind the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumableUpload {
    /// Identifier.
    pub id: UploadId,
    /// Project.
    pub project_id: ProjectId,
    /// Name of the asset to be.
    pub filename: String,
    /// What its sender said of it, as it was said.
    pub metadata: String,
    /// SHA-256 that all its bytes must have, where its sender said so; 64 hex digits.
    pub sha256: Option<String>,
    /// Bytes of the whole.
    pub size: u64,
    /// Bytes that are on disk, from the first on: here it goes on.
    pub received: u64,
    /// The asset that it has become.
    pub asset_id: Option<AssetId>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it is forgotten, unless more of it comes.
    pub expires: Timestamp,
    /// Its file in [`FOLDER`].
    pub(crate) file: String,
}

impl ResumableUpload {
    /// Whether all its bytes are there.
    pub fn is_whole(&self) -> bool {
        self.received == self.size
    }
}

/// When an upload of which something has come at `now` is forgotten.
pub(crate) fn expiry(now: Timestamp, lifetime: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX)))
}

/// An upload to begin.
#[derive(Clone, Debug)]
pub struct NewResumable {
    /// See [`ResumableUpload::filename`].
    pub filename: String,
    /// See [`ResumableUpload::metadata`].
    pub metadata: String,
    /// See [`ResumableUpload::sha256`].
    pub sha256: Option<String>,
    /// See [`ResumableUpload::size`].
    pub size: u64,
}

/// What the sender of one piece says its checksum is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceChecksum {
    /// How it is computed.
    pub algorithm: PieceHash,
    /// What it must be.
    pub digest: Vec<u8>,
}

/// Checksums of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceHash {
    /// 20 bytes. It finds accidents, no forgery.
    Sha1,
    /// 32 bytes.
    Sha256,
}

/// Who writes which upload, and the bytes of each, which count towards the quota of its project.
#[derive(Default)]
pub(crate) struct Writers {
    staging: Staging,
    all: Mutex<HashMap<UploadId, Arc<Writer>>>,
}

/// The one place from which an upload is written.
struct Writer {
    /// Held by who writes.
    staged: Arc<tokio::sync::Mutex<StagedBytes>>,
    /// How many wait for whoever holds it.
    waiting: AtomicUsize,
    call: Notify,
    /// Somebody in another process waits, too.
    called: AtomicBool,
}

/// The right to write an upload, until it is dropped. Whoever wants it next gets it soon.
pub(crate) struct Turn {
    /// The lock by which servers that share a folder take turns. First: the next here finds it free.
    _everywhere: Option<File>,
    writer: Arc<Writer>,
    /// What has come of it.
    pub(crate) staged: OwnedMutexGuard<StagedBytes>,
}

/// One who waits for his turn; no more once he has gone away.
struct Waiting<'a>(&'a Writer);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Writers {
    /// The same counting with others into the same quotas.
    pub(crate) fn new(staging: Staging) -> Writers {
        Writers { staging, all: Mutex::default() }
    }

    /// Takes the right to write an upload of which so many bytes are there, calling on whoever has it to let go.
    pub(crate) async fn turn(&self, upload: &ResumableUpload) -> Turn {
        let writer = self.writer(upload);
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(&writer);
        writer.call.notify_one();
        let staged = writer.staged.clone().lock_owned().await;
        drop(waiting);
        writer.called.store(false, Ordering::SeqCst);
        Turn { _everywhere: None, writer, staged }
    }

    /// Has whoever writes an upload let go of it, for one who waits in another process.
    pub(crate) fn call(&self, id: UploadId) {
        let writer = self.all.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(writer) = writer {
            writer.called.store(true, Ordering::SeqCst);
            writer.call.notify_one();
        }
    }

    /// Counts what has come of an upload before this process began.
    pub(crate) fn count(&self, upload: &ResumableUpload) {
        self.writer(upload);
    }

    fn writer(&self, upload: &ResumableUpload) -> Arc<Writer> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let mut staged = self.staging.begin(upload.project_id);
            staged.add(upload.received);
            let staged = Arc::new(tokio::sync::Mutex::new(staged));
            Arc::new(Writer {
                staged,
                waiting: AtomicUsize::new(0),
                call: Notify::new(),
                called: AtomicBool::new(false),
            })
        };
        all.entry(upload.id).or_insert_with(new).clone()
    }

    /// Forgets an upload that has become an asset or is gone: its bytes count no more.
    pub(crate) fn forget(&self, id: UploadId) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Those that are counted.
    pub(crate) fn ids(&self) -> Vec<UploadId> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

impl Turn {
    /// The same among servers that share a folder, whose lock this is.
    pub(crate) fn everywhere(self, lock: File) -> Turn {
        Turn { _everywhere: Some(lock), ..self }
    }

    /// Resolves when somebody else wants to write.
    pub(crate) async fn is_wanted(&self) {
        let is_wanted =
            || self.writer.waiting.load(Ordering::SeqCst) > 0 || self.writer.called.load(Ordering::SeqCst);
        while !is_wanted() {
            self.writer.call.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(received: u64) -> ResumableUpload {
        ResumableUpload {
            id: UploadId(1),
            project_id: ProjectId(1),
            filename: "a".into(),
            metadata: String::new(),
            sha256: None,
            size: 10,
            received,
            asset_id: None,
            created: Timestamp(0),
            expires: Timestamp(0),
            file: "f".into(),
        }
    }

    #[tokio::test]
    async fn whoever_comes_next_calls_on_who_writes() {
        let staging = Staging::default();
        let writers = Writers::new(staging.clone());
        let upload = upload(4);
        let first = writers.turn(&upload).await;
        let mut other = staging.begin(ProjectId(1));
        assert_eq!(other.add(1), 5, "what had come before counts, too");
        // One that gives up waiting leaves the first alone.
        {
            let gone = writers.turn(&upload);
            tokio::pin!(gone);
            assert!(futures::poll!(&mut gone).is_pending());
            assert!(futures::poll!(std::pin::pin!(first.is_wanted())).is_ready());
        }
        assert!(futures::poll!(std::pin::pin!(first.is_wanted())).is_pending());
        let next = writers.turn(&upload);
        tokio::pin!(next);
        assert!(futures::poll!(&mut next).is_pending());
        first.is_wanted().await;
        drop(first);
        drop(next.await);
        writers.forget(UploadId(1));
        assert_eq!(other.add(0), 1);
    }
}
