//! The scripts of `conformance/node` under `target/`, with the packages that they are locked to.

use crate::run::{must, output_of, root, target};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is copied: the scripts, and which packages they need.
const FILES: &[&str] = &["package.json", "package-lock.json", "client.mjs", "every_method.mjs"];

/// The folder with the scripts and their packages, installed once and kept while the lock file stays the same.
pub fn scripts() -> anyhow::Result<PathBuf> {
    if !at_least((18, 0)) {
        bail!("no Node of at least 18 on the path (Debian: apt-get install nodejs npm)");
    }
    let from = root().join("conformance/node");
    let home = target().join("node");
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    for file in FILES {
        std::fs::copy(from.join(file), home.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    install(&home)?;
    axios(&home)?;
    Ok(home)
}

/// Whether Node is there, of at least this version.
pub fn at_least((major, minor): (u32, u32)) -> bool {
    let probe = format!(
        "const [a, b] = process.versions.node.split('.').map(Number); \
        process.exit(Number(a < {major} || (a === {major} && b < {minor})))"
    );
    Command::new("node").args(["-e", &probe]).output().is_ok_and(|out| out.status.success())
}

/// Installs what `package-lock.json` in this folder names, unless that was done before.
pub fn install(home: &Path) -> anyhow::Result<()> {
    let lock = std::fs::read_to_string(home.join("package-lock.json")).context("package-lock.json")?;
    let stamp = home.join("packages.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == lock) && home.join("node_modules").is_dir() {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
    must(npm.current_dir(home)).context("packages for Node (Debian: apt-get install npm)")?;
    std::fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Fails where the packages are not there.
fn axios(home: &Path) -> anyhow::Result<String> {
    let import = ["--input-type=module", "-e", "import 'axios'"];
    output_of(Command::new("node").args(import).current_dir(home))
}
