//! Mesh -> distance field: our full grid beside every peer that fills a grid, our band beside OpenVDB's.

use super::table::{Table, seconds};
use super::{Measured, cores, inputs, machine, our_examples, peers, pinned, script};
use crate::run::{output_of, root};
use std::path::PathBuf;
use std::process::Command;

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Threads for everybody; all cores when absent
    #[arg(long)]
    threads: Option<usize>,
    /// Another mesh (OBJ or STL) beside the bracket and the blobs; may be repeated
    #[arg(long = "mesh", value_name = "FILE")]
    meshes: Vec<PathBuf>,
    /// Grids of 64 samples per axis and one run each, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Samples per axis; may be repeated
    #[arg(long = "grid", value_name = "N", default_values_t = [128, 256])]
    grids: Vec<usize>,
    /// Timed runs of each peer, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 3)]
    peer_reps: usize,
    /// Leave out a peer; may be repeated
    #[arg(long, value_name = "PEER")]
    skip: Vec<String>,
}

/// The peers that fill the grid.
const FULL: &[&str] = &["parry3d", "pysdf", "open3d", "meshlib"];
/// The meshes of every run, by the names that inputs.py gives them.
const MESHES: &[&str] = &["bracket", "blob82k", "blob1m"];

/// Programs and files of one run.
struct Setup {
    threads: usize,
    ours: PathBuf,
    python: PathBuf,
    /// Where they could be built.
    parry: Option<PathBuf>,
    band: Option<PathBuf>,
    inputs: PathBuf,
}

/// Measures everything and prints the table.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let python = peers::python()?;
    let mut files = vec![root().join("testdata/parts/bracket.stl")];
    files.extend(options.meshes.iter().cloned());
    let setup = Setup {
        threads: options.threads.unwrap_or_else(cores),
        ours: our_examples()?.join("sample_mesh"),
        parry: peers::or_line("parry3d", peers::rust()).map(|folder| folder.join("parry")),
        band: peers::or_line("OpenVDB", peers::openvdb("band")),
        inputs: inputs(&python, &files)?,
        python,
    };
    let names = options.meshes.iter().filter_map(|m| Some(m.file_stem()?.to_string_lossy().into_owned()));
    let meshes: Vec<String> = names.chain(MESHES.iter().map(|m| (*m).to_owned())).collect();
    let (grids, ours, theirs) =
        if options.quick { (vec![64], 1, 1) } else { (options.grids.clone(), 5, options.peer_reps) };
    println!("{}; {} threads; median of {ours} runs (peers {theirs})\n", machine(), setup.threads);
    let mut table = Table::new(["mesh", "grid", "what", "time", "peak memory", "ours is faster by"]);
    for mesh in &meshes {
        for &n in &grids {
            setup.full_rows(&mut table, options, (mesh, n), ours, theirs)?;
            setup.band_rows(&mut table, options, (mesh, n), ours)?;
        }
    }
    println!("{table}");
    Ok(())
}

fn row(table: &mut Table, mesh: &str, n: usize, what: &str, measured: &Measured, ratio: &str) {
    let memory = match measured.rss_peak_mb {
        0.0 => String::new(),
        mb => format!("{mb:.0} MiB"),
    };
    eprintln!("{mesh} {n}³ {what}: {} {ratio}", seconds(measured.median()));
    let cells = [mesh.into(), format!("{n}³"), what.into(), seconds(measured.median()), memory, ratio.into()];
    table.row(cells);
}

fn full_of(time: f64) -> Measured {
    Measured { times: vec![time], ..Measured::default() }
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.1}×")
}

impl Setup {
    fn full_rows(
        &self,
        table: &mut Table,
        options: &Options,
        (mesh, n): (&str, usize),
        ours: usize,
        theirs: usize,
    ) -> anyhow::Result<()> {
        let full = self.ours(mesh, n, ours, false)?;
        let mut fastest = f64::INFINITY;
        row(table, mesh, n, "**fieldstone, full grid**", &full, "");
        for peer in FULL.iter().filter(|p| options.skip.iter().all(|s| s != *p)) {
            if *peer == "parry3d" && self.parry.is_none() {
                continue;
            }
            let Some(measured) = peers::or_line(peer, self.full(peer, mesh, n, theirs)) else { continue };
            fastest = fastest.min(measured.median());
            row(table, mesh, n, peer, &measured, &ratio(measured.median() / full.median()));
        }
        if fastest.is_finite() {
            row(table, mesh, n, "the fastest of these", &full_of(fastest), &ratio(fastest / full.median()));
        }
        Ok(())
    }

    fn band_rows(
        &self,
        table: &mut Table,
        options: &Options,
        (mesh, n): (&str, usize),
        reps: usize,
    ) -> anyhow::Result<()> {
        if options.skip.iter().any(|s| s == "openvdb") {
            return Ok(());
        }
        let ours = self.ours(mesh, n, reps, true)?;
        row(table, mesh, n, "**fieldstone, ±3 cells**", &ours, "");
        let Some(band) = &self.band else { return Ok(()) };
        let measured = self.measure(&mut pinned(band, self.threads), mesh, n, reps);
        if let Some(measured) = peers::or_line("OpenVDB", measured) {
            row(table, mesh, n, "OpenVDB, ±3 cells", &measured, &ratio(measured.median() / ours.median()));
        }
        Ok(())
    }

    fn ours(&self, mesh: &str, n: usize, reps: usize, band: bool) -> anyhow::Result<Measured> {
        let mut command = pinned(&self.ours, self.threads);
        command.arg(self.inputs.join(format!("{mesh}.ply"))).args([n, reps].map(|x| x.to_string()));
        command.args(["--threads", &self.threads.to_string()]);
        if band {
            command.arg("--band");
        }
        Measured::of(&output_of(&mut command)?)
    }

    fn full(&self, peer: &str, mesh: &str, n: usize, reps: usize) -> anyhow::Result<Measured> {
        let mut command = match (peer, &self.parry) {
            ("parry3d", Some(parry)) => pinned(parry, self.threads),
            _ => {
                let mut python = pinned(&self.python, self.threads);
                python.arg(script("peers.py")).arg(peer);
                python
            }
        };
        self.measure(&mut command, mesh, n, reps)
    }

    fn measure(&self, command: &mut Command, mesh: &str, n: usize, reps: usize) -> anyhow::Result<Measured> {
        command.arg(self.inputs.join(mesh)).args([n, reps, self.threads].map(|x| x.to_string()));
        Measured::of(&output_of(command)?)
    }
}
