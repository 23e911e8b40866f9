//! Redistancing fields whose zero set has a known distance: time, and error in cells.

use super::{Setup, measured, memory, progress, ratio, text};
use crate::bench::table::{Table, seconds};
use crate::bench::{Measured, peers, pinned, script};
use crate::run::output_of;
use anyhow::Context;
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

const FIELDS: &[&str] = &["sphere", "torus", "box", "gyroid", "box-turned"];
/// Cells on either side of the surface that scikit-fmm is asked for, and that ours is beside such peers.
const BAND: &str = "3.5";
/// The peers, and whether they tell distances near the surface only.
const PEERS: &[(&str, bool)] = &[
    ("edt", false),
    ("sitk-maurer", false),
    ("skfmm-band", true),
    ("openvdb-sweep", false),
    ("openvdb-rebuild", true),
];

/// What `surface_fields.py error` prints: cells.
#[derive(Deserialize)]
struct Errors {
    near_mean: f64,
    near_max: f64,
    #[serde(default)]
    all_mean: Option<f64>,
    #[serde(default)]
    all_max: Option<f64>,
    flips: u64,
}

/// Measures every field at 128³ and 256³.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Table> {
    let mut table = Table::new([
        "redistance",
        "grid",
        "what",
        "time",
        "peak memory",
        "ours is faster by",
        "near: mean",
        "max",
        "everywhere: mean",
        "max",
        "flipped signs",
    ]);
    for field in FIELDS {
        for &n in setup.grids(&[128, 256]) {
            let file = text(&setup.field(field, n)?);
            let out = setup.fields.join("out.f32");
            let to = text(&out);
            for band in [false, true] {
                let ours = run_ours(setup, &file, n, &to, band)?;
                let errors = errors(setup, field, n, &out, band)?;
                let what = if band { "**fieldstone, near**" } else { "**fieldstone**" };
                row(&mut table, field, n, what, &ours, String::new(), &errors);
                for (peer, _) in PEERS.iter().filter(|(_, near)| *near == band) {
                    let theirs = peers::or_line(peer, run_peer(setup, peer, &file, n, &to));
                    let Some(theirs) = theirs else { continue };
                    let errors = self::errors(setup, field, n, &out, band)?;
                    row(&mut table, field, n, peer, &theirs, ratio(theirs.median(), ours.median()), &errors);
                }
            }
        }
    }
    Ok(table)
}

fn run_ours(setup: &Setup, file: &str, n: usize, to: &str, band: bool) -> anyhow::Result<Measured> {
    let mut command = setup.ours("redistance");
    command.args([file, &n.to_string(), &setup.reps.to_string(), to]);
    command.args(["--threads", &setup.threads.to_string()]);
    if band {
        command.args(["--band", BAND]);
    }
    measured(command, [])
}

fn run_peer(setup: &Setup, peer: &str, file: &str, n: usize, to: &str) -> anyhow::Result<Measured> {
    let threads = setup.threads;
    match peer.strip_prefix("openvdb-") {
        Some(way) => {
            measured(pinned(peers::openvdb("redistance")?, threads), [&way, &file, &n, &1, &threads, &to])
        }
        None => {
            let reps = if peer == "edt" { setup.reps } else { 1 };
            measured(setup.python("surface_peers.py"), [&peer, &file, &n, &reps, &threads, &to])
        }
    }
}

fn errors(setup: &Setup, field: &str, n: usize, file: &Path, band: bool) -> anyhow::Result<Errors> {
    let mut command = Command::new(&setup.python);
    command.arg(script("surface_fields.py")).args(["error", field, &n.to_string()]).arg(file);
    command.args(band.then_some("band"));
    serde_json::from_str(&output_of(&mut command)?).context("errors of distances")
}

fn row(table: &mut Table, field: &str, n: usize, what: &str, of: &Measured, ratio: String, errors: &Errors) {
    let grid = format!("{n}³");
    progress(&[field, &grid, what, &format!("near {:.4}", errors.near_mean)], of.median());
    let cells = |e: f64| format!("{e:.4}");
    let some = |e: Option<f64>| e.map_or_else(String::new, cells);
    table.row([
        field.into(),
        grid,
        what.into(),
        seconds(of.median()),
        memory(of),
        ratio,
        cells(errors.near_mean),
        cells(errors.near_max),
        some(errors.all_mean),
        some(errors.all_max),
        errors.flips.to_string(),
    ]);
}
