//! Python environments under `target/`, made once and kept while their requirements stay the same.

use crate::run::{must, output_of, target};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first Python of at least 3.11 (what `metafold` 0.15 needs) that can make environments.
pub fn interpreter() -> anyhow::Result<&'static str> {
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

/// The folder of `name` of PyPI at this version, without what it depends on and whatever Python it asks for. Fetched by
/// the pip of `python`'s environment: a system's Python may have none.
pub fn release(python: &Path, name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = target().join("venv/releases").join(format!("{name}-{version}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let part = target().join("venv/releases").join(format!("{name}-{version}.part"));
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--ignore-requires-python", "--upgrade", "--target"]).arg(&part);
    must(pip.arg(format!("{name}=={version}")))?;
    std::fs::rename(&part, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(folder)
}

/// The Python of environment `name`, which has `requirements` (as pip spells them) installed.
pub fn environment(name: &str, requirements: &[&str]) -> anyhow::Result<PathBuf> {
    let environment = Environment::new(name, requirements);
    if !environment.is_whole() {
        environment.make()?;
        environment.install(requirements)?;
        environment.stamp()?;
    }
    Ok(environment.python)
}

/// The same with all of `requirements` that can be installed; those that cannot get a line each, now and at every later run.
pub fn environment_of_what_installs(name: &str, requirements: &[&str]) -> anyhow::Result<PathBuf> {
    let environment = Environment::new(name, requirements);
    if environment.is_whole() {
        return Ok(environment.python);
    }
    environment.make()?;
    // All at once is faster; one package without a wheel fails all.
    let mut whole = environment.install(requirements).is_ok();
    if !whole {
        whole = true;
        for requirement in requirements {
            if let Err(e) = environment.install(&[requirement]) {
                eprintln!("{requirement} is left out: {e:#}");
                whole = false;
            }
        }
    }
    if whole {
        environment.stamp()?;
    }
    Ok(environment.python)
}

/// A virtual environment, made or not.
struct Environment {
    home: PathBuf,
    python: PathBuf,
    /// Holds what is installed, once all of it is.
    stamp: PathBuf,
    wanted: String,
}

impl Environment {
    fn new(name: &str, requirements: &[&str]) -> Environment {
        let home = target().join("venv").join(name);
        let (python, stamp) = (home.join("bin/python"), home.join("requirements.installed"));
        Environment { home, python, stamp, wanted: requirements.join("\n") }
    }

    fn is_whole(&self) -> bool {
        std::fs::read_to_string(&self.stamp).is_ok_and(|have| have == self.wanted)
            && output_of(Command::new(&self.python).args(["-c", "pass"])).is_ok()
    }

    fn make(&self) -> anyhow::Result<()> {
        must(Command::new(interpreter()?).args(["-m", "venv", "--clear"]).arg(&self.home))
    }

    fn install(&self, requirements: &[&str]) -> anyhow::Result<()> {
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
        // Where a package comes as source that wants Eigen, this is where Debian keeps it.
        pip.env("CPLUS_INCLUDE_PATH", "/usr/include/eigen3");
        must(&mut pip)
    }

    fn stamp(&self) -> anyhow::Result<()> {
        let place = || format!("cannot write {}", self.stamp.display());
        std::fs::write(&self.stamp, &self.wanted).with_context(place)
    }
}
