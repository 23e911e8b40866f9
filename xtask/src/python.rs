//! Python environments under `target/`, made once and kept while their requirements stay the same.

use crate::run::{must, output_of, target};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::Command;

/// The first Python of at least 3.11 (what `metafold` 0.15 needs) that can make environments.
fn interpreter() -> anyhow::Result<&'static str> {
    for name in ["python3", "python3.13", "python3.12", "python3.11", "python"] {
        let probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
        if Command::new(name).args(["-c", probe]).output().is_ok_and(|out| out.status.success()) {
            return Ok(name);
        }
    }
    bail!(
        "no Python of at least 3.11 with the module venv on the path (Debian: apt-get install python3-venv)"
    )
}

/// The folder of `name` of PyPI at this version, without what it depends on and whatever Python it asks for.
pub fn release(name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = target().join("venv/releases").join(format!("{name}-{version}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let part = target().join("venv/releases").join(format!("{name}-{version}.part"));
    let mut pip = Command::new(interpreter()?);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--ignore-requires-python", "--upgrade", "--target"]).arg(&part);
    must(pip.arg(format!("{name}=={version}")))?;
    std::fs::rename(&part, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(folder)
}

/// The Python of environment `name`, which has `requirements` (as pip spells them) installed.
pub fn environment(name: &str, requirements: &[&str]) -> anyhow::Result<PathBuf> {
    let home = target().join("venv").join(name);
    let python = home.join("bin/python");
    let stamp = home.join("requirements.installed");
    let wanted = requirements.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && output_of(Command::new(&python).args(["-c", "pass"])).is_ok()
    {
        return Ok(python);
    }
    must(Command::new(interpreter()?).args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
    // Where a package comes as source that wants Eigen, this is where Debian keeps it.
    pip.env("CPLUS_INCLUDE_PATH", "/usr/include/eigen3");
    must(&mut pip)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
