//! Finds, installs and builds what we are measured beside.

use super::{scratch, script};
use crate::python;
use crate::run::{cargo, must};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a peer gave, or a line on stdout that says why its rows are missing: a peer that cannot be installed, built or
/// run costs no more than them.
pub(super) fn or_line<T>(peer: &str, result: anyhow::Result<T>) -> Option<T> {
    match result {
        Ok(given) => Some(given),
        Err(e) => {
            println!("{peer} is left out: {e:#}\n");
            None
        }
    }
}

/// The Python that has those of the peers installed that can be.
pub(super) fn python() -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(script("requirements.txt"))?;
    python::environment_of_what_installs("bench", &text.lines().collect::<Vec<_>>())
}

/// The folder of the Rust peers, built for this very processor.
pub(super) fn rust() -> anyhow::Result<PathBuf> {
    let folder = scratch().join("peers-rs");
    let mut build = cargo();
    build
        .current_dir(script("peers-rs"))
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(&folder);
    must(&mut build)?;
    Ok(folder.join("release"))
}

/// A program of `bench/openvdb`, against the system's library (Debian: libopenvdb-dev libboost-dev libtbb-dev). Headers of
/// a newer OpenVDB that lie under `target/bench/vdb` come first.
pub(super) fn openvdb(name: &str) -> anyhow::Result<PathBuf> {
    let program = scratch().join(format!("openvdb-{name}"));
    let source = script(&format!("openvdb/{name}.cc"));
    if newer(&program, &source) {
        return Ok(program);
    }
    std::fs::create_dir_all(scratch())?;
    let mut compile = Command::new("g++");
    compile.args(["-O3", "-march=native", "-std=c++17", "-I"]).arg(scratch().join("vdb"));
    compile.arg(source).arg("-o").arg(&program);
    must(compile.args(["-lopenvdb", "-ltbb"]))?;
    Ok(program)
}

fn newer(made: &Path, source: &Path) -> bool {
    let time = |p: &Path| p.metadata().and_then(|m| m.modified()).ok();
    time(made).zip(time(source)).is_some_and(|(made, source)| made > source)
}
