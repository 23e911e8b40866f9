//! Triangles of features that pass through others.
//!
//! Triangles of a cell's loops lie in that cell, so each has to be held only against those of features that reach into it.

use super::lattice::Lattice;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{Vector, determinant, dot, normal, sub};
use rayon::prelude::*;
use std::collections::HashMap;

/// Triangles of one task.
const CHUNK: usize = 1 << 14;

/// A triangle with the numbers of its vertices.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub vertices: [u32; 3],
    pub at: [Vector; 3],
}

impl Placed {
    pub fn new(vertices: [u32; 3], at: [[f32; 3]; 3]) -> Placed {
        Placed { vertices, at: at.map(|p| p.map(f64::from)) }
    }

    /// Whether an edge of one passes through the inside of the other. Triangles with a common edge never do.
    fn crosses(&self, other: &Placed) -> bool {
        let common = |v: &u32| other.vertices.contains(v);
        if self.vertices.iter().filter(|v| common(v)).count() > 1 || self.is_apart(other) {
            return false;
        }
        self.pierces(other) || other.pierces(self)
    }

    fn is_apart(&self, other: &Placed) -> bool {
        let range = |t: &Placed, k: usize| {
            let [a, b, c] = t.at.map(|p| p[k]);
            [a.min(b).min(c), a.max(b).max(c)]
        };
        (0..3).any(|k| {
            let ([a, b], [c, d]) = (range(self, k), range(other, k));
            a > d || c > b
        })
    }

    fn pierces(&self, other: &Placed) -> bool {
        let n = normal(other.at);
        (0..3).any(|i| {
            let k = (i + 1) % 3;
            if other.vertices.contains(&self.vertices[i]) || other.vertices.contains(&self.vertices[k]) {
                return false;
            }
            let [p, q] = [self.at[i], self.at[k]];
            let [above, below] = [p, q].map(|e| dot(n, sub(e, other.at[0])));
            if above * below >= 0.0 {
                return false;
            }
            let side = |a: usize| determinant(sub(q, p), sub(other.at[a], p), sub(other.at[(a + 1) % 3], p));
            let sides = [0, 1, 2].map(side);
            sides.iter().all(|s| *s > 0.0) || sides.iter().all(|s| *s < 0.0)
        })
    }
}

/// Which triangles reach into a cell.
pub(super) struct Near<'a> {
    lattice: &'a Lattice,
    placed: &'a [Placed],
    /// Cells, and which of `sorted` are theirs.
    cells: HashMap<[i32; 3], std::ops::Range<usize>>,
    sorted: Vec<([i32; 3], u32)>,
}

impl<'a> Near<'a> {
    pub fn new(lattice: &'a Lattice, placed: &'a [Placed]) -> Near<'a> {
        let mut sorted = vec![];
        for (n, t) in placed.iter().enumerate() {
            let cells = t.at.map(|p| cell(lattice, p));
            let [low, high] = [i32::min as fn(i32, i32) -> i32, i32::max]
                .map(|f| [0, 1, 2].map(|k| f(f(cells[0][k], cells[1][k]), cells[2][k])));
            for z in low[2]..=high[2] {
                for y in low[1]..=high[1] {
                    sorted.extend((low[0]..=high[0]).map(|x| ([x, y, z], n as u32)));
                }
            }
        }
        sorted.par_sort_unstable();
        let mut cells = HashMap::new();
        let mut from = 0;
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            cells.insert(group[0].0, from..from + group.len());
            from += group.len();
        }
        Near { lattice, placed, cells, sorted }
    }

    /// Numbers of the triangles that cross each other, or one of `count` others: in order.
    pub fn crossing(
        &self,
        count: usize,
        other: impl Fn(usize) -> Option<Placed> + Sync,
        monitor: &Monitor,
    ) -> Result<Vec<u32>, Cancelled> {
        let of = |cell: &[i32; 3]| self.cells.get(cell).map_or(&[][..], |r| &self.sorted[r.clone()]);
        let chunks: Vec<usize> = (0..count).step_by(CHUNK).collect();
        let others = chunks.into_par_iter().map(|from| {
            monitor.check()?;
            let mut found = vec![];
            for t in (from..(from + CHUNK).min(count)).filter_map(&other) {
                let middle = [0, 1, 2].map(|k| (t.at[0][k] + t.at[1][k] + t.at[2][k]) / 3.0);
                let near = of(&cell(self.lattice, middle)).iter().map(|(_, n)| *n);
                found.extend(near.filter(|n| self.placed[*n as usize].crosses(&t)));
            }
            Ok(found)
        });
        let mut found = others.collect::<Result<Vec<Vec<u32>>, Cancelled>>()?.concat();
        for (n, group) in self.sorted.chunk_by(|a, b| a.0 == b.0).enumerate() {
            if n % 4096 == 0 {
                monitor.check()?;
            }
            for (i, (_, a)) in group.iter().enumerate() {
                for (_, b) in &group[..i] {
                    if self.placed[*a as usize].crosses(&self.placed[*b as usize]) {
                        found.extend([*a, *b]);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

fn cell(lattice: &Lattice, p: Vector) -> [i32; 3] {
    lattice.cells(p).map(|c| c.floor() as i32)
}
