//! Uploads of any size at flat memory.

use super::Engine;
use crate::blobs::{Blobs, Staged};
use crate::core::{Core, uninterrupted};
use crate::error::{EngineError, FieldError, Result};
use crate::filename::check_filename;
use crate::model::*;
use crate::staging::StagedBytes;
use crate::store::Room;
use bytes::Bytes;
use tokio::task::JoinHandle;

/// Bytes gathered before they are written: a network read is far smaller than a good disk write.
const GATHER: usize = 1 << 20;

/// An upload in progress; dropping it forgets what was written.
pub struct Upload {
    engine: Engine,
    limit: u64,
    size: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    staged: StagedFile,
    /// Where it goes, how much its project may still take, and what is on the way to it.
    project: ProjectId,
    room: Option<Room>,
    on_the_way: StagedBytes,
}

/// The file, here or in the hands of the thread that writes the last gathering to it.
enum StagedFile {
    Idle(Staged),
    Writing(JoinHandle<std::io::Result<Staged>>),
    Broken,
}

impl Upload {
    /// Appends to the blob; memory stays flat.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            let limit = self.limit;
            return Err(too_large(limit));
        }
        let on_the_way = self.on_the_way.add(chunk.len() as u64);
        if let Some(room) = &self.room {
            room.check(self.project, on_the_way)?;
        }
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes >= GATHER { self.flush().await } else { Ok(()) }
    }

    /// Waits for the gathering before, then hands this one to a thread: the next arrives meanwhile.
    async fn flush(&mut self) -> Result<()> {
        let mut staged = self.staged().await?;
        if self.engine.core.disk_room()? < self.gathered_bytes as u64 {
            return Err(EngineError::Full);
        }
        let chunks = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let write = move || chunks.iter().try_for_each(|c| staged.write(c)).map(|()| staged);
        self.staged = StagedFile::Writing(tokio::task::spawn_blocking(write));
        Ok(())
    }

    async fn staged(&mut self) -> Result<Staged> {
        // Awaited by reference: a caller that gives up in between leaves the upload whole.
        if let StagedFile::Writing(thread) = &mut self.staged {
            let written = thread.await?;
            self.staged = StagedFile::Broken;
            return Ok(written?);
        }
        match std::mem::replace(&mut self.staged, StagedFile::Broken) {
            StagedFile::Idle(staged) => Ok(staged),
            _ => Err(anyhow::anyhow!("the upload has failed before").into()),
        }
    }

    /// All bytes in the file. An upload that was refused in the middle is never taken for whole.
    async fn complete(&mut self) -> Result<Staged> {
        self.check_size()?;
        self.flush().await?;
        self.staged().await
    }

    fn check_size(&self) -> Result<()> {
        if self.size <= self.limit {
            return Ok(());
        }
        let limit = self.limit;
        Err(too_large(limit))
    }

    /// Makes the upload durable and then visible as a new asset.
    pub async fn finish(mut self, caller: &Caller, filename: &str) -> Result<Asset> {
        check_filename(filename).map_err(refused)?;
        let project = self.project;
        self.engine.core.store.check_project(caller, project, true).await?;
        let staged = self.complete().await?;
        let (core, filename) = (self.engine.core.clone(), filename.to_owned());
        uninterrupted(async move { publish(&core, project, &filename, staged, None).await }).await
    }

    /// Makes the upload durable and then the content of an existing asset.
    pub async fn replace(mut self, caller: &Caller, asset: AssetId, filename: &str) -> Result<Asset> {
        check_filename(filename).map_err(refused)?;
        let project = self.project;
        self.engine.core.store.check_project(caller, project, true).await?;
        let mut staged = self.complete().await?;
        let (engine, filename) = (self.engine.clone(), filename.to_owned());
        uninterrupted(async move {
            let Core { store, blobs, .. } = &*engine.core;
            blobs.send(&mut staged).await?;
            let placing = blobs.placing().await?;
            let blob = blobs.place(staged, &placing).await?;
            let now = Timestamp::now();
            let (asset, old) = store.replace_asset(project, asset, &filename, &blob, now).await?;
            drop(placing);
            engine.sweep(vec![old]).await;
            Ok(asset)
        })
        .await
    }
}

/// Makes staged bytes durable and then visible as a new asset, which is what the upload `of` has become.
pub(super) async fn publish(
    core: &Core,
    project: ProjectId,
    filename: &str,
    mut staged: Staged,
    of: Option<UploadId>,
) -> Result<Asset> {
    core.blobs.send(&mut staged).await?;
    let placing = core.blobs.placing().await?;
    let blob = core.blobs.place(staged, &placing).await?;
    core.store.insert_asset(project, filename, &blob, of, Timestamp::now()).await
}

pub(super) fn too_large(limit: u64) -> EngineError {
    EngineError::TooLarge(format!(
        "the upload is larger than the limit of {limit} bytes that setting max_upload sets"
    ))
}

impl Engine {
    /// Starts an upload to a project that takes the place of `replaced` bytes. Its own count towards the project's quota from
    /// the first on.
    pub async fn begin_upload(&self, project: ProjectId, replaced: u64) -> Result<Upload> {
        let room = self.core.store.room(project).await?.map(|room| room.with(replaced));
        let blobs: Blobs = self.core.blobs.clone();
        let staged = tokio::task::spawn_blocking(move || blobs.stage()).await??;
        Ok(Upload {
            engine: self.clone(),
            limit: self.core.config.max_upload_bytes,
            size: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            staged: StagedFile::Idle(staged),
            project,
            room,
            on_the_way: self.core.staging.begin(project),
        })
    }
}

/// The text of [`check_filename`] names the field already.
pub(super) fn refused(msg: String) -> EngineError {
    let field = "filename".to_owned();
    EngineError::Invalid { message: msg.clone(), errors: vec![FieldError { field, msg }] }
}
