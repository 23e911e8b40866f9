//! Previews of a project's graphs.

use super::Engine;
use crate::core::on_worker;
use crate::error::{EngineError, Problems, Result};
use crate::model::*;
use crate::preview::{Preview, Tab};
use fieldstone_jobs::preview::files_of;
use fieldstone_jobs::preview::talk::{File, Request, Section};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

/// What somebody wants to see.
#[derive(Debug)]
pub struct NewPreview {
    /// The graph's document; files in it are the project's.
    pub graph: Value,
    /// The operator whose values are wanted; `None`: the result.
    pub node: Option<usize>,
    /// Samples on the longest axis.
    pub resolution: u32,
    /// A plane instead of the volume.
    pub section: Option<Section>,
    /// Whether a volume is looked over for what its samples do not hold, as jobs do; that takes longer.
    pub watch: bool,
    /// A name for the window that it is for: a newer preview there ends the older.
    pub tab: Option<String>,
}

impl Engine {
    /// What a graph looks like; nothing of it is kept.
    pub async fn preview(&self, caller: &Caller, project: ProjectId, new: NewPreview) -> Result<Preview> {
        self.core.store.check_project(caller, project, true).await?;
        if self.core.config.previewer.is_none() {
            return Err(EngineError::NotFound("a process for previews".into()));
        }
        let NewPreview { graph, node, resolution, section, watch, tab } = new;
        let limits = self.core.config.job_limits;
        let (graph, paths) = on_worker(move || {
            let paths = files_of(&graph, &limits).map_err(|text| EngineError::invalid("graph", text))?;
            Ok((graph, paths))
        })
        .await?;
        let files = self.named_files(project, paths).await?;
        let request = Request { graph, node, resolution, section, watch, files };
        let tab = tab.map(|name| Tab { user: caller.user.clone(), name: format!("{project} {name}") });
        let place = self.places(request.files.values()).await?;
        self.core.previews.compute(&self.core.config, request, tab, place).await
    }

    /// Where the bytes of these files are, which stay there as long as what is answered.
    pub(super) async fn places(
        &self,
        files: impl Iterator<Item = &File>,
    ) -> Result<impl Fn(&str) -> Result<PathBuf> + Send + Sync + 'static> {
        let mut places = HashMap::new();
        for file in files {
            let sha256 = file.checksum.trim_start_matches("sha256:");
            places.insert(file.checksum.clone(), self.core.blobs.local(sha256).await?);
        }
        Ok(move |checksum: &str| {
            let blob = places.get(checksum).map(|blob| blob.path().to_owned());
            blob.ok_or_else(|| EngineError::NotFound(format!("file {checksum:?}")))
        })
    }

    /// The newest assets of these filenames.
    async fn named_files(&self, project: ProjectId, paths: Vec<String>) -> Result<IndexMap<String, File>> {
        let (mut files, mut problems) = (IndexMap::new(), Problems::default());
        for path in paths {
            match self.core.store.newest_asset(project, &path).await? {
                Some(asset) => {
                    let checksum = format!("sha256:{}", asset.sha256);
                    let file =
                        File { filename: asset.filename, checksum, bytes: asset.size, made: asset.made };
                    files.insert(path, file);
                }
                None => problems.push("graph", format!("no asset called {path:?} in this project")),
            }
        }
        problems.check()?;
        Ok(files)
    }
}
