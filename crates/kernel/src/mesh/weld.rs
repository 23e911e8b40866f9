//! Welding: vertices closer than a tolerance become one.
//!
//! First vertices with equal coordinates (−0 equals 0), in parallel: an STL has six times more corners than points.
//! Then those left, in order: each joins the first kept vertex within the tolerance (the nearest; of equally near
//! ones the earlier) or is kept. So the order of the file decides, never the number of threads; no vertex moves
//! further than the tolerance, and chains of close vertices do not collapse.

use super::TriMesh;
use super::first_equal::{first_equal, mix};
use crate::aabb::Aabb;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

const NONE: u32 = u32::MAX;
/// Cells are so many tolerances wide: enough that few searches touch a second cell, and as wide as the usual
/// distance of two vertices allows, so that the kept vertices of a cell (all a tolerance apart) stay few.
const TOLERANCES_PER_CELL: (f64, f64) = (8.0, 32.0);

/// Welds in place; vertices that no triangle uses are dropped, the rest keeps its order and its bits.
/// Returns how many used vertices went.
pub(super) fn weld(mesh: &mut TriMesh, tolerance: f64, monitor: &Monitor) -> Result<usize, Cancelled> {
    let mut target = equal_positions(&mesh.positions, monitor)?;
    let used = mark_used(mesh);
    let used_before = used.iter().filter(|&&u| u).count();
    // What is kept of the exact pass: first of its kind, and its kind is used.
    let mut keep = vec![false; mesh.positions.len()];
    for (i, &u) in used.iter().enumerate() {
        if u {
            keep[target[i] as usize] = true;
        }
    }
    drop(used);
    if tolerance > 0.0 {
        weld_near(&mesh.positions, tolerance, &mut keep, &mut target, monitor)?;
    }
    monitor.check()?;
    // From "the vertex it joins" to its new number, in place: a vertex joins none behind itself.
    let mut kept = 0u32;
    for i in 0..target.len() {
        let first = target[i] as usize;
        if first != i {
            target[i] = target[first];
        } else if keep[i] {
            mesh.positions[kept as usize] = mesh.positions[i];
            target[i] = kept;
            kept += 1;
        } else {
            target[i] = NONE;
        }
    }
    mesh.positions.truncate(kept as usize);
    mesh.positions.shrink_to_fit();
    mesh.triangles.par_iter_mut().for_each(|t| *t = t.map(|i| target[i as usize]));
    Ok(used_before - kept as usize)
}

/// Drops vertices that no triangle uses; the rest keeps its order.
pub(super) fn drop_unused(mesh: &mut TriMesh) {
    let used = mark_used(mesh);
    if used.iter().all(|&u| u) {
        return;
    }
    let mut number = vec![NONE; used.len()];
    let mut kept = 0;
    for i in (0..used.len()).filter(|&i| used[i]) {
        mesh.positions[kept] = mesh.positions[i];
        number[i] = kept as u32;
        kept += 1;
    }
    mesh.positions.truncate(kept);
    mesh.triangles.par_iter_mut().for_each(|t| *t = t.map(|i| number[i as usize]));
}

/// For each position the first equal one (−0 and 0 are the same).
pub(crate) fn equal_positions(positions: &[[f32; 3]], monitor: &Monitor) -> Result<Vec<u32>, Cancelled> {
    // Adding 0 makes −0 a 0.
    let key = |i: usize| positions[i].map(|v| (v + 0.0).to_bits());
    let hash = |k: &[u32; 3]| mix(mix(0, u64::from(k[0]) << 32 | u64::from(k[1])), u64::from(k[2]));
    first_equal(positions.len(), key, hash, monitor)
}

fn mark_used(mesh: &TriMesh) -> Vec<bool> {
    let mut used = vec![false; mesh.positions.len()];
    mesh.triangles.iter().flatten().for_each(|&i| used[i as usize] = true);
    used
}

/// Joins vertices in `keep` that lie within `tolerance` of an earlier kept one: `keep` turns false and
/// `target` names the other.
fn weld_near(
    positions: &[[f32; 3]],
    tolerance: f64,
    keep: &mut [bool],
    target: &mut [u32],
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    let bounds = Aabb::around(keep.iter().zip(positions).filter(|(k, _)| **k).map(|(_, p)| p));
    let count = keep.iter().filter(|&&k| k).count();
    let mut grid = Grid::new(&bounds, tolerance, count);
    for i in 0..positions.len() {
        if i % (1 << 16) == 0 {
            monitor.check()?;
        }
        if !keep[i] {
            continue;
        }
        match grid.nearest(positions, positions[i], tolerance) {
            Some(j) => {
                keep[i] = false;
                target[i] = j;
            }
            None => grid.insert(i as u32, positions[i]),
        }
    }
    Ok(())
}

/// A hash grid of kept vertices. Cells that share a slot share a chain; the distance sorts them out.
struct Grid {
    origin: [f64; 3],
    cell: f64,
    heads: Vec<u32>,
    /// Vertex and the next entry of the chain.
    entries: Vec<(u32, u32)>,
}

impl Grid {
    fn new(bounds: &Aabb, tolerance: f64, count: usize) -> Grid {
        let (least, most) = TOLERANCES_PER_CELL;
        let usual_distance = bounds.diagonal() / (count.max(1) as f64).sqrt();
        let cell = usual_distance.clamp(least * tolerance, most * tolerance);
        // Cells that an f32 cannot tell apart would only overflow their numbers.
        let cell = cell.max(1e-9 * bounds.diagonal()).max(f64::MIN_POSITIVE);
        let heads = vec![NONE; (count + count / 2).max(1)];
        Grid { origin: bounds.min.map(f64::from), cell, heads, entries: Vec::with_capacity(count) }
    }

    /// Rounds toward zero: the cells at the lower border are a little wider, all others are alike.
    fn cell_of(&self, p: [f64; 3]) -> [i64; 3] {
        std::array::from_fn(|k| ((p[k] - self.origin[k]) / self.cell) as i64)
    }

    fn slot(&self, cell: [i64; 3]) -> usize {
        let hash = cell.iter().fold(0, |h, &c| mix(h, c as u64));
        ((u128::from(hash) * self.heads.len() as u128) >> 64) as usize
    }

    fn insert(&mut self, i: u32, p: [f32; 3]) {
        let slot = self.slot(self.cell_of(p.map(f64::from)));
        self.entries.push((i, self.heads[slot]));
        self.heads[slot] = (self.entries.len() - 1) as u32;
    }

    fn nearest(&self, positions: &[[f32; 3]], p: [f32; 3], tolerance: f64) -> Option<u32> {
        let p = p.map(f64::from);
        let from = self.cell_of(p.map(|v| v - tolerance));
        let to = self.cell_of(p.map(|v| v + tolerance));
        let mut best: Option<(f64, u32)> = None;
        for x in from[0]..=to[0] {
            for y in from[1]..=to[1] {
                for z in from[2]..=to[2] {
                    let mut entry = self.heads[self.slot([x, y, z])];
                    while entry != NONE {
                        let (i, next) = self.entries[entry as usize];
                        let q = positions[i as usize].map(f64::from);
                        let d2: f64 = (0..3).map(|k| (p[k] - q[k]) * (p[k] - q[k])).sum();
                        if d2 <= tolerance * tolerance && best.is_none_or(|b| (d2, i) < b) {
                            best = Some((d2, i));
                        }
                        entry = next;
                    }
                }
            }
        }
        best.map(|(_, i)| i)
    }
}
