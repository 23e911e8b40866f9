//! Rows of uploads that go on after a cut.

use super::db::Row;
use super::{Of, Store, db, sql};
use crate::error::{EngineError, Result};
use crate::model::*;
use crate::resumable::{NewResumable, ResumableUpload};

/// How long a client that found too many uploads may wait before it asks again.
const RETRY_S: u64 = 30;

pub(crate) fn missing(id: UploadId) -> EngineError {
    EngineError::NotFound(format!("upload {id}"))
}

fn upload(row: &Row) -> Result<ResumableUpload> {
    let bytes = |column: &str| -> Result<u64> { Ok(row.try_get::<i64, _>(column)?.max(0) as u64) };
    Ok(ResumableUpload {
        id: UploadId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        filename: row.try_get("filename")?,
        metadata: row.try_get("metadata")?,
        sha256: row.try_get("sha256")?,
        size: bytes("size")?,
        received: bytes("received")?,
        asset_id: row.try_get::<Option<i64>, _>("asset_id")?.map(AssetId),
        created: Timestamp(row.try_get("created")?),
        expires: Timestamp(row.try_get("expires")?),
        file: row.try_get("file")?,
    })
}

impl Store {
    /// Writes down an upload of which nothing has come yet, unless `most` of its project have begun and are no assets yet.
    pub(crate) async fn insert_upload(
        &self,
        project: ProjectId,
        new: &NewResumable,
        most: u64,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<ResumableUpload> {
        let mut tx = self.begin(Of::Project(project)).await?;
        // The project may have been deleted since it was looked at.
        let exists = db::query(sql::PROJECT_EXISTS).bind(project.0).fetch_optional(&mut *tx).await?;
        exists.ok_or_else(|| EngineError::NotFound(format!("project {project}")))?;
        let open: i64 = db::query_scalar(sql::UPLOADS_OPEN).bind(project.0).fetch_one(&mut *tx).await?;
        if open.max(0) as u64 >= most {
            let message = format!(
                "project {project} has {open} uploads that have begun and not ended, as many as setting max_open_uploads allows; \
                 end or delete some"
            );
            return Err(EngineError::Busy { message, retry_after_s: RETRY_S });
        }
        self.limits.check_bytes(&mut tx, project, new.size).await?;
        let row = db::query(sql::UPLOAD_INSERT)
            .bind(project.0)
            .bind(hex::encode(rand::random::<[u8; 16]>()))
            .bind(&new.filename)
            .bind(&new.metadata)
            .bind(&new.sha256)
            .bind(new.size.cast_signed())
            .bind(now.0)
            .bind(expires.0)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        upload(&row)
    }

    /// One upload, however old.
    pub(crate) async fn upload(&self, project: ProjectId, id: UploadId) -> Result<ResumableUpload> {
        let row = db::query(sql::UPLOAD_GET).bind(id.0).bind(project.0);
        upload(&row.fetch_optional(self.reader()).await?.ok_or_else(|| missing(id))?)
    }

    /// The uploads of a project that are no assets yet and not too old, newest first.
    pub(crate) async fn open_uploads(
        &self,
        project: ProjectId,
        now: Timestamp,
    ) -> Result<Vec<ResumableUpload>> {
        let rows = db::query(sql::UPLOADS_OF).bind(project.0).bind(now.0);
        rows.fetch_all(self.reader()).await?.iter().map(upload).collect()
    }

    /// All uploads.
    pub(crate) async fn every_upload(&self) -> Result<Vec<ResumableUpload>> {
        db::query(sql::UPLOADS_ALL).fetch_all(self.reader()).await?.iter().map(upload).collect()
    }

    /// Notes that so many bytes are on disk; nothing when it is gone.
    pub(crate) async fn upload_received(
        &self,
        id: UploadId,
        received: u64,
        expires: Timestamp,
    ) -> Result<ResumableUpload> {
        let set = db::query(sql::UPLOAD_RECEIVED).bind(id.0).bind(received.cast_signed()).bind(expires.0);
        upload(&self.write_one(set).await?.ok_or_else(|| missing(id))?)
    }

    /// Deletes an upload; whether it was there.
    pub(crate) async fn delete_upload(&self, id: UploadId) -> Result<bool> {
        Ok(self.write_one(db::query(sql::UPLOAD_DELETE).bind(id.0)).await?.is_some())
    }
}
