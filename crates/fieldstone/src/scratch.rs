//! A data folder that lives as long as one command.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// A folder of this process alone, removed when dropped.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes `parent` where needed and a folder inside it: on the same disk as what will be left there.
    pub fn inside(parent: &Path) -> anyhow::Result<Scratch> {
        let path = parent.join(format!(".fieldstone-{}", std::process::id()));
        fieldstone_engine::make_folder(&path)
            .with_context(|| format!("cannot make folder {}", path.display()))?;
        Ok(Scratch { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.path) {
            eprintln!("warning: cannot remove {}: {e}", self.path.display());
        }
    }
}
