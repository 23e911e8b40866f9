//! Everything one does to the project: `cargo xtask --help`.

mod bench;
mod generate;
mod matrix;
mod node;
mod python;
mod run;
mod suite;
mod tidy;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Everything one does to the project")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The whole suite, exactly as CI runs it: format, tidiness, lints, docs, tests, official clients
    #[command(visible_alias = "ci")]
    Test(suite::Options),
    /// Every final release of the official client, each of its methods called against a server of ours; writes
    /// docs/conformance.md
    Conformance,
    /// Measure ourselves beside the tools that a user would otherwise pick
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// House rules that no compiler checks: imports, lengths, words
    Tidy,
    /// Write the pages that are made from the code anew; that they are current is a test
    Gen,
}

fn main() -> std::process::ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => suite::run(&options),
        Task::Conformance => suite::every_release(),
        Task::Bench { bench } => bench.run(),
        Task::Tidy => tidy::run(),
        Task::Gen => generate::run(),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
