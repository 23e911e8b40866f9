//! The HTTP load: GET job by wrk while a job computes, and a 1 GiB upload. bench/http_load.py does the driving.

use super::{cores, machine, script};
use crate::run::{cargo, must, target};
use std::process::Command;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds of load
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Connections that wrk keeps open
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Size of the upload in MiB
    #[arg(long, default_value_t = 1024)]
    upload_mib: u64,
}

/// Builds the release binary, drives it and prints the table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    must(cargo().args(["build", "--release", "--quiet", "--package", "fieldstone"]))?;
    println!("{}\n", machine());
    let mut load = Command::new("python3");
    load.arg(script("http_load.py")).arg(target().join("release/fieldstone"));
    load.args(
        [options.seconds, options.connections as u64, cores() as u64, options.upload_mib]
            .map(|x| x.to_string()),
    );
    must(&mut load)
}
