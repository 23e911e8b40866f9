//! A lattice part to an STL file, by threads and resolution: time and memory.

use super::{Setup, measured, memory, progress, ratio, text};
use crate::bench::table::{Table, seconds};
use crate::bench::{cores, pinned};

/// Measures a gyroid in a ball from 128³ to 1024³, on 1, 2 and 4 threads as far as there are cores.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Table> {
    std::fs::create_dir_all(&setup.fields)?;
    let file = text(&setup.fields.join("ball.stl"));
    let header = ["gyroid in a ball to STL", "threads", "time", "one thread's", "peak memory", "triangles"];
    let mut table = Table::new(header);
    for &n in setup.grids(&[128, 256, 512, 1024]) {
        let mut one = f64::NAN;
        for threads in [1, 2, 4].into_iter().filter(|t| *t <= cores()) {
            let reps = if n > 512 { 1 } else { setup.reps };
            let args: [&dyn ToString; 7] = [&"ball", &n, &reps, &"--threads", &threads, &"--stl", &file];
            let of = measured(pinned(setup.ours.join("bench_graph"), threads), args)?;
            if threads == 1 {
                one = of.median();
            }
            let (grid, count) = (format!("{n}³"), of.number("triangles")?);
            progress(&[&grid, &threads.to_string(), "threads", &memory(&of)], of.median());
            let part = ratio(one, of.median());
            table.row([
                grid,
                threads.to_string(),
                seconds(of.median()),
                part,
                memory(&of),
                count.to_string(),
            ]);
        }
    }
    std::fs::remove_file(file)?;
    Ok(table)
}
