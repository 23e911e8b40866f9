//! `cargo xtask bench`: ourselves beside the tools that a user would otherwise pick, on the same inputs and threads.

mod accuracy;
mod compare;
mod graph;
mod history;
mod http;
mod peers;
mod preview;
mod sdf;
mod stl;
mod table;

use crate::run::{must, root, target};
use anyhow::Context;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to measure, or what to compare.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Options {
    #[command(flatten)]
    compare: compare::Options,
    #[command(subcommand)]
    bench: Option<Bench>,
}

impl Options {
    /// Measures and prints a Markdown table on stdout.
    pub fn run(&self) -> anyhow::Result<()> {
        match (&self.bench, self.compare.asked()) {
            (Some(bench), _) => bench.run(),
            (None, Some(revision)) => compare::run(&self.compare, revision),
            (None, None) => anyhow::bail!("say what to measure: cargo xtask bench --help"),
        }
    }
}

/// What to measure.
#[derive(clap::Subcommand)]
enum Bench {
    /// Mesh -> distance field, beside parry3d, pysdf, Open3D, MeshLib and OpenVDB
    Sdf(sdf::Options),
    /// Graphs: values, surfaces, distances and a lattice infill, beside numba, jax, fidget, VTK, edt and others
    Graph(graph::Options),
    /// Our fields against an f64 brute force
    Accuracy(accuracy::Options),
    /// Reading an 800,000-triangle STL, beside numpy-stl
    Stl(stl::Options),
    /// Requests per second on GET job while a job computes, and a 1 GiB upload
    Http(http::Options),
    /// Previews of graphs: milliseconds of changed sliders, and what they leave behind
    Preview(preview::Options),
}

impl Bench {
    fn run(&self) -> anyhow::Result<()> {
        match self {
            Bench::Sdf(options) => sdf::run(options),
            Bench::Graph(options) => graph::run(options),
            Bench::Accuracy(options) => accuracy::run(options),
            Bench::Stl(options) => stl::run(options),
            Bench::Http(options) => http::run(options),
            Bench::Preview(options) => preview::run(options),
        }
    }
}

/// What each worker prints as JSON.
#[derive(Debug, Default, Deserialize)]
struct Measured {
    /// Seconds per run.
    #[serde(alias = "seconds")]
    times: Vec<f64>,
    /// Peak resident memory in MiB.
    #[serde(default)]
    rss_peak_mb: f64,
    /// What else the worker tells.
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

impl Measured {
    fn median(&self) -> f64 {
        median(&self.times)
    }

    /// The median of another list of seconds that the worker tells.
    fn median_of(&self, key: &str) -> anyhow::Result<f64> {
        Ok(median(&self.list(key)?))
    }

    fn list(&self, key: &str) -> anyhow::Result<Vec<f64>> {
        let value = self.more.get(key).with_context(|| format!("the worker did not tell its {key}"))?;
        serde_json::from_value(value.clone()).with_context(|| format!("{key} of a worker"))
    }

    fn number(&self, key: &str) -> anyhow::Result<f64> {
        let value = self.more.get(key).and_then(serde_json::Value::as_f64);
        value.with_context(|| format!("the worker did not tell its {key}"))
    }

    /// What a worker printed: one JSON object, or several lines of them taken together.
    fn of(printed: &str) -> anyhow::Result<Measured> {
        let mut all = serde_json::Map::new();
        for line in printed.lines().filter(|l| l.starts_with('{')) {
            let told: serde_json::Map<_, _> =
                serde_json::from_str(line).with_context(|| format!("reading {line:?}"))?;
            all.extend(told);
        }
        serde_json::from_value(all.into()).with_context(|| format!("the worker printed {printed:?}"))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => 0.5 * (sorted[middle - 1] + sorted[middle]),
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

/// Makes the input meshes and returns their folder.
fn inputs(python: &Path, files: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let folder = scratch().join("inputs");
    must(Command::new(python).arg(script("inputs.py")).arg(&folder).args(files))?;
    Ok(folder)
}

/// Our examples, built as users get them: release, for any x86-64, the SIMD level picked at run time.
fn our_examples() -> anyhow::Result<PathBuf> {
    let mut build = crate::run::cargo();
    build.args(["build", "--release", "--quiet", "--examples"]);
    build.args(["--package", "fieldstone-kernel", "--package", "fieldstone-shape"]);
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
