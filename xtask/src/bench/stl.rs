//! Reading a binary STL of 800,000 triangles, beside numpy-stl.

use super::table::{Table, seconds};
use super::{Measured, inputs, machine, our_examples, peers, pinned, script};
use crate::run::output_of;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Threads for both
    #[arg(long)]
    threads: Option<usize>,
    /// Runs of each
    #[arg(long, default_value_t = 9)]
    reps: usize,
}

/// Measures both and prints the table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let threads = options.threads.unwrap_or_else(super::cores);
    let (python, examples) = (peers::python()?, our_examples()?);
    let file = inputs(&python, &[])?.join("knot800k.stl");
    let reps = options.reps.to_string();
    let mut reader = pinned(examples.join("read_mesh"), threads);
    let ours = Measured::of(&output_of(reader.arg(&file).arg(&reps))?)?;
    let mut peer = pinned(&python, threads);
    let theirs = output_of(peer.arg(script("read_stl.py")).arg(&file).arg(&reps));
    let theirs = peers::or_line("numpy-stl", theirs.and_then(|printed| Measured::of(&printed)));
    println!("{}; {threads} threads; median of {reps} runs; 800,000 triangles, 40 MB\n", machine());
    let mut table = Table::new(["what", "time", "ours is faster by"]);
    table.row(["**fieldstone**".into(), seconds(ours.median()), String::new()]);
    if let Some(theirs) = theirs {
        let ratio = theirs.median() / ours.median();
        table.row(["numpy-stl".into(), seconds(theirs.median()), format!("{ratio:.1}×")]);
    }
    println!("{table}");
    Ok(())
}
