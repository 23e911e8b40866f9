//! `cargo xtask test`: everything that must hold, in one command, with one line of counts at its end.

use crate::matrix::Matrix;
use crate::run::{Tally, cargo, cargo_test_verdict, must, root, script_verdict, target};
use crate::{node, package, python, tidy, ui};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to leave out.
#[derive(clap::Args)]
pub struct Options {
    /// Leave out the official clients, which are installed from PyPI
    #[arg(long)]
    no_conformance: bool,
}

/// The official client releases that run unmodified against us, each with what its script needs besides, and the
/// script; and what knows us from our document alone.
const CLIENTS: &[(&str, &[&str], &str)] = &[
    ("metafold-0.15", &["metafold==0.15.0"], "sdk_0_15.py"),
    ("metafold-0.11", &["metafold==0.11.0"], "sdk_0_11.py"),
    ("metafold-0.5", &["metafold==0.5.0", "numpy"], "sdk_0_5.py"),
    ("metafold-0.2", &["metafold==0.2.1", "numpy"], "sdk_0_2.py"),
    ("metafold-0.15", &["metafold==0.15.0"], "credentials.py"),
    ("metafold-0.11", &["metafold==0.11.0"], "credentials.py"),
    ("generated-client", &["openapi-python-client==0.29.1"], "generated_client.py"),
    // No client: the guide's tutorials, as they stand.
    ("tutorials", &["metafold==0.15.0", "numpy"], "tutorials.py"),
    // No client: preprocessing and sampling held against the unions of an exact boolean.
    ("manifold", &["manifold3d==3.5.4", "numpy"], "overlap.py"),
    // No client: what /openapi.json says held against what the server answers.
    ("schemathesis", &["schemathesis==4.32.5"], "api_document.py"),
];

/// Those of them that also run against several servers and workers, with a ledger in PostgreSQL and files in a bucket.
const CLIENTS_OF_A_CLUSTER: &[&str] = &["sdk_0_15.py", "sdk_0_11.py", "sdk_0_5.py"];

/// What the wheel's checks import.
const WHEEL_NEEDS: &[&str] =
    &["numpy", "pyvista==0.49.1", "nbconvert==7.17.2", "cyclonedx-python-lib[json-validation]==11.12.0"];

/// Every final release of `metafold` on PyPI.
const RELEASES: &[&str] = &[
    "0.1.0", "0.1.1", "0.1.2", "0.2.0", "0.2.1", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0",
    "0.9.0", "0.10.0", "0.11.0", "0.12.0", "0.12.1", "0.13.0", "0.13.1", "0.13.2", "0.14.0", "0.15.0",
];
/// Those of them that the suite runs: each family of dialects and each way to dispatch.
const RELEASES_OF_THE_SUITE: &[&str] = &["0.1.2", "0.5.0", "0.8.0", "0.11.0", "0.13.0", "0.15.0"];
/// What the client imports; any version does.
const CLIENT_NEEDS: &[&str] = &["attrs", "requests", "auth0-python~=4.7", "numpy"];

/// Every final release of the client, each of its methods called.
pub fn every_release() -> ! {
    let mut tally = Tally::default();
    if let Some(binary) = built(&mut tally) {
        let matrix = releases(&mut tally, &binary, RELEASES);
        println!("\n{}", matrix.table());
        if let Err(e) = matrix.write(&tally) {
            tally.check("docs/conformance.md", Err(e));
        }
    }
    finish(&tally)
}

/// The app's part of the suite alone.
pub fn app() -> ! {
    let mut tally = Tally::default();
    let binary = built(&mut tally);
    ui::test(&mut tally, binary.as_deref());
    finish(&tally)
}

/// Runs the suite. It goes on after a failure, so that one run shows all.
pub fn run(options: &Options) -> ! {
    let mut tally = Tally::default();
    let lint = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    tally.check("format", must(cargo().args(["fmt", "--all", "--check"])));
    tally.check("tidy", tidy::run());
    tally.check("lints", must(cargo().args(lint)));
    tally.check("docs", document());
    tally.check("static binary", package::binary::check());
    let tests = ["test", "--workspace", "--no-fail-fast"];
    // Apart: a build may say nothing for long.
    tally.check("build of the tests", must(cargo().args(tests).args(["--no-run", "--quiet"])));
    tally.counted("tests", cargo().args(tests), cargo_test_verdict);
    let binary = built(&mut tally);
    ui::test(&mut tally, binary.as_deref());
    if let Some(binary) = binary.filter(|_| !options.no_conformance) {
        conformance(&mut tally, &binary);
    }
    finish(&tally)
}

fn finish(tally: &Tally) -> ! {
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
fn conformance(tally: &mut Tally, binary: &Path) {
    for (name, requirements, script) in CLIENTS {
        match python::environment(name, requirements) {
            Err(e) => tally.check(name, Err(e)),
            Ok(python) => {
                let mut command = Command::new(python);
                command.arg(root().join("conformance").join(script)).arg(binary);
                tally.counted(name, &mut command, script_verdict);
                if CLIENTS_OF_A_CLUSTER.contains(script) {
                    command.env("FIELDSTONE_PEERS", binary.with_file_name("examples").join("peers"));
                    tally.counted(&format!("{name}, several servers"), &mut command, script_verdict);
                }
            }
        }
    }
    wheel(tally, binary);
    releases(tally, binary, RELEASES_OF_THE_SUITE);
    // It pins a numpy that newer Pythons have no wheel of, so it runs beside what the others need.
    release(tally, binary, "0.6.0", "credentials.py");
    match python::environment("metafold-needs", CLIENT_NEEDS) {
        Err(e) => tally.check("experiment", Err(e)),
        Ok(python) => {
            let mut command = Command::new(python);
            command.arg(root().join("conformance/experiment.py")).arg(binary);
            tally.counted("experiment", &mut command, script_verdict);
        }
    }
    let mut hostile = Command::new("python3");
    hostile.arg(root().join("conformance/hostile.py")).arg(binary);
    tally.counted("hostile clients", &mut hostile, script_verdict);
    node_client(tally, binary);
}

/// The wheel of this binary as pip installs it, its notebook's module, and the bill of materials.
fn wheel(tally: &mut Tally, binary: &Path) {
    let ready = package::for_the_suite(binary)
        .and_then(|packed| Ok((packed, python::environment("wheel-checks", WHEEL_NEEDS)?)));
    match ready {
        Err(e) => tally.check("wheel", Err(e)),
        Ok(((wheel, bill), python)) => {
            let mut command = Command::new(python);
            command.arg(root().join("conformance/wheel.py")).arg(binary).arg(wheel).arg(bill);
            tally.counted("wheel", &mut command, script_verdict);
        }
    }
}

/// Runs the JavaScript client, written by hand.
fn node_client(tally: &mut Tally, binary: &Path) {
    let ready =
        node::scripts().and_then(|folder| Ok((folder, python::environment("metafold-needs", CLIENT_NEEDS)?)));
    match ready {
        Err(e) => tally.check("node client", Err(e)),
        Ok((folder, python)) => {
            let mut command = Command::new(python);
            command.arg(root().join("conformance/node_client.py")).arg(binary).arg(folder);
            tally.counted("node client", &mut command, script_verdict);
        }
    }
}

/// The binary that the tests were run with.
fn built(tally: &mut Tally) -> Option<PathBuf> {
    match must(cargo().args(["build", "--quiet", "--package", "fieldstone"])) {
        Ok(()) => Some(target().join("debug/fieldstone")),
        Err(e) => {
            tally.check("build of the binary", Err(e));
            None
        }
    }
}

/// Runs each method of these releases.
fn releases(tally: &mut Tally, binary: &Path, versions: &[&str]) -> Matrix {
    let mut matrix = Matrix::default();
    for version in versions {
        let lines = release(tally, binary, version, "every_method.py");
        matrix.add(version, &lines);
    }
    matrix
}

/// Runs a script with one release; all of them share one environment. Returns what it printed.
fn release(tally: &mut Tally, binary: &Path, version: &str, script: &str) -> Vec<String> {
    let name = format!("metafold {version}, {script}");
    let ready = python::environment("metafold-needs", CLIENT_NEEDS).and_then(|python| {
        let folder = python::release(&python, "metafold", version)?;
        Ok((python, folder))
    });
    match ready {
        Err(e) => {
            tally.check(&name, Err(e));
            Vec::new()
        }
        Ok((python, folder)) => {
            let mut command = Command::new(python);
            command.arg(root().join("conformance").join(script)).arg(binary).arg(version);
            tally.counted(&name, command.env("PYTHONPATH", folder), script_verdict)
        }
    }
}
