//! `cargo xtask fuzz`: every target of `fuzz/` for a while, one after the other, by cargo-fuzz and a nightly compiler.

use crate::run::{Tally, must, root, target};
use anyhow::Context;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What one input may take.
const RSS_MIB: u32 = 2048;
const TIMEOUT_S: u32 = 10;
/// Bytes of the longest input.
const LONGEST: u32 = 4096;

/// Which targets, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The targets, by the names of their files in fuzz/fuzz_targets; all of them if none is named
    targets: Vec<String>,
}

/// Runs the targets. It goes on after a finding, so that one run shows all.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let all = targets(&root().join("fuzz/fuzz_targets"))?;
    if let Some(unknown) = options.targets.iter().find(|t| !all.contains(t)) {
        anyhow::bail!("there is no target {unknown:?}, only {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    let mut tally = Tally::default();
    for name in chosen {
        tally.check(name, fuzz(name, options.seconds));
    }
    anyhow::ensure!(tally.failed == 0, "findings: {}", tally.failures.join("; "));
    Ok(())
}

fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// New inputs go to a folder under `target`; the kept ones are only read.
fn fuzz(name: &str, seconds: u32) -> anyhow::Result<()> {
    let found = target().join("fuzz").join(name);
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    // Not the cargo that runs us: sanitizers need a nightly one.
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", name]).arg(&found).arg(format!("corpus/{name}")).arg("--");
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-rss_limit_mb={RSS_MIB}"),
        format!("-timeout={TIMEOUT_S}"),
        format!("-max_len={LONGEST}"),
        "-detect_leaks=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    let words = format!("dicts/{name}.dict");
    if root().join("fuzz").join(&words).exists() {
        command.arg(format!("-dict={words}"));
    }
    for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC"] {
        command.env_remove(name);
    }
    must(command.current_dir(root().join("fuzz")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_files() {
        let found = targets(&root().join("fuzz/fuzz_targets")).unwrap();
        assert!(found.contains(&"stl".to_owned()) && found.is_sorted(), "{found:?}");
    }
}
