//! The binary that is packed: linked statically, so that one file runs on every Linux of its processor.

use crate::run::{cargo, must, output_of, target};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds it for musl, and makes sure that it asks for no library.
pub fn build() -> anyhow::Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "fieldstone"]);
    let before =
        || format!("once before: rustup target add {}; Debian: apt-get install musl-tools g++", triple());
    must(for_musl(&mut build)).with_context(before)?;
    let binary = target().join(triple()).join("release/fieldstone");
    ensure!(is_static(&binary)?, "{} is not linked statically", binary.display());
    Ok(binary)
}

/// Whether its code compiles for musl, whose structures and functions are not those of glibc; nothing is linked. Left out with a word
/// where musl's part of Rust or its C compiler is missing.
pub fn check() -> anyhow::Result<()> {
    let library = output_of(Command::new("rustc").args(["--print", "target-libdir", "--target", &triple()]))?;
    if !Path::new(library.trim()).is_dir() || Command::new("musl-gcc").arg("--version").output().is_err() {
        let triple = triple();
        println!("left out: the static binary, without rustup's target {triple} and musl-tools");
        return Ok(());
    }
    must(for_musl(cargo().args(["check", "--quiet", "--package", "fieldstone"])))
}

fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// C is compiled for musl. meshoptimizer is C++, of which no musl compiler is packaged; it throws nothing and keeps no state, so g++ does.
fn for_musl(command: &mut Command) -> &mut Command {
    let triple = triple();
    for (tool, compiler) in [("CC", "musl-gcc"), ("CXX", "g++")] {
        let variable = format!("{tool}_{}", triple.replace('-', "_"));
        if std::env::var_os(&variable).is_none() {
            command.env(&variable, compiler);
        }
    }
    command.args(["--target", &triple])
}

/// Whether it runs without a loader and without libraries.
pub fn is_static(binary: &Path) -> anyhow::Result<bool> {
    Ok(libraries(binary)?.is_empty() && !read(binary, "--program-headers")?.contains("interpreter"))
}

/// The shared libraries that it asks its loader for.
pub fn libraries(binary: &Path) -> anyhow::Result<Vec<String>> {
    Ok(read(binary, "--dynamic")?.lines().filter_map(library).map(str::to_owned).collect())
}

/// ` 0x0000000000000001 (NEEDED)  Shared library: [libc.so.6]`
fn library(line: &str) -> Option<&str> {
    line.split_once("(NEEDED)")?.1.split_once('[')?.1.split_once(']').map(|(name, _)| name)
}

fn read(binary: &Path, what: &str) -> anyhow::Result<String> {
    output_of(Command::new("readelf").args([what, "--wide"]).arg(binary).env("LC_ALL", "C"))
        .context("Debian: apt-get install binutils")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_says_what_it_needs() {
        let needed = libraries(&std::env::current_exe().unwrap()).unwrap();
        // What tests are linked with; meshoptimizer brings C++.
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{needed:?}");
        assert!(needed.iter().any(|name| name.starts_with("libstdc++.so")), "{needed:?}");
        assert!(!is_static(&std::env::current_exe().unwrap()).unwrap());
        assert_eq!(library("Dynamic section at offset 0x2db8 contains 30 entries:"), None);
    }
}
