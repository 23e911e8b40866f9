//! How far our fields are from an f64 brute force, near the surface and far from it, and where signs differ.

use super::our_examples;
use super::table::Table;
use crate::run::{output_of, root};
use anyhow::Context;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// What to compare.
#[derive(clap::Args)]
pub struct Options {
    /// Another mesh beside sphere, torus, bracket and blob; may be repeated
    #[arg(long = "mesh", value_name = "FILE")]
    meshes: Vec<PathBuf>,
    /// Samples on the longest axis; may be repeated
    #[arg(long = "grid", value_name = "N", default_values_t = [128, 256])]
    grids: Vec<usize>,
    /// Random samples compared per field
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// Seed of their choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the example `accuracy` prints.
#[derive(Deserialize)]
struct Compared {
    triangles: u64,
    closed: bool,
    near: Errors,
    far: Errors,
    sign_errors: u64,
    doubtful: u64,
}

/// Errors in cells.
#[derive(Deserialize)]
struct Errors {
    mean: f64,
    max: f64,
}

/// Compares and prints the table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let program = our_examples()?.join("accuracy");
    let mut meshes: Vec<PathBuf> = ["sphere", "torus", "blob500k"].map(PathBuf::from).to_vec();
    meshes.push(root().join("testdata/parts/bracket.stl"));
    meshes.extend(options.meshes.iter().cloned());
    println!(
        "{} random samples each, seed {}; errors in cells, near: within 3 cells\n",
        options.count, options.seed
    );
    let header =
        ["mesh", "triangles", "grid", "near: mean", "max", "far: mean", "max", "wrong signs", "doubtful"];
    let mut table = Table::new(header);
    for mesh in &meshes {
        let name = mesh.file_stem().context("a mesh has a name")?.to_string_lossy().into_owned();
        for n in &options.grids {
            let mut command = Command::new(&program);
            command.arg(mesh).arg(n.to_string()).args(["--count", &options.count.to_string()]);
            let line = output_of(command.args(["--seed", &options.seed.to_string()]))?;
            let c: Compared = serde_json::from_str(&line).with_context(|| format!("reading {line:?}"))?;
            let error = |e: f64| format!("{e:.1e}");
            let open = if c.closed { "" } else { " (open)" };
            eprintln!("{name} {n}: done");
            table.row([
                format!("{name}{open}"),
                c.triangles.to_string(),
                n.to_string(),
                error(c.near.mean),
                error(c.near.max),
                error(c.far.mean),
                error(c.far.max),
                c.sign_errors.to_string(),
                c.doubtful.to_string(),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}
