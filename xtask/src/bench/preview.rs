//! Previews of a running server: bench/preview_load.py does the driving.

use super::{machine, script};
use crate::run::{cargo, must, root, target};
use std::process::Command;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Changed sliders per row
    #[arg(long, default_value_t = 50)]
    changes: u32,
    /// Previews after which is looked what they have left
    #[arg(long, default_value_t = 1000)]
    left: u32,
}

/// Builds the release binary, drives it and prints the table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    must(cargo().args(["build", "--release", "--quiet", "--package", "fieldstone"]))?;
    println!("{}\n", machine());
    let mut load = Command::new("python3");
    load.arg(script("preview_load.py")).arg(target().join("release/fieldstone"));
    load.arg(root().join("testdata/parts/bracket.stl"));
    load.args([options.changes, options.left].map(|n| n.to_string()));
    must(&mut load)
}
