//! Least and greatest sample of each brick of cells, so that a box's values can be bounded without touching samples.

use super::Samples;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

/// Cells per axis of a brick.
const CELLS: u32 = 8;

/// Extremes per brick, x fastest; none for vectors.
#[derive(Clone, Debug)]
pub(super) struct Bricks {
    counts: [u32; 3],
    extremes: Vec<[f32; 2]>,
}

const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

fn join(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].min(b[0]), a[1].max(b[1])]
}

impl Bricks {
    pub fn of(samples: &Samples, resolution: [u32; 3], monitor: &Monitor) -> Result<Bricks, Cancelled> {
        let counts = resolution.map(|n| n.saturating_sub(1).div_ceil(CELLS).max(1));
        let count = if samples.channels() == 1 { counts.iter().product() } else { 0 };
        let extremes = (0..count).into_par_iter().map(|brick| {
            monitor.check()?;
            let index = [brick % counts[0], brick / counts[0] % counts[1], brick / counts[0] / counts[1]];
            // A brick's cells reach the samples of the next one.
            let span = |a: usize| index[a] * CELLS..(index[a] * CELLS + CELLS + 1).min(resolution[a]);
            let mut found = NOTHING;
            for z in span(2) {
                for y in span(1) {
                    let row = (z as usize * resolution[1] as usize + y as usize) * resolution[0] as usize;
                    for x in span(0) {
                        let v = samples.get(row + x as usize, 0);
                        found = join(found, [v; 2]);
                    }
                }
            }
            Ok(found)
        });
        Ok(Bricks { counts, extremes: extremes.collect::<Result<_, _>>()? })
    }

    /// Extremes over the bricks that hold these cells (first and last per axis).
    pub fn range(&self, cells: [[u32; 2]; 3]) -> [f32; 2] {
        let span = |a: usize| {
            let last = self.counts[a] - 1;
            (cells[a][0] / CELLS).min(last)..=(cells[a][1] / CELLS).min(last)
        };
        let mut found = NOTHING;
        for z in span(2) {
            for y in span(1) {
                let row = (z * self.counts[1] + y) * self.counts[0];
                for x in span(0) {
                    found = join(found, self.extremes[(row + x) as usize]);
                }
            }
        }
        found
    }
}
