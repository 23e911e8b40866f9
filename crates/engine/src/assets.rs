//! Assets: uploads of any size at flat memory, and their rows.

use crate::blobs::{Blobs, Staged};
use crate::engine::{Blob, Engine, Inner, uninterrupted};
use crate::error::{EngineError, FieldError};
use crate::filename::check_filename;
use crate::model::*;
use crate::store::Result;
use bytes::Bytes;
use std::ops::Range;
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
    staged: Writing,
}

/// The file, here or in the hands of the thread that writes the last gathering to it.
enum Writing {
    Here(Staged),
    There(JoinHandle<std::io::Result<Staged>>),
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
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes >= GATHER { self.flush().await } else { Ok(()) }
    }

    /// Waits for the gathering before, then hands this one to a thread: the next arrives meanwhile.
    async fn flush(&mut self) -> Result<()> {
        let mut staged = self.staged().await?;
        let chunks = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let write = move || chunks.iter().try_for_each(|c| staged.write(c)).map(|()| staged);
        self.staged = Writing::There(tokio::task::spawn_blocking(write));
        Ok(())
    }

    async fn staged(&mut self) -> Result<Staged> {
        // Awaited by reference: a caller that gives up in between leaves the upload whole.
        if let Writing::There(thread) = &mut self.staged {
            let written = thread.await?;
            self.staged = Writing::Broken;
            return Ok(written?);
        }
        match std::mem::replace(&mut self.staged, Writing::Broken) {
            Writing::Here(staged) => Ok(staged),
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
    pub async fn finish(mut self, caller: &Caller, project: ProjectId, filename: &str) -> Result<Asset> {
        check_filename(filename).map_err(refused)?;
        self.engine.inner.store.check_project(caller, project, true).await?;
        let staged = self.complete().await?;
        let (inner, filename) = (self.engine.inner.clone(), filename.to_owned());
        uninterrupted(async move {
            let placing = inner.blobs.placing().await?;
            let blob = inner.blobs.place(staged, &placing).await?;
            inner.store.insert_asset(project, &filename, &blob, Timestamp::now()).await
        })
        .await
    }

    /// Makes the upload durable and then the content of an existing asset.
    pub async fn replace(
        mut self,
        caller: &Caller,
        project: ProjectId,
        asset: AssetId,
        filename: &str,
    ) -> Result<Asset> {
        check_filename(filename).map_err(refused)?;
        self.engine.inner.store.check_project(caller, project, true).await?;
        let staged = self.complete().await?;
        let (engine, filename) = (self.engine.clone(), filename.to_owned());
        uninterrupted(async move {
            let Inner { store, blobs, .. } = &*engine.inner;
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

fn too_large(limit: u64) -> EngineError {
    EngineError::TooLarge(format!(
        "the upload is larger than the limit of {limit} bytes that setting max_upload sets"
    ))
}

impl Engine {
    /// Refuses an upload of about so many bytes that will not fit into the project, before its bytes come.
    pub async fn check_room(&self, project: ProjectId, bytes: u64) -> Result<()> {
        self.inner.store.check_room(project, bytes).await
    }

    /// Starts an upload.
    pub async fn begin_upload(&self) -> Result<Upload> {
        let blobs: Blobs = self.inner.blobs.clone();
        let staged = tokio::task::spawn_blocking(move || blobs.stage()).await??;
        Ok(Upload {
            engine: self.clone(),
            limit: self.inner.config.max_upload_bytes,
            size: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            staged: Writing::Here(staged),
        })
    }

    /// One asset.
    pub async fn get_asset(&self, caller: &Caller, project: ProjectId, id: AssetId) -> Result<Asset> {
        self.inner.store.check_project(caller, project, false).await?;
        self.inner.store.asset(project, id).await
    }

    /// Assets of a project.
    pub async fn list_assets(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: &ListQuery,
    ) -> Result<Vec<Asset>> {
        self.inner.store.check_project(caller, project, false).await?;
        self.inner.store.assets(project, query).await
    }

    /// Deletes an asset; its blob stays while anything needs it.
    pub async fn delete_asset(&self, caller: &Caller, project: ProjectId, id: AssetId) -> Result<()> {
        self.inner.store.check_project(caller, project, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let blob = engine.inner.store.delete_asset(project, id).await?;
            engine.sweep(vec![blob]).await;
            Ok(())
        })
        .await
    }

    /// The bytes of a blob, or of `range` of it (cut at the end).
    pub async fn open_blob(&self, sha256: &str, range: Option<Range<u64>>) -> Result<Blob> {
        self.inner.blobs.read(sha256, range).await
    }

    /// Deletes the blobs that nothing refers to any more. What fails here is found by the next
    /// sweep of the whole folder, so it does not fail the request.
    pub(crate) async fn sweep(&self, candidates: Vec<String>) {
        if let Err(e) = self.inner.blobs.sweep(&self.inner.store, candidates).await {
            tracing::warn!("cannot sweep blobs: {e}");
        }
    }
}

/// The text of [`check_filename`] names the field already.
fn refused(msg: String) -> EngineError {
    let field = "filename".to_owned();
    EngineError::Invalid { message: msg.clone(), errors: vec![FieldError { field, msg }] }
}
