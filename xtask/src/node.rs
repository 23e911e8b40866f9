//! The scripts of `conformance/node` under `target/`, with the packages that they are locked to.

use crate::run::{must, output_of, root, target};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::Command;

/// What is copied: the scripts, and which packages they need.
const FILES: &[&str] = &["package.json", "package-lock.json", "client.mjs", "every_method.mjs"];

/// The folder with the scripts and their packages, installed once and kept while the lock file stays the same.
pub fn scripts() -> anyhow::Result<PathBuf> {
    let probe = "process.exit(Number(process.versions.node.split('.')[0] < 18))";
    if !Command::new("node").args(["-e", probe]).output().is_ok_and(|out| out.status.success()) {
        bail!("no Node of at least 18 on the path (Debian: apt-get install nodejs npm)");
    }
    let from = root().join("conformance/node");
    let home = target().join("node");
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    for file in FILES {
        std::fs::copy(from.join(file), home.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let lock = std::fs::read_to_string(from.join("package-lock.json")).context("package-lock.json")?;
    let stamp = home.join("packages.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == lock) && axios(&home).is_ok() {
        return Ok(home);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
    must(npm.current_dir(&home)).context("packages for Node (Debian: apt-get install npm)")?;
    std::fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(home)
}

/// Fails where the packages are not there.
fn axios(home: &std::path::Path) -> anyhow::Result<String> {
    let import = ["--input-type=module", "-e", "import 'axios'"];
    output_of(Command::new("node").args(import).current_dir(home))
}
