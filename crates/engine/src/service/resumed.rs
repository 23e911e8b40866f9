//! One piece of an upload that goes on after a cut: what has come of it is kept, however it ends.

use crate::core::Core;
use crate::error::{EngineError, Result};
use crate::model::*;
use crate::resumable::{PieceChecksum, PieceHash, ResumableUpload, Turn, expiry};
use crate::store::Room;
use anyhow::Context;
use bytes::Bytes;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes gathered before they are written.
const GATHER: usize = 1 << 20;
/// What has come is made durable and noted after so many bytes, or so much time: a crash costs no more.
const NOTE_BYTES: u64 = 32 << 20;
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// A piece that is being received. When it is dropped, what has come is noted by a task of its own.
pub struct Resumed(Option<Piece>);

struct Piece {
    core: Arc<Core>,
    upload: ResumableUpload,
    turn: Turn,
    room: Option<Room>,
    /// `None` when nothing more may come.
    file: Option<Arc<File>>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    /// Bytes of the whole that are in the file.
    written: u64,
    /// The disk has refused to make bytes durable. It may have forgotten them, and says of the next try that all is well.
    is_lost: bool,
    noted: Instant,
    check: Option<Check>,
}

/// The checksum of a piece in the making.
struct Check {
    hash: Hash,
    expected: Vec<u8>,
}

enum Hash {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Check {
    fn new(checksum: PieceChecksum) -> Check {
        let hash = match checksum.algorithm {
            PieceHash::Sha1 => Hash::Sha1(Sha1::new()),
            PieceHash::Sha256 => Hash::Sha256(Sha256::new()),
        };
        Check { hash, expected: checksum.digest }
    }

    fn update(&mut self, bytes: &[u8]) {
        match &mut self.hash {
            Hash::Sha1(hash) => hash.update(bytes),
            Hash::Sha256(hash) => hash.update(bytes),
        }
    }

    fn holds(self) -> bool {
        match self.hash {
            Hash::Sha1(hash) => hash.finalize().as_slice() == self.expected,
            Hash::Sha256(hash) => hash.finalize().as_slice() == self.expected,
        }
    }
}

impl Resumed {
    /// A piece behind what has been received of `upload`.
    pub(super) async fn open(
        core: Arc<Core>,
        upload: ResumableUpload,
        turn: Turn,
        room: Option<Room>,
        checksum: Option<PieceChecksum>,
    ) -> Result<Resumed> {
        let file = match upload.is_whole() {
            true => None,
            false => Some(open_file(&core, &upload).await?),
        };
        let piece = Piece {
            written: upload.received,
            is_lost: false,
            core,
            upload,
            turn,
            room,
            file,
            gathered: Vec::new(),
            gathered_bytes: 0,
            noted: Instant::now(),
            check: checksum.map(Check::new),
        };
        Ok(Resumed(Some(piece)))
    }

    fn piece(&mut self) -> Result<&mut Piece> {
        Ok(self.0.as_mut().context("the piece has ended before")?)
    }

    /// Appends to the upload; memory stays flat. What is refused, and what comes after it, is not kept.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.piece()?.write(chunk).await
    }

    /// Resolves when another request wants to go on with this upload, or to end it: whoever sends this piece is gone, as a rule.
    pub async fn is_wanted(&self) {
        match &self.0 {
            Some(piece) => piece.turn.is_wanted().await,
            None => std::future::pending().await,
        }
    }

    /// Makes what has come durable; the upload as it is now. A piece that has not its checksum is forgotten.
    pub async fn end(mut self) -> Result<ResumableUpload> {
        let piece = self.0.take().context("the piece has ended before")?;
        // To its end, whoever waits for it.
        tokio::spawn(piece.end()).await?
    }
}

impl Drop for Resumed {
    fn drop(&mut self) {
        let (Some(piece), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            if let Err(e) = piece.end().await {
                tracing::debug!("what has come of an upload was not kept: {e}");
            }
        });
    }
}

impl Piece {
    fn held(&self) -> u64 {
        self.written + self.gathered_bytes as u64
    }

    async fn write(&mut self, chunk: Bytes) -> Result<()> {
        let more = chunk.len() as u64;
        if more == 0 {
            return Ok(());
        }
        if more > self.upload.size - self.held() {
            return Err(too_long(&self.upload));
        }
        let on_the_way = self.turn.staged.add(more);
        if let Some(room) = &self.room {
            room.check(self.upload.project_id, on_the_way)?;
        }
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes >= GATHER {
            self.flush().await?;
            let unnoted = self.written - self.upload.received;
            // One with a checksum counts whole or not at all.
            let is_due = unnoted >= NOTE_BYTES || self.noted.elapsed() >= NOTE_EVERY;
            if is_due && self.check.is_none() {
                self.note().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let (chunks, bytes) = (std::mem::take(&mut self.gathered), std::mem::take(&mut self.gathered_bytes));
        if self.core.disk_room()? < bytes as u64 {
            return Err(EngineError::Full);
        }
        let file = self.file.clone().context("the upload is whole")?;
        let mut check = self.check.take();
        let write = move || {
            for chunk in &chunks {
                (&*file).write_all(chunk)?;
                if let Some(check) = &mut check {
                    check.update(chunk);
                }
            }
            std::io::Result::Ok(check)
        };
        self.check = tokio::task::spawn_blocking(write).await??;
        self.written += bytes as u64;
        Ok(())
    }

    /// Makes what is in the file durable, and only then writes down that it is there.
    async fn note(&mut self) -> Result<()> {
        if let Some(file) = self.file.clone() {
            let synced = tokio::task::spawn_blocking(move || file.sync_data()).await?;
            self.is_lost |= synced.is_err();
            synced?;
        }
        let lifetime = self.core.config.upload_lifetime;
        let expires = expiry(Timestamp::now(), lifetime);
        self.upload = self.core.store.upload_received(self.upload.id, self.written, expires).await?;
        self.noted = Instant::now();
        Ok(())
    }

    async fn end(mut self) -> Result<ResumableUpload> {
        let had_checksum = self.check.is_some();
        // What comes behind bytes that are lost is of no use: the next piece begins before them.
        let flushed = if self.is_lost { Ok(()) } else { self.flush().await };
        // A flush that fails takes the checksum with it.
        let holds = !had_checksum || self.check.take().is_some_and(Check::holds);
        if !holds || self.is_lost {
            self.written = self.upload.received;
        }
        let is_noted = self.is_lost || self.upload.asset_id.is_some();
        let noted = if is_noted { Ok(()) } else { self.note().await };
        let surplus = self.turn.staged.bytes().saturating_sub(self.upload.received);
        if self.upload.asset_id.is_none() {
            self.turn.staged.remove(surplus);
        }
        flushed?;
        noted?;
        if !holds {
            let text =
                format!("what came of upload {} has not the checksum that its sender gave", self.upload.id);
            return Err(EngineError::Mismatch(text));
        }
        Ok(self.upload)
    }
}

pub(super) fn too_long(upload: &ResumableUpload) -> EngineError {
    let ResumableUpload { id, size, received, .. } = upload;
    EngineError::TooLarge(format!(
        "upload {id} has {size} bytes, behind byte {received} no more than {} fit",
        size - received
    ))
}

/// The file of an upload with all that was noted of it and nothing else, open at its end.
async fn open_file(core: &Arc<Core>, upload: &ResumableUpload) -> Result<Arc<File>> {
    let (path, received, id) = (core.blobs.upload_file(&upload.file), upload.received, upload.id);
    let open = move || {
        let mut file = File::options().write(true).create(received == 0).truncate(false).open(&path)?;
        if received == 0 {
            path.parent().map_or(Ok(()), crate::data_folder::sync_folder)?;
        }
        let found = file.metadata()?.len();
        if found > received {
            file.set_len(received)?;
        }
        file.seek(SeekFrom::Start(received))?;
        std::io::Result::Ok((file, found))
    };
    match tokio::task::spawn_blocking(open).await? {
        Ok((file, found)) if found >= received => Ok(Arc::new(file)),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => {
            tracing::error!("upload {id}: {received} bytes of it were received, and its file has fewer");
            core.store.delete_upload(id).await?;
            core.writers.forget(id);
            Err(EngineError::Gone(format!("what had come of upload {id} is lost, it has to be begun again")))
        }
    }
}
