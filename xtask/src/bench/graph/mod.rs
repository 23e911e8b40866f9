//! Graphs: what they cost to evaluate, to redistance and to turn into triangles, each beside its best peers in one run.

mod distances;
mod infill;
mod scaling;
mod surfaces;
mod values;

use super::table::seconds;
use super::{Measured, cores, machine, our_examples, peers, pinned, scratch, script};
use crate::run::{must, output_of};
use anyhow::Context;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Threads for everybody; all cores when absent
    #[arg(long)]
    threads: Option<usize>,
    /// Only this table; may be repeated
    #[arg(long = "only", value_enum)]
    only: Vec<Part>,
    /// The mesh of the lattice infill (OBJ or STL) instead of the bracket
    #[arg(long, value_name = "FILE")]
    mesh: Option<PathBuf>,
    /// Timed runs of each, after one to warm up; of the slowest peers one
    #[arg(long, value_name = "N", default_value_t = 5)]
    reps: usize,
    /// Small grids and one run each, to see that everything works
    #[arg(long)]
    quick: bool,
}

/// The tables there are.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Values,
    Surfaces,
    Distances,
    Infill,
    Scaling,
}

/// Programs and files of one run.
struct Setup {
    threads: usize,
    reps: usize,
    quick: bool,
    mesh: Option<PathBuf>,
    ours: PathBuf,
    python: PathBuf,
    /// Where the Rust peers could be built.
    rust: Option<PathBuf>,
    fields: PathBuf,
}

/// Measures everything that was asked for and prints a table each.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let setup = Setup {
        threads: options.threads.unwrap_or_else(cores),
        reps: if options.quick { 1 } else { options.reps },
        quick: options.quick,
        mesh: options.mesh.clone(),
        ours: our_examples()?,
        python: peers::python()?,
        rust: peers::or_line("what is built of Rust", peers::rust()),
        fields: scratch().join("fields"),
    };
    println!("{}; {} threads; median of {} runs\n", machine(), setup.threads, setup.reps);
    for part in Part::value_variants() {
        if options.only.is_empty() || options.only.contains(part) {
            let table = match part {
                Part::Values => values::run(&setup),
                Part::Surfaces => surfaces::run(&setup),
                Part::Distances => distances::run(&setup),
                Part::Infill => infill::run(&setup),
                Part::Scaling => scaling::run(&setup),
            };
            println!("{}", table?);
        }
    }
    Ok(())
}

impl Setup {
    /// Of our examples, pinned to the threads.
    fn ours(&self, example: &str) -> Command {
        pinned(self.ours.join(example), self.threads)
    }

    /// A Python peer, pinned to the threads.
    fn python(&self, file: &str) -> Command {
        let mut command = pinned(&self.python, self.threads);
        command.arg(script(file));
        command
    }

    /// A Rust peer, pinned to the threads.
    fn rust(&self, program: &str) -> anyhow::Result<Command> {
        let folder = self.rust.as_ref().context("it could not be built")?;
        Ok(pinned(folder.join(program), self.threads))
    }

    fn grids<'a>(&self, grids: &'a [usize]) -> &'a [usize] {
        if self.quick { &[64] } else { grids }
    }

    /// The raw samples of this field, made where they are not yet there.
    fn field(&self, name: &str, n: usize) -> anyhow::Result<PathBuf> {
        let mut make = Command::new(&self.python);
        make.arg(script("surface_fields.py")).arg("make").arg(&self.fields).arg(name).arg(n.to_string());
        must(&mut make)?;
        Ok(self.fields.join(format!("{name}_{n}.f32")))
    }
}

/// Runs a worker with these arguments.
fn measured<const N: usize>(mut command: Command, args: [&dyn ToString; N]) -> anyhow::Result<Measured> {
    command.args(args.map(|a| a.to_string()));
    Measured::of(&output_of(&mut command)?)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn ratio(theirs: f64, ours: f64) -> String {
    format!("{:.2}×", theirs / ours)
}

fn memory(measured: &Measured) -> String {
    format!("{:.0} MiB", measured.rss_peak_mb)
}

/// Tells whoever waits how far it is.
fn progress(what: &[&str], time: f64) {
    eprintln!("{}: {}", what.join(" "), seconds(time));
}
