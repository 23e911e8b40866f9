//! The app in `ui/`: whether what is committed was built of its sources, and, where Node is, its tests in a browser.

use crate::node;
use crate::run::{Tally, must, root, script_verdict, target};
use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What changes nothing in a build, as `ui/scripts/finish.mjs` has it.
const ASIDE: &[&str] = &["node_modules", "tests", "types", ".gitignore", "README.md"];
/// Written by the build: a digest of the sources, then one of each file that was built.
const BUILT: &str = "built.txt";
/// What Vite runs on.
const NODE: (u32, u32) = (20, 19);

/// Everything that must hold for the app. Without Node the list of what was built still has to fit both folders.
pub fn test(tally: &mut Tally, binary: Option<&Path>) {
    tally.check("app is built of its sources", fresh(&root().join("ui"), &root().join("crates/server/app")));
    if !node::at_least(NODE) {
        println!("left out: the app's own tests, without Node {}.{}", NODE.0, NODE.1);
        return;
    }
    match installed() {
        Err(e) => tally.check("app's packages", Err(e)),
        Ok(home) => {
            tally.check("app is what its sources make", rebuilt(&home));
            tally.check("app's types", must(npm(&home).args(["run", "--silent", "check"])));
            tally.check("app's units", must(npm(&home).args(["run", "--silent", "test"])));
            if let Some(binary) = binary {
                let mut browser = Command::new("node");
                browser.arg("tests/browser.mjs").arg(binary).current_dir(&home);
                browser.env("FIELDSTONE_ROOT", root());
                tally.counted("app in a browser", &mut browser, script_verdict);
            }
        }
    }
}

/// What opens a finished job of a server in Chromium, as somebody does who has a key; nothing, with a word, where Node or Chromium is not.
pub fn seeing() -> Option<impl Fn(&str, &str, &str, &str) -> anyhow::Result<()>> {
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    let named = std::env::var_os("CHROMIUM").is_some();
    let is_there =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    if !node::at_least(NODE) || !(named || chromium.iter().any(is_there)) {
        println!("left out: the job in a browser, without Node {}.{} and Chromium", NODE.0, NODE.1);
        return None;
    }
    let home = installed();
    Some(move |url: &str, key: &str, project: &str, job: &str| {
        let home = home.as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
        let mut see = Command::new("node");
        see.args(["tests/seen.mjs", url, project, job]).current_dir(home);
        must(see.env("FIELDSTONE_TOKEN", key))
    })
}

/// Whether the list beside the built files fits them and the sources.
fn fresh(ui: &Path, app: &Path) -> anyhow::Result<()> {
    let list = std::fs::read_to_string(app.join(BUILT)).context(BUILT)?;
    let (sources, built) = list.split_once('\n').context("the list of what was built has no lines")?;
    let now = hex::encode(Sha256::digest(listed(ui, ASIDE)?));
    if sources != format!("sources {now}") {
        bail!("ui/ has changed since crates/server/app was built: cd ui && npm run build");
    }
    if built != listed(app, &[BUILT])? {
        bail!("crates/server/app holds other files than its last build wrote: cd ui && npm run build");
    }
    Ok(())
}

/// A line for each file below `folder`: its SHA-256 and its path, in the order of paths.
fn listed(folder: &Path, aside: &[&str]) -> anyhow::Result<String> {
    let mut files = Vec::new();
    walk(folder, Path::new(""), aside, &mut files)?;
    files.sort();
    let line = |path: &String| -> anyhow::Result<String> {
        let bytes = std::fs::read(folder.join(path)).with_context(|| path.clone())?;
        Ok(format!("{}  {path}\n", hex::encode(Sha256::digest(bytes))))
    };
    files.iter().map(line).collect()
}

fn walk(folder: &Path, below: &Path, aside: &[&str], files: &mut Vec<String>) -> anyhow::Result<()> {
    let here = folder.join(below);
    for entry in std::fs::read_dir(&here).with_context(|| here.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        if below.as_os_str().is_empty() && aside.iter().any(|a| name == *a) {
            continue;
        }
        let path = below.join(&name);
        if entry.file_type()?.is_dir() {
            walk(folder, &path, aside, files)?;
        } else {
            files.push(path.to_str().context("a name that is not UTF-8")?.replace('\\', "/"));
        }
    }
    Ok(())
}

/// A copy of `ui/` under `target/` with its packages, which are kept while the lock file stays the same.
fn installed() -> anyhow::Result<PathBuf> {
    let (from, home) = (root().join("ui"), target().join("ui"));
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    for entry in std::fs::read_dir(&home)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true if entry.file_name() != "node_modules" => std::fs::remove_dir_all(entry.path())?,
            false if entry.file_name() != "packages.installed" => std::fs::remove_file(entry.path())?,
            _ => {}
        }
    }
    let mut files = Vec::new();
    walk(&from, Path::new(""), &["node_modules"], &mut files)?;
    for file in files {
        let copy = home.join(&file);
        std::fs::create_dir_all(copy.parent().context("a file is in a folder")?)?;
        std::fs::copy(from.join(&file), copy).with_context(|| format!("cannot copy {file}"))?;
    }
    node::install(&home)?;
    Ok(home)
}

/// Builds beside and compares with what is committed.
fn rebuilt(home: &Path) -> anyhow::Result<()> {
    let out = target().join("ui-built");
    must(npm(home).args(["run", "--silent", "build"]).env("FIELDSTONE_UI_OUT", &out))?;
    let mut compare = Command::new("node");
    must(compare.arg("scripts/compare.mjs").arg(out).arg(root().join("crates/server/app")).current_dir(home))
}

fn npm(home: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(home);
    npm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_app_is_built_of_its_sources() {
        fresh(&root().join("ui"), &root().join("crates/server/app")).unwrap();
    }
}
