//! The whole lattice infill: a mesh, its field, a gyroid of cell 10, redistanced, an STL on disk.

use super::{Setup, measured, memory, progress, ratio, text};
use crate::bench::table::{Table, seconds};
use crate::bench::{inputs, peers};
use crate::run::root;
use anyhow::Context;

/// Edge of the gyroid's cell, mm.
const CELL: usize = 10;

/// Measures it with 256 samples along the longest side.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Table> {
    let mesh = setup.mesh.clone().unwrap_or_else(|| root().join("testdata/parts/bracket.stl"));
    let name = mesh.file_stem().context("a mesh has a name")?.to_string_lossy().into_owned();
    let folder = inputs(&setup.python, &[mesh])?;
    let (stem, ply) = (text(&folder.join(&name)), text(&folder.join(format!("{name}.ply"))));
    let n = setup.grids(&[256])[0];
    let (threads, reps) = (setup.threads, setup.reps);
    let [our_stl, their_stl] = ["ours.stl", "theirs.stl"].map(|f| text(&folder.join(f)));
    let args: [&dyn ToString; 9] =
        [&"infill", &n, &reps, &"--threads", &threads, &"--mesh", &ply, &"--stl", &our_stl];
    let ours = measured(setup.ours("bench_graph"), args)?;
    let theirs =
        measured(setup.python("infill_peers.py"), [&stem, &CELL, &n, &reps.min(3), &threads, &their_stl]);
    let their_name = "MeshLib, scikit-fmm, VTK";
    let theirs = peers::or_line(their_name, theirs);
    let mut table = Table::new([
        "lattice infill",
        "what",
        "time",
        "peak memory",
        "ours is faster by",
        "triangles",
        "volume",
    ]);
    let mut rows = vec![("**fieldstone**", &ours, String::new())];
    rows.extend(theirs.as_ref().map(|t| (their_name, t, ratio(t.median(), ours.median()))));
    for (what, of, factor) in rows {
        progress(&["infill", &name, what], of.median());
        let volume = format!("{:.1} mm³", of.number("volume")?);
        let triangles = of.number("triangles")?.to_string();
        table.row([name.clone(), what.into(), seconds(of.median()), memory(of), factor, triangles, volume]);
    }
    let stages = ours.list("stages")?;
    let parts = ["reading, planning", "values", "surface", "STL"].iter().zip(&stages);
    let parts: Vec<String> = parts.map(|(what, time)| format!("{what} {}", seconds(*time))).collect();
    eprintln!("ours: {}", parts.join(", "));
    Ok(table)
}
