//! `cargo xtask test`: everything that must hold, in one command, with one line of counts at its end.

use crate::run::{Tally, cargo, cargo_test_verdict, must, root, script_verdict, target};
use crate::{python, tidy};
use std::process::Command;

/// What to leave out.
#[derive(clap::Args)]
pub struct Options {
    /// Leave out the official clients, which are installed from PyPI
    #[arg(long)]
    no_conformance: bool,
}

/// The official client releases that run unmodified against us, each with its script.
const CLIENTS: &[(&str, &str, &str)] = &[
    ("metafold-0.15", "metafold==0.15.0", "sdk_0_15.py"),
    ("metafold-0.11", "metafold==0.11.0", "sdk_0_11.py"),
    ("metafold-0.5", "metafold==0.5.0", "sdk_0_5.py"),
    ("metafold-0.15", "metafold==0.15.0", "credentials.py"),
    ("metafold-0.11", "metafold==0.11.0", "credentials.py"),
];

/// Runs the suite. It goes on after a failure, so that one run shows all.
pub fn run(options: &Options) -> ! {
    let mut tally = Tally::default();
    let lint = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    tally.check("format", must(cargo().args(["fmt", "--all", "--check"])));
    tally.check("tidy", tidy::run());
    tally.check("lints", must(cargo().args(lint)));
    tally.check("docs", document());
    let tests = ["test", "--workspace", "--no-fail-fast"];
    tally.counted("tests", cargo().args(tests), cargo_test_verdict);
    if !options.no_conformance {
        conformance(&mut tally);
    }
    println!();
    for failure in &tally.failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    // The counts are the last line, also of a failure.
    std::process::exit(i32::from(tally.failed > 0 || tally.passed == 0));
}

fn document() -> anyhow::Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    must(&mut doc)
}

/// Runs the official clients against the binary that the tests were run with.
fn conformance(tally: &mut Tally) {
    if let Err(e) = must(cargo().args(["build", "--quiet", "--package", "fieldstone"])) {
        return tally.check("conformance", Err(e));
    }
    let binary = target().join("debug/fieldstone");
    for (name, requirement, script) in CLIENTS {
        match python::environment(name, &[requirement]) {
            Err(e) => tally.check(name, Err(e)),
            Ok(python) => {
                let mut command = Command::new(python);
                command.arg(root().join("conformance").join(script)).arg(&binary);
                tally.counted(name, &mut command, script_verdict);
            }
        }
    }
}
