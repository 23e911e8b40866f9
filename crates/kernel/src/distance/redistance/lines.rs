//! Crossings of lines within cells in which the zero set is far from flat: on creases, in thin walls, around what is no larger than a cell.
//!
//! # Why
//! Where the zero set bulges, its nearest point may be far from all crossings of the cell's edges, by the size of the bulge however far the sample is,
//! and no gradient there leads to it. On a line parallel to an axis the interpolant is linear, so more of its zeros are to be had exactly.
//!
//! # Promises
//! Which cells have lines depends on their own eight samples, how many on those of their block of 4×4×4. A block has at
//! most seven crossings a sample, those of its edges included: where the surface is everywhere, there are fewer lines, or none.

use super::crossing::{BLOCK, Crossing};
use super::field::Field;

/// How thick the slab may be that holds the zero set of a cell that counts as flat, in finest spacings.
const FLAT: f32 = 0.12;
/// Lines of a cell along each axis, each way.
const LINES: u32 = 4;
/// Crossings of a block at most: beyond it half as many lines each way must do, or the edges alone.
const MOST: usize = 7 * BLOCK * BLOCK * BLOCK;

/// A cell with lines.
pub(super) struct Cell {
    /// Bit 0 of the number along x, 1 along y, 2 along z.
    corners: [f64; 8],
    /// How the block counts its first sample.
    sample: u32,
    /// Axes along which the field has one sample, and so no lines.
    flat: [bool; 3],
}

impl Cell {
    /// The cell behind sample `at` of the field, if the zero set passes through it and is not nearly flat there.
    pub fn curved(field: &Field, at: [usize; 3], sample: u32) -> Option<Cell> {
        let (first, steps) = (field.index(at), field.stride);
        let mut corners = [0.0f32; 8];
        for (k, corner) in corners.iter_mut().enumerate() {
            *corner =
                field.values[first + (k & 1) * steps[0] + (k >> 1 & 1) * steps[1] + (k >> 2) * steps[2]];
        }
        let (low, high) = extent(&corners);
        if low >= 0.0 || high < 0.0 {
            return None;
        }
        // No product over- or underflows.
        let unit = 1.0 / if -low > high { -low } else { high };
        let corners = corners.map(|c| c * unit);
        let curved = thickness2(&corners, field.scale) > FLAT * FLAT;
        curved.then(|| Cell { corners: corners.map(f64::from), sample, flat: steps.map(|s| s == 0) })
    }

    /// Adds the crossings of every `step`-th line; the edges are none.
    fn push(&self, step: usize, out: &mut Vec<Crossing>) {
        for axis in (0..3).filter(|a| !self.flat[*a]) {
            let (b, d) = ((axis + 1) % 3, (axis + 2) % 3);
            let lines = |a: usize| (0..if self.flat[a] { 1 } else { LINES }).step_by(step);
            for (i, j) in lines(d).flat_map(|j| lines(b).map(move |i| (i, j))).skip(1) {
                let (u, v) = (f64::from(i) / f64::from(LINES), f64::from(j) / f64::from(LINES));
                let end = |e: usize| {
                    let at = |k: usize, l: usize| self.corners[e << axis | k << b | l << d];
                    let low = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
                    let high = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
                    low + (high - low) * v
                };
                let (from, to) = (end(0), end(1));
                if (from < 0.0) != (to < 0.0) {
                    out.push(Crossing::within(axis as u32, self.sample, [i, j], from / (from - to)));
                }
            }
        }
    }
}

/// Adds the crossings of the lines in the cells of a block to those of its edges, which begin at number `first`.
pub(super) fn crossings(cells: &[Cell], first: usize, out: &mut Vec<Crossing>) {
    let edges = out.len();
    for step in [1, 2] {
        // A cell has less than MOST itself.
        let fits = |cell: &Cell| {
            cell.push(step, out);
            out.len() <= first + MOST
        };
        if cells.iter().all(fits) {
            return;
        }
        out.truncate(edges);
    }
}

/// Square of the thickness of a slab that holds the zero set of a cell, by the linear function nearest to the corners.
fn thickness2(corners: &[f32; 8], scale: [f32; 3]) -> f32 {
    let (mut mean, mut half) = (0.0, [0.0f32; 3]);
    for (k, corner) in corners.iter().enumerate() {
        mean += 0.125 * corner;
        for (a, half) in half.iter_mut().enumerate() {
            *half += if k >> a & 1 == 1 { 0.125 * corner } else { -0.125 * corner };
        }
    }
    let mut rest = *corners;
    for (k, rest) in rest.iter_mut().enumerate() {
        let side = |a: usize| if k >> a & 1 == 1 { half[a] } else { -half[a] };
        *rest -= mean + side(0) + side(1) + side(2);
    }
    let (low, high) = extent(&rest);
    let slope = |a: usize| 2.0 * half[a] / scale[a];
    let slope2 = slope(0) * slope(0) + slope(1) * slope(1) + slope(2) * slope(2);
    (high - low) * (high - low) / if slope2 > 1e-30 { slope2 } else { 1e-30 }
}

/// The least and the greatest.
fn extent(values: &[f32; 8]) -> (f32, f32) {
    let (mut low, mut high) = (values[0], values[0]);
    for v in values {
        low = if *v < low { *v } else { low };
        high = if *v > high { *v } else { high };
    }
    (low, high)
}
