//! Everything one does to the project: `cargo xtask --help`.

mod bench;
mod fuzz;
mod generate;
mod matrix;
mod node;
mod package;
mod python;
mod run;
mod stall;
mod suite;
mod tidy;
mod ui;

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
    /// Measure ourselves beside the tools that a user would otherwise pick, or beside ourselves before
    Bench(bench::Options),
    /// Licences, banned crates, sources and advisories of all dependencies, by deny.toml; needs `cargo install cargo-deny`
    /// and, for the advisories, the network
    Deny,
    /// Feed the parsers with made-up bytes; needs a nightly toolchain and `cargo install cargo-fuzz`
    Fuzz(fuzz::Options),
    /// The app in ui/: built of its sources, its types and units, and its pages in a browser
    Ui,
    /// House rules that no compiler checks: imports, lengths, words
    Tidy,
    /// Everything that people install: archive, .deb, wheel, container, with checksums and a bill of materials, in target/package.
    /// Needs a target of Rust (`rustup target add x86_64-unknown-linux-musl`), musl-tools and g++
    Package(package::Options),
    /// Write the pages that are made from the code anew; that they are current is a test
    Gen,
}

fn main() -> std::process::ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => suite::run(&options),
        Task::Conformance => suite::every_release(),
        Task::Bench(options) => options.run(),
        Task::Deny => {
            run::must(run::cargo().args(["deny", "check", "licenses", "bans", "sources", "advisories"]))
        }
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Ui => suite::app(),
        Task::Package(options) => package::run(&options),
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
