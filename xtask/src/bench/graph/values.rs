//! Values on dense grids: a gyroid beside writing memory, formulas beside compilers, struts beside tubes.

use super::{Setup, measured, memory, progress, ratio};
use crate::bench::table::{Table, seconds};
use crate::bench::{Measured, peers, pinned};
use anyhow::{Context, ensure};

/// Values of one case are to agree this well; they are of the order of one.
const AGREE: f64 = 1e-4;

/// Peers by case.
const CASES: &[(&str, &[&str])] = &[
    ("gyroid", &["numba-sep", "numba", "jax", "numpy"]),
    ("gyroid-turned", &["numba", "jax"]),
    ("operators", &["numba", "jax", "fidget"]),
    ("struts", &["openvdb", "fidget"]),
];

struct Rows<'a> {
    table: Table,
    setup: &'a Setup,
    case: &'a str,
    n: usize,
    ours: Measured,
}

/// Measures every case at 256³ and 512³.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Table> {
    let mut table =
        Table::new(["values", "grid", "what", "time", "peak memory", "ours is faster by", "differs by"]);
    for &(case, peers) in CASES {
        for &n in setup.grids(&[256, 512]) {
            let ours = ours(setup, case, n)?;
            let mut rows = Rows { table, setup, case, n, ours };
            rows.all(peers)?;
            table = rows.table;
        }
    }
    Ok(table)
}

/// Struts are asked for within three cells, as the tubes are.
fn ours(setup: &Setup, case: &str, n: usize) -> anyhow::Result<Measured> {
    let mut command = setup.ours("bench_graph");
    command.args([case, &n.to_string(), &setup.reps.to_string(), "--threads", &setup.threads.to_string()]);
    if case == "struts" {
        command.args(["--band", "3"]);
    }
    measured(command, [])
}

impl Rows<'_> {
    fn all(&mut self, peers: &[&str]) -> anyhow::Result<()> {
        let time = self.ours.median();
        self.row("**fieldstone**", time, memory(&self.ours), String::new(), String::new());
        if self.case == "gyroid" {
            for (what, key) in [("writing past the caches", "stream_times"), ("filling", "fill_times")] {
                let plain = self.ours.median_of(key)?;
                self.row(what, plain, String::new(), ratio(plain, time), String::new());
            }
        }
        for peer in peers {
            // Minutes each, and known to be far behind.
            if *peer == "fidget" && self.n > 256 {
                continue;
            }
            let Some(theirs) = peers::or_line(peer, self.peer(peer)) else { continue };
            if theirs.times.is_empty() {
                eprintln!("{peer} is left out: {:?}", theirs.more.get("missing"));
                continue;
            }
            let differs = self.difference(peer, &theirs)?;
            self.row(peer, theirs.median(), memory(&theirs), ratio(theirs.median(), time), differs);
        }
        Ok(())
    }

    fn row(&mut self, what: &str, time: f64, memory: String, ratio: String, differs: String) {
        let grid = format!("{}³", self.n);
        progress(&[self.case, &grid, what], time);
        self.table.row([self.case.into(), grid, what.into(), seconds(time), memory, ratio, differs]);
    }

    fn peer(&self, peer: &str) -> anyhow::Result<Measured> {
        let (n, threads) = (self.n, self.setup.threads);
        match peer {
            "openvdb" => {
                measured(pinned(peers::openvdb("tubes")?, threads), [&n, &self.setup.reps, &threads])
            }
            "fidget" => measured(self.setup.rust(peer)?, [&self.case, &n, &1, &threads]),
            _ => measured(
                self.setup.python("evaluate_peers.py"),
                [&peer, &self.case, &n, &self.setup.reps, &threads],
            ),
        }
    }

    /// Largest difference of the values that both tell; tubes tell none, and struts are compared where both know them.
    fn difference(&self, peer: &str, theirs: &Measured) -> anyhow::Result<String> {
        if peer == "openvdb" {
            return Ok(String::new());
        }
        let (ours, theirs) = (self.ours.list("values")?, theirs.list("values")?);
        let band = if self.case == "struts" { 2.9 / self.n as f64 } else { f64::INFINITY };
        let known = ours.iter().zip(&theirs).filter(|(o, t)| o.abs().max(t.abs()) < band);
        let most = known.map(|(o, t)| (o - t).abs()).reduce(f64::max).context("no value to compare")?;
        ensure!(most < AGREE, "{} of {peer} differs from ours by {most}", self.case);
        Ok(format!("{most:.0e}"))
    }
}
