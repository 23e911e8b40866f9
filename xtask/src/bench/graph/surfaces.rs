//! Isosurfaces of a gyroid in a ball, and what is wrong with each mesh.

use super::{Setup, measured, memory, progress, ratio, text};
use crate::bench::Measured;
use crate::bench::peers;
use crate::bench::table::{Table, seconds};

/// Measures the isosurface at 256³ and 512³.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Table> {
    let mut table = Table::new([
        "isosurface",
        "what",
        "time",
        "peak memory",
        "ours is faster by",
        "triangles",
        "open edges",
        "non-manifold edges",
        "misoriented edges",
    ]);
    for &n in setup.grids(&[256, 512]) {
        let file = text(&setup.field("infill", n)?);
        let (reps, threads) = (setup.reps, setup.threads);
        let ours = measured(setup.ours("isosurface"), [&file, &n, &reps, &"--threads", &threads])?;
        row(&mut table, n, "**fieldstone**", &ours, String::new())?;
        for peer in ["vtk-flying-edges", "fast-surface-nets", "skimage"] {
            let theirs = match peer {
                // On one thread, as it is.
                "fast-surface-nets" => setup
                    .rust("surface_nets")
                    .and_then(|program| measured(program, [&file, &n, &reps.min(3)])),
                "skimage" => measured(setup.python("surface_peers.py"), [&peer, &file, &n, &1, &threads]),
                _ => measured(setup.python("surface_peers.py"), [&peer, &file, &n, &reps, &threads]),
            };
            let Some(theirs) = peers::or_line(peer, theirs) else { continue };
            row(&mut table, n, peer, &theirs, ratio(theirs.median(), ours.median()))?;
        }
    }
    Ok(table)
}

fn row(table: &mut Table, n: usize, what: &str, of: &Measured, ratio: String) -> anyhow::Result<()> {
    let grid = format!("{n}³");
    progress(&["isosurface", &grid, what], of.median());
    let count = |key: &str| Ok::<_, anyhow::Error>(format!("{}", of.number(key)?));
    table.row([
        grid,
        what.into(),
        seconds(of.median()),
        memory(of),
        ratio,
        count("triangles")?,
        count("open_edges")?,
        count("non_manifold_edges")?,
        count("misoriented_edges")?,
    ]);
    Ok(())
}
