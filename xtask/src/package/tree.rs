//! A folder as it will be packed: files with their modes, all of one time and of nobody's own.

use crate::run::must;
use anyhow::Context;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder under construction; it goes with this value.
pub struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    /// An empty one.
    pub fn new() -> anyhow::Result<Tree> {
        let folder = tempfile::tempdir().context("no folder for a package")?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(Tree { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders above it.
    pub fn put(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let file = self.place(path)?;
        std::fs::write(&file, content).with_context(|| file.display().to_string())?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Copies a file to `path`.
    pub fn copy(&self, path: &str, mode: u32, from: &Path) -> anyhow::Result<()> {
        let file = self.place(path)?;
        std::fs::copy(from, &file).with_context(|| from.display().to_string())?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Makes a folder.
    pub fn folder(&self, path: &str) -> anyhow::Result<PathBuf> {
        let folder = self.path().join(path);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }

    /// What lies under these names of it, as the bytes of a tar: equal bytes for equal contents. Each name belongs to the user of
    /// this number.
    pub fn tar(&self, names: &[(&str, u32)], time: u64) -> anyhow::Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new()?;
        for (name, user) in names {
            let mut tar = Command::new("tar");
            tar.args(["--append", "--format=ustar", "--sort=name", "--numeric-owner"]);
            tar.arg(format!("--owner={user}")).arg(format!("--group={user}")).arg(format!("--mtime=@{time}"));
            must(tar.arg("--file").arg(file.path()).arg("--directory").arg(self.path()).arg(name))?;
        }
        Ok(std::fs::read(file.path())?)
    }

    fn place(&self, path: &str) -> anyhow::Result<PathBuf> {
        let file = self.path().join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(file)
    }
}

/// Packed by gzip as well as it can, without a name or a time.
pub fn gzipped(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
