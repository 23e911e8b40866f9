//! The binary in a .tar.gz, with its licences and the unit of systemd: unpacked anywhere, it runs.

use super::Release;
use super::tree::{Tree, gzipped};
use crate::run::root;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Writes `fieldstone-VERSION-ARCH-linux.tar.gz`.
pub fn write(release: &Release, out: &Path) -> anyhow::Result<PathBuf> {
    let name = format!("fieldstone-{}-{}-linux", release.version, release.arch);
    let tree = Tree::new()?;
    tree.copy(&format!("{name}/fieldstone"), 0o755, &release.binary)?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "packaging/fieldstone.service"] {
        let last = file.rsplit('/').next().unwrap_or(file);
        tree.copy(&format!("{name}/{last}"), 0o644, &root().join(file))?;
    }
    let path = out.join(format!("{name}.tar.gz"));
    let bytes = gzipped(&tree.tar(&[(&name, 0)], release.time)?)?;
    std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    Ok(path)
}
