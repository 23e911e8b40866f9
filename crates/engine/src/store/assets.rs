//! Rows of assets, and which blobs anything still needs.

use super::db::Row;
use super::meta::count_blob_rows;
use super::uploads::missing as missing_upload;
use super::{Of, Store, db, rows, sql};
use crate::blobs::PlacedBlob;
use crate::error::{EngineError, Result};
use crate::model::*;

fn missing(id: AssetId) -> EngineError {
    EngineError::NotFound(format!("asset {id}"))
}

impl Store {
    /// The newest asset of this filename.
    pub(crate) async fn newest_asset(&self, project: ProjectId, filename: &str) -> Result<Option<Asset>> {
        let row = db::query(sql::ASSET_NEWEST).bind(project.0).bind(filename);
        row.fetch_optional(self.reader()).await?.as_ref().map(rows::asset).transpose()
    }

    /// The newest assets of a project, newest first.
    pub(crate) async fn newest_assets(&self, project: ProjectId, most: u32) -> Result<Vec<Asset>> {
        let rows = db::query(sql::ASSETS_NEWEST).bind(project.0).bind(most);
        rows.fetch_all(self.reader()).await?.iter().map(rows::asset).collect()
    }

    /// Writes the row of an asset; in the same transaction the upload `of` which it is has become it, once and for all.
    pub(crate) async fn insert_asset(
        &self,
        project: ProjectId,
        filename: &str,
        blob: &PlacedBlob,
        of: Option<UploadId>,
        now: Timestamp,
    ) -> Result<Asset> {
        let mut tx = self.begin(Of::Project(project)).await?;
        // The project may have been deleted while the upload ran.
        let exists = db::query(sql::PROJECT_EXISTS).bind(project.0).fetch_optional(&mut *tx).await?;
        exists.ok_or_else(|| EngineError::NotFound(format!("project {project}")))?;
        self.limits.check_bytes(&mut tx, project, blob.size).await?;
        let row = db::query(sql::ASSET_INSERT)
            .bind(project.0)
            .bind(None::<i64>)
            .bind(filename)
            .bind(blob.size as i64)
            .bind(&blob.sha256)
            .bind(now.0)
            .bind(None::<&str>)
            .fetch_one(&mut *tx)
            .await?;
        let asset = rows::asset(&row)?;
        if let Some(upload) = of {
            let done = db::query(sql::UPLOAD_DONE).bind(upload.0).bind(asset.id.0);
            done.fetch_optional(&mut *tx).await?.ok_or_else(|| missing_upload(upload))?;
        }
        let blob_rows = count_blob_rows(&mut tx).await?;
        tx.commit().await?;
        self.blob_rows_committed(blob_rows);
        self.asset_changed(project, asset.id);
        Ok(asset)
    }

    /// The asset with its new content, and the checksum of the old one.
    pub(crate) async fn replace_asset(
        &self,
        project: ProjectId,
        id: AssetId,
        filename: &str,
        blob: &PlacedBlob,
        now: Timestamp,
    ) -> Result<(Asset, String)> {
        let mut tx = self.begin(Of::Project(project)).await?;
        let old = db::query(sql::ASSET_GET).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let old = rows::asset(&old.ok_or_else(|| missing(id))?)?;
        self.limits.check_bytes(&mut tx, project, blob.size.saturating_sub(old.size)).await?;
        let row = db::query(sql::ASSET_REPLACE)
            .bind(id.0)
            .bind(filename)
            .bind(blob.size as i64)
            .bind(&blob.sha256)
            .bind(now.0)
            .fetch_one(&mut *tx)
            .await?;
        let blob_rows = count_blob_rows(&mut tx).await?;
        tx.commit().await?;
        self.blob_rows_committed(blob_rows);
        self.asset_changed(project, id);
        Ok((rows::asset(&row)?, old.sha256))
    }

    pub(crate) async fn asset(&self, project: ProjectId, id: AssetId) -> Result<Asset> {
        let row = db::query(sql::ASSET_GET).bind(id.0).bind(project.0).fetch_optional(self.reader()).await?;
        rows::asset(&row.ok_or_else(|| missing(id))?)
    }

    /// Deletes the row and returns the checksum it had.
    pub(crate) async fn delete_asset(&self, project: ProjectId, id: AssetId) -> Result<String> {
        let deleted = self.write_one(db::query(sql::ASSET_DELETE).bind(id.0).bind(project.0)).await?;
        let deleted = deleted.ok_or_else(|| missing(id))?;
        self.asset_changed(project, id);
        Ok(deleted.try_get(0)?)
    }

    /// Bytes of a blob as its assets say; `None` when none names it.
    pub(crate) async fn blob_size(&self, sha256: &str) -> Result<Option<u64>> {
        let size = db::query_scalar(sql::BLOB_SIZE).bind(sha256).fetch_optional(self.reader()).await?;
        Ok(size.map(|bytes: i64| bytes.max(0) as u64))
    }

    /// Assets that name a blob, the first few, for people.
    pub(crate) async fn blob_assets(&self, sha256: &str) -> Result<Vec<String>> {
        let rows = db::query(sql::BLOB_ASSETS).bind(sha256).fetch_all(self.reader()).await?;
        let show = |row: &Row| {
            let asset = rows::asset(row)?;
            Ok(format!("asset {} ({:?}) of project {}", asset.id, asset.filename, asset.project_id))
        };
        rows.iter().map(show).collect()
    }

    /// Checksums between two texts that assets name.
    pub(crate) async fn blobs_between(&self, from: &str, to: &str) -> Result<Vec<String>> {
        let found = db::query_scalar(sql::BLOBS_BETWEEN).bind(from).bind(to);
        Ok(found.fetch_all(self.reader()).await?)
    }

    /// Whether an asset or an unfinished job refers to the blob.
    pub(crate) async fn needs_blob(&self, sha256: &str) -> Result<bool> {
        for statement in [sql::BLOB_IN_ASSET, sql::BLOB_IN_JOB] {
            if db::query(statement).bind(sha256).fetch_optional(self.reader()).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
