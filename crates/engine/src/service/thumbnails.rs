//! Small pictures of assets and projects: made when somebody wants to see them, and kept.

use super::Engine;
use crate::core::uninterrupted;
use crate::error::{EngineError, Result};
use crate::model::*;
use fieldstone_jobs::maker::MadePatch;
use fieldstone_jobs::preview::talk::File;
use fieldstone_kernel::format::MeshFormat;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Of larger files none is made.
const MOST_BYTES: u64 = 64 << 20;
/// The newest assets of a project that are looked at for one that has a picture.
const LOOKED_AT: u32 = 20;
/// Raised when the same file gives another picture than before.
const REVISION: u32 = 1;

/// A small picture.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    /// Names what it shows: two with the same are the same.
    pub tag: String,
    /// Its bytes.
    pub png: Vec<u8>,
}

impl Engine {
    /// The picture of an asset: of a mesh, or of a volume that a job has made.
    pub async fn asset_thumbnail(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: AssetId,
    ) -> Result<Thumbnail> {
        let asset = self.get_asset(caller, project, id).await?;
        self.thumbnail(asset).await
    }

    /// The picture of a project: that of the newest asset that has one.
    pub async fn project_thumbnail(&self, caller: &Caller, project: ProjectId) -> Result<Thumbnail> {
        self.core.store.check_project(caller, project, false).await?;
        let newest = self.core.store.newest_assets(project, LOOKED_AT).await?;
        for asset in newest.into_iter().filter(|asset| why_not(asset).is_none()) {
            match self.thumbnail(asset).await {
                Err(EngineError::NotFound(_)) => {}
                answer => return answer,
            }
        }
        Err(EngineError::NotFound(format!("a picture of project {project}")))
    }

    async fn thumbnail(&self, asset: Asset) -> Result<Thumbnail> {
        let id = asset.id;
        let none = |why: &str| EngineError::NotFound(format!("a picture of asset {id} ({why})"));
        let kept = &self.core.thumbnails;
        if !kept.are_wanted() {
            return Err(none("setting thumbnail_cache is 0"));
        }
        if self.core.config.previewer.is_none() {
            return Err(none("there is no process for previews"));
        }
        if let Some(why) = why_not(&asset) {
            return Err(none(&why));
        }
        let tag = tag_of(&asset);
        if let Some(found) = self.kept_thumbnail(&tag).await? {
            return found.map_err(|why| none(&why));
        }
        let engine = self.clone();
        // Once begun it is made, even if whoever wanted it goes away: the next finds it.
        let made = uninterrupted(async move { engine.make_thumbnail(asset, tag).await }).await?;
        made.map_err(|why| none(&why))
    }

    async fn kept_thumbnail(&self, tag: &str) -> Result<Option<Result<Thumbnail, String>>> {
        if let Some(why) = self.core.thumbnails.refusal(tag) {
            return Ok(Some(Err(why.to_string())));
        }
        let (kept, tag) = (self.core.thumbnails.clone(), tag.to_owned());
        let found = tokio::task::spawn_blocking(move || kept.get(&tag).map(|png| Ok(Thumbnail { tag, png })));
        Ok(found.await?)
    }

    async fn make_thumbnail(&self, asset: Asset, tag: String) -> Result<Result<Thumbnail, String>> {
        let core = &self.core;
        let _turn = core.previews.picture_turn().await?;
        // Whoever had the turn before may have made the same.
        if let Some(found) = self.kept_thumbnail(&tag).await? {
            return Ok(found);
        }
        let file = File {
            filename: asset.filename,
            checksum: format!("sha256:{}", asset.sha256),
            bytes: asset.size,
            made: asset.made,
        };
        let place = self.places(std::iter::once(&file)).await?;
        match core.previews.picture(&core.config, file, place).await? {
            Ok(png) => {
                let (kept, name, bytes) = (core.thumbnails.clone(), tag.clone(), png.clone());
                let put = tokio::task::spawn_blocking(move || kept.put(&name, &bytes)).await?;
                // It can be made again.
                put.unwrap_or_else(|e| tracing::warn!("a picture cannot be kept: {e}"));
                Ok(Ok(Thumbnail { tag, png }))
            }
            Err(why) => {
                tracing::info!("asset {} has no picture: {why}", asset.id);
                core.thumbnails.refuse(&tag, &why);
                Ok(Err(why))
            }
        }
    }
}

/// Why nobody even tries, if so.
fn why_not(asset: &Asset) -> Option<String> {
    let is_mesh = MeshFormat::of_filename(&asset.filename).is_ok_and(MeshFormat::is_read);
    if !is_mesh && MadePatch::of(&asset.made).is_none() {
        return Some("it is no mesh, and no volume that a job has made".to_owned());
    }
    (asset.size > MOST_BYTES).then(|| format!("it has more than {MOST_BYTES} bytes"))
}

/// All that the picture depends on: the bytes, what the name says they are, where samples are.
fn tag_of(asset: &Asset) -> String {
    let ending = asset.filename.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let patch = MadePatch::of(&asset.made).map(|p| json!([p.resolution, p.size, p.offset]));
    hex::encode(Sha256::digest(json!([REVISION, asset.sha256, ending, patch]).to_string()))
}
