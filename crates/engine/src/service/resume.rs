//! Uploads that go on after a cut: begun, gone on with, seen, made assets, forgotten.

use super::Engine;
use super::resumed::{Resumed, too_long};
use super::turn::turn;
use super::upload::{publish, refused, too_large};
use crate::core::{Core, uninterrupted};
use crate::error::{EngineError, Result};
use crate::filename::check_filename;
use crate::model::*;
use crate::resumable::expiry;
use crate::store::uploads::missing;

impl Engine {
    /// Begins an upload that may come in pieces; one without bytes is an asset at once.
    pub async fn begin_resumable(
        &self,
        caller: &Caller,
        project: ProjectId,
        new: NewResumable,
    ) -> Result<ResumableUpload> {
        self.core.store.check_project(caller, project, true).await?;
        check_filename(&new.filename).map_err(refused)?;
        let config = &self.core.config;
        if new.size > config.max_upload_bytes {
            return Err(too_large(config.max_upload_bytes));
        }
        let now = Timestamp::now();
        let (most, expires) = (config.max_open_uploads, expiry(now, config.upload_lifetime));
        let core = self.core.clone();
        let insert = async move { core.store.insert_upload(project, &new, most, (now, expires)).await };
        let upload = uninterrupted(insert).await?;
        if upload.is_whole() { self.publish_upload(upload).await } else { Ok(upload) }
    }

    /// Uploads of a project that have begun and not ended, newest first.
    pub async fn open_uploads(&self, caller: &Caller, project: ProjectId) -> Result<Vec<ResumableUpload>> {
        self.core.store.check_project(caller, project, true).await?;
        self.core.store.open_uploads(project, Timestamp::now()).await
    }

    /// One upload; if all of it is there and it is no asset yet, because the process or its client ended too soon, it becomes one.
    pub async fn get_upload(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: UploadId,
    ) -> Result<ResumableUpload> {
        let upload = self.live_upload(caller, project, id).await?;
        let is_unfinished = upload.is_whole() && upload.asset_id.is_none();
        if is_unfinished { self.publish_upload(upload).await } else { Ok(upload) }
    }

    async fn live_upload(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: UploadId,
    ) -> Result<ResumableUpload> {
        self.core.store.check_project(caller, project, true).await?;
        let upload = self.core.store.upload(project, id).await?;
        if upload.expires <= Timestamp::now() {
            let text = format!(
                "upload {id} has expired: nothing came of it for longer than setting upload_lifetime allows"
            );
            return Err(EngineError::Gone(text));
        }
        Ok(upload)
    }

    /// Begins to receive a piece of an upload that starts at byte `offset`; `bytes` of it are to come, where that is known. Whoever was
    /// sending another piece is made to end it: it is the same client, as a rule, that has lost the way to us.
    pub async fn resume_upload(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: UploadId,
        offset: u64,
        bytes: Option<u64>,
        checksum: Option<PieceChecksum>,
    ) -> Result<Resumed> {
        let upload = self.live_upload(caller, project, id).await?;
        let turn = turn(&self.core, &upload).await?;
        // As the one before has left it.
        let upload =
            self.core.store.upload(project, id).await.inspect_err(|_| self.core.writers.forget(id))?;
        if offset != upload.received {
            let received = upload.received;
            let text = format!("upload {id} goes on at byte {received}, not at byte {offset}");
            return Err(EngineError::Conflict(text));
        }
        if bytes.is_some_and(|bytes| bytes > upload.size - upload.received) {
            return Err(too_long(&upload));
        }
        let room = self.core.store.room(project).await?;
        Resumed::open(self.core.clone(), upload, turn, room, checksum).await
    }

    /// Makes an asset of an upload of which all bytes are there; else leaves it as it is.
    pub async fn publish_upload(&self, upload: ResumableUpload) -> Result<ResumableUpload> {
        if !upload.is_whole() || upload.asset_id.is_some() {
            return Ok(upload);
        }
        let core = self.core.clone();
        uninterrupted(async move {
            let _turn = turn(&core, &upload).await?;
            // Somebody else may have done it meanwhile.
            let upload = core.store.upload(upload.project_id, upload.id).await?;
            if !upload.is_whole() || upload.asset_id.is_some() {
                Ok(upload)
            } else {
                become_asset(&core, upload).await
            }
        })
        .await
    }

    /// Forgets an upload with all that has come of it. An asset that it has become stays.
    pub async fn delete_upload(&self, caller: &Caller, project: ProjectId, id: UploadId) -> Result<()> {
        let upload = self.live_upload(caller, project, id).await?;
        let core = self.core.clone();
        uninterrupted(async move {
            let _turn = turn(&core, &upload).await?;
            if !core.store.delete_upload(id).await? {
                return Err(missing(id));
            }
            remove(&core, &upload).await
        })
        .await
    }
}

async fn become_asset(core: &Core, upload: ResumableUpload) -> Result<ResumableUpload> {
    let (blobs, file, is_empty) = (core.blobs.clone(), upload.file.clone(), upload.size == 0);
    let stage = move || if is_empty { blobs.stage() } else { blobs.stage_upload(&file) };
    let staged = tokio::task::spawn_blocking(stage).await??;
    if upload.sha256.as_ref().is_some_and(|expected| *expected != staged.sha256()) {
        let (id, found) = (upload.id, staged.sha256());
        core.store.delete_upload(id).await?;
        remove(core, &upload).await?;
        let text = format!(
            "what came of upload {id} has the checksum sha256:{found}, not the one that was told when it began"
        );
        return Err(EngineError::Mismatch(text));
    }
    let asset = publish(core, upload.project_id, &upload.filename, staged, Some(upload.id)).await?;
    remove(core, &upload).await?;
    Ok(ResumableUpload { asset_id: Some(asset.id), ..upload })
}

/// Removes the bytes of an upload that nothing needs any more.
async fn remove(core: &Core, upload: &ResumableUpload) -> Result<()> {
    core.writers.forget(upload.id);
    let path = core.blobs.upload_file(&upload.file);
    match tokio::task::spawn_blocking(move || std::fs::remove_file(path)).await? {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            // The next sweep finds it.
            tracing::warn!("the file of upload {} cannot be removed: {e}", upload.id);
            Ok(())
        }
        _ => Ok(()),
    }
}
