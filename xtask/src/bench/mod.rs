//! `cargo xtask bench`: ourselves beside the tools that a user would otherwise pick, on the same inputs and threads.

mod accuracy;
mod http;
mod sdf;
mod stl;
mod table;

use crate::python;
use crate::run::{must, root, target};
use anyhow::Context;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Mesh -> distance field, beside parry3d, pysdf, Open3D, MeshLib and OpenVDB
    Sdf(sdf::Options),
    /// Our fields against an f64 brute force
    Accuracy(accuracy::Options),
    /// Reading an 800,000-triangle STL, beside numpy-stl
    Stl(stl::Options),
    /// Requests per second on GET job while a job computes, and a 1 GiB upload
    Http(http::Options),
}

impl Bench {
    /// Measures and prints a Markdown table on stdout.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Bench::Sdf(options) => sdf::run(options),
            Bench::Accuracy(options) => accuracy::run(options),
            Bench::Stl(options) => stl::run(options),
            Bench::Http(options) => http::run(options),
        }
    }
}

/// The line of JSON that each worker prints.
#[derive(Debug, Deserialize)]
struct Measured {
    /// Seconds per run.
    #[serde(alias = "seconds")]
    times: Vec<f64>,
    /// Peak resident memory in MiB.
    #[serde(default)]
    rss_peak_mb: f64,
}

impl Measured {
    fn median(&self) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[middle],
            _ => 0.5 * (sorted[middle - 1] + sorted[middle]),
        }
    }

    fn of(line: &str) -> anyhow::Result<Measured> {
        let json =
            line.lines().rev().find(|l| l.starts_with('{')).context("the worker printed no measurement")?;
        serde_json::from_str(json).with_context(|| format!("reading {json:?}"))
    }
}

/// Threads to use when none are named: all cores.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A file of `bench/`.
fn script(name: &str) -> PathBuf {
    root().join("bench").join(name)
}

/// Where inputs and built peers are kept.
fn scratch() -> PathBuf {
    target().join("bench")
}

/// The Python that has the peers installed.
fn peers_python() -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(script("requirements.txt"))?;
    python::environment("bench", &text.lines().collect::<Vec<_>>())
}

/// Makes the input meshes and returns their folder.
fn inputs(python: &Path, files: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let folder = scratch().join("inputs");
    must(Command::new(python).arg(script("inputs.py")).arg(&folder).args(files))?;
    Ok(folder)
}

/// Our examples, built as users get them: release, for any x86-64, the SIMD level picked at run time.
fn our_examples() -> anyhow::Result<PathBuf> {
    let mut build = crate::run::cargo();
    build.args(["build", "--release", "--quiet", "--package", "fieldstone-kernel", "--examples"]);
    must(build.env_remove("RUSTFLAGS"))?;
    Ok(target().join("release/examples"))
}

/// A command that may only run on the first `threads` cores, whatever thread pool it brings.
fn pinned(program: impl AsRef<std::ffi::OsStr>, threads: usize) -> Command {
    let last = threads.min(cores()).saturating_sub(1);
    let mut command = Command::new("taskset");
    command.args(["-c", &format!("0-{last}")]).arg(program);
    command
}

/// What the table says about the machine.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ").map(|(_, m)| m.to_owned()));
    format!("{}, {} cores", model.unwrap_or_else(|| "unknown processor".into()), cores())
}
