//! What a mesh of samples should be, told from the trilinear interpolant of these samples alone.
//!
//! # Formula
//! In a cell f = L + Q, with L the linear function nearest to the eight corners and Q, trilinear too, the rest. A point
//! of the mesh is a convex combination of crossings, where f is 0, so |f| there is at most E = max Q − min Q over the corners. Nothing of the
//! mesh lies where |f| > E, and every part of a cell where f > E (or f < −E) reaches a corner, along whose edges f only
//! grows: so mesh and interpolant agree there about inside and outside. Hence their volumes differ by at most that of
//! |f| ≤ E in the cells that are crossed. E grows with the square of the cell, and so does the bound.
//!
//! # Limits
//! Shares of cells are exact along the axis that the interpolant is steepest along and by midpoints across: a thousandth of a crossed cell, which the bound allows for.

use crate::mesh::TriMesh;
use crate::patch::Patch;
use crate::vector::{dot, norm, normal};

/// What midpoints may miss of a cell.
const ROUNDING: f64 = 1e-3;
/// Rows across a cell, each way.
const ROWS: usize = 6;

/// Samples as a trilinear function.
pub struct Interpolant<'a> {
    samples: &'a [f32],
    patch: &'a Patch,
}

/// Volumes in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inside {
    /// Where the interpolant is negative.
    pub volume: f64,
    /// What a mesh of it may differ by.
    pub bound: f64,
    /// How many cells the surface crosses.
    pub crossed: usize,
}

/// Triangles by how they look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facing {
    /// Those in cells where the gradient is nearly the same everywhere.
    pub judged: usize,
    /// Of these, those that look against it at their middle.
    pub flipped: usize,
    /// Those on the border that do not look out of it.
    pub inward: usize,
}

impl<'a> Interpolant<'a> {
    /// Of finite samples on `patch`, x fastest.
    pub fn new(samples: &'a [f32], patch: &'a Patch) -> Interpolant<'a> {
        Interpolant { samples, patch }
    }

    /// Corners of cell `at`, bit 0 of the number along x, 1 along y, 2 along z.
    fn corners(&self, at: [usize; 3]) -> [f64; 8] {
        let [nx, ny, _] = self.patch.resolution().map(|n| n as usize);
        let [i, j, k] = at;
        std::array::from_fn(|c| {
            f64::from(self.samples[((k + (c >> 2)) * ny + j + (c >> 1 & 1)) * nx + i + (c & 1)])
        })
    }

    /// Share of an edge that a crossing may be moved by: to keep off the samples, and by rounding.
    fn margin(&self) -> f64 {
        let (low, size, h) = (self.patch.offset(), self.patch.size(), self.patch.spacing());
        let farthest = |a: usize| low[a].abs().max((low[a] + size[a]).abs());
        (0..3)
            .map(|a| (9.0 * f64::from(f32::EPSILON) * farthest(a) / h[a]).max(1.0 / 4000.0))
            .fold(0.0, f64::max)
    }

    /// The volume where it is negative, with the bound for a mesh.
    pub fn inside(&self) -> Inside {
        let [nx, ny, nz] = self.patch.resolution().map(|n| n as usize - 1);
        let (mut found, margin) = (Inside::default(), self.margin());
        for at in (0..nx * ny * nz).map(|i| [i % nx, i / nx % ny, i / nx / ny]) {
            let c = self.corners(at);
            let negative = c.iter().filter(|v| **v < 0.0).count();
            if negative % 8 == 0 {
                found.volume += negative as f64 / 8.0;
                continue;
            }
            let (slope, e) = linear_part(&c, margin);
            let [volume, doubtful] = shares(&turned(&c, slope), e);
            found.volume += volume;
            found.bound += doubtful + ROUNDING;
            found.crossed += 1;
        }
        found
    }

    /// How the triangles of a mesh of it look: outward is where the interpolant grows. A triangle is judged where the
    /// gradients at its cell's corners (of which every gradient in the cell is a mean) are within an angle of cosine `cone` of
    /// their sum, and flipped where it looks against the gradient at its centroid.
    pub fn facing(&self, mesh: &TriMesh, cone: f64) -> Facing {
        let mut found = Facing::default();
        for t in &mesh.triangles {
            let p = t.map(|v| mesh.positions[v as usize].map(f64::from));
            let n = normal(p);
            if let Some((axis, side)) = self.border(t.map(|v| mesh.positions[v as usize])) {
                found.inward += usize::from(n[axis] * side <= 0.0);
                continue;
            }
            let (h, offset, n_cells) = (self.patch.spacing(), self.patch.offset(), self.patch.resolution());
            let middle = [0, 1, 2].map(|a| (p[0][a] + p[1][a] + p[2][a]) / 3.0);
            let at = [0, 1, 2].map(|a| (middle[a] - offset[a]) / h[a]);
            let cell = [0, 1, 2].map(|a| (at[a].max(0.0) as usize).min(n_cells[a] as usize - 2));
            let c = self.corners(cell);
            let corner = |k: usize| gradient(&c, [0, 1, 2].map(|a| (k >> a & 1) as f64), h);
            let mean = [0, 1, 2].map(|a| (0..8).map(|k| corner(k)[a]).sum::<f64>());
            let apart = |k: usize| dot(corner(k), mean) < cone * norm(corner(k)) * norm(mean);
            if norm(mean) == 0.0 || (0..8).any(apart) {
                continue;
            }
            found.judged += 1;
            let here = gradient(&c, [0, 1, 2].map(|a| at[a] - cell[a] as f64), h);
            found.flipped += usize::from(dot(n, here) < 0.0);
        }
        found
    }

    /// The axis and side of the border that a triangle lies in.
    fn border(&self, p: [[f32; 3]; 3]) -> Option<(usize, f64)> {
        let (low, size) = (self.patch.offset(), self.patch.size());
        (0..3).find_map(|a| {
            let at = |v: f64| p.iter().all(|p| p[a] == v as f32);
            let high = low[a] + self.patch.spacing()[a] * f64::from(self.patch.resolution()[a] - 1);
            match (at(low[a]), at(high) || at(low[a] + size[a])) {
                (true, _) => Some((a, -1.0)),
                (_, true) => Some((a, 1.0)),
                _ => None,
            }
        })
    }
}

/// Half the slopes of L, and E of the cell with what the margin at the samples adds.
fn linear_part(c: &[f64; 8], margin: f64) -> ([f64; 3], f64) {
    let mean = c.iter().sum::<f64>() / 8.0;
    let side = |k: usize, a: usize| if k >> a & 1 == 1 { 1.0 } else { -1.0 };
    let slope = [0, 1, 2].map(|a| (0..8).map(|k| side(k, a) * c[k]).sum::<f64>() / 8.0);
    let rest = |k: usize| c[k] - mean - (0..3).map(|a| side(k, a) * slope[a]).sum::<f64>();
    let (mut lo, mut hi, mut steepest) = (0.0f64, 0.0f64, 0.0f64);
    for k in 0..8 {
        (lo, hi) = (lo.min(rest(k)), hi.max(rest(k)));
        steepest = (0..3).fold(steepest, |s, a| s.max((c[k] - c[k ^ 1 << a]).abs()));
    }
    (slope, hi - lo + margin * steepest)
}

/// The corners with the steepest axis in the place of x.
fn turned(c: &[f64; 8], slope: [f64; 3]) -> [f64; 8] {
    let first = (0..3).fold(0, |m, a| if slope[a].abs() > slope[m].abs() { a } else { m });
    std::array::from_fn(|k| c[(0..3).map(|b| (k >> b & 1) << ((first + b) % 3)).sum::<usize>()])
}

/// Shares of a cell where the interpolant is negative, and where it is within ±`e`.
fn shares(c: &[f64; 8], e: f64) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for row in 0..ROWS * ROWS {
        let [v, w] = [row % ROWS, row / ROWS].map(|i| (i as f64 + 0.5) / ROWS as f64);
        let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let end = |x: usize| mix(mix(c[x], c[2 + x], v), mix(c[4 + x], c[6 + x], v), w);
        let (a, b) = (end(0), end(1));
        // Share of the row below a level.
        let below = |level: f64| match (a < level, b < level) {
            (true, true) => 1.0,
            (false, false) => 0.0,
            (true, false) => (level - a) / (b - a),
            (false, true) => (level - b) / (a - b),
        };
        sums[0] += below(0.0);
        sums[1] += below(e) - below(-e);
    }
    sums.map(|s| s / (ROWS * ROWS) as f64)
}

/// At `p` (in cells), per model unit of cells `h` wide.
fn gradient(c: &[f64; 8], p: [f64; 3], h: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|a| {
        let weight = |k: usize, b: usize| if k >> b & 1 == 1 { p[b] } else { 1.0 - p[b] };
        let rise = |k: usize| weight(k, (a + 1) % 3) * weight(k, (a + 2) % 3) * (c[k | 1 << a] - c[k]);
        (0..8).filter(|k| k >> a & 1 == 0).map(rise).sum::<f64>() / h[a]
    })
}
