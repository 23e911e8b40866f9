//! Assets as they are seen and deleted.

use super::Engine;
use crate::blobs::Blob;
use crate::core::uninterrupted;
use crate::error::{EngineError, Result};
use crate::model::*;
use crate::upkeep;
use std::ops::Range;

impl Engine {
    /// Refuses an upload of about so many bytes that will not fit into the project, before its bytes come.
    pub async fn check_room(&self, project: ProjectId, bytes: u64) -> Result<()> {
        self.core.store.check_room(project, bytes).await
    }

    /// One asset.
    pub async fn get_asset(&self, caller: &Caller, project: ProjectId, id: AssetId) -> Result<Asset> {
        self.core.store.check_project(caller, project, false).await?;
        self.core.store.asset(project, id).await
    }

    /// Deletes an asset; its blob stays while anything needs it.
    pub async fn delete_asset(&self, caller: &Caller, project: ProjectId, id: AssetId) -> Result<()> {
        self.core.store.check_project(caller, project, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let blob = engine.core.store.delete_asset(project, id).await?;
            engine.sweep(vec![blob]).await;
            Ok(())
        })
        .await
    }

    /// Whether an asset exists and has these bytes.
    pub async fn has_bytes(&self, project: ProjectId, id: AssetId, sha256: &str) -> Result<bool> {
        match self.core.store.asset(project, id).await {
            Ok(asset) => Ok(asset.sha256 == sha256),
            Err(EngineError::NotFound(_)) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The bytes of a blob that an asset names, or of `range` of it (cut at the end).
    pub async fn open_blob(&self, sha256: &str, range: Option<Range<u64>>) -> Result<Blob> {
        // A link outlives its asset, not its right to the bytes.
        let size = self.core.store.blob_size(sha256).await?;
        let size = size.ok_or_else(|| EngineError::NotFound(format!("blob {sha256:?}")))?;
        self.core.blobs.read(sha256, size, range).await
    }

    /// Deletes the blobs that nothing refers to any more. What fails here is found by the next
    /// sweep of the whole folder, so it does not fail the request.
    pub(crate) async fn sweep(&self, candidates: Vec<String>) {
        if let Err(e) = upkeep::sweep(&self.core.blobs, &self.core.store, candidates).await {
            tracing::warn!("cannot sweep blobs: {e}");
        }
    }
}
