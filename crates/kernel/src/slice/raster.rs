//! How much of each pixel a layer covers.
//!
//! # Formula
//! Cells that the contour crosses are cut into squares no larger than a pixel, the contour is a straight piece in
//! each, and every piece adds the exact area that lies right of it to the pixels of its row. A running sum along the
//! row then gives the coverage.
//!
//! # Promises
//! Coverage is the exact area of the polygon that joins points of the bilinear contour at most one pixel apart. It
//! differs from the bilinear shape's own by the chords' sagitta: at most `κ·p²/8` for curvature `κ` and pixel `p`,
//! 1/16 of a pixel at a radius of two pixels. Then it is rounded to 1/255.
//!
//! # Source
//! The accumulation of signed areas is that of font rasterisers: Levien, "Inside the fastest font renderer" (2016).

use super::cell::{crossing, pieces, saddle_inside};
use super::{Plane, SliceError};
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::regular::is_inside;
use rayon::prelude::*;

/// Pixel rows that one task fills.
const ROWS_PER_TASK: usize = 32;

/// A picture's pixels over the x and y of a patch; the first row lies at the highest y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raster {
    pixel: [f64; 2],
    offset: [f64; 2],
    width: u32,
    height: u32,
}

impl Raster {
    /// Pixels of `pixel` mm that cover the patch from its lowest x and y, at most `max_pixels`.
    pub fn new(patch: &Patch, pixel: [f64; 2], max_pixels: u64) -> Result<Raster, SliceError> {
        let mut counts = [0.0; 2];
        for a in 0..2 {
            if !(pixel[a].is_finite() && pixel[a] > 0.0) {
                return Err(SliceError::NotPositive { what: "pixel size", value: pixel[a] });
            }
            // The guard keeps a pixel that divides the size from giving a column more by rounding.
            counts[a] = (patch.size()[a] / pixel[a] - 1e-9).ceil().max(1.0);
        }
        let count = counts[0] * counts[1];
        // PNG holds up to 2³¹ - 1 columns and rows.
        if !(count <= max_pixels as f64 && counts.iter().all(|&c| c < 2147483648.0)) {
            return Err(SliceError::TooMany { what: "pixels in a layer", count, limit: max_pixels });
        }
        let [ox, oy, _] = patch.offset();
        Ok(Raster { pixel, offset: [ox, oy], width: counts[0] as u32, height: counts[1] as u32 })
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Size of a pixel, mm.
    pub fn pixel(&self) -> [f64; 2] {
        self.pixel
    }

    /// Number of pixels: bytes of a coverage picture.
    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// Fills `out` with the coverage of each pixel by what lies below `iso`: 0 none, 255 all. `plane` is one of the patch
/// that `raster` was made for. `out` has [`Raster::pixels`] bytes, or this panics.
pub fn coverage(
    plane: &Plane,
    iso: f32,
    raster: &Raster,
    out: &mut [u8],
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    assert_eq!(out.len(), raster.pixels(), "one byte per pixel");
    if plane.resolution().iter().any(|&n| n < 2) {
        out.fill(0);
        return Ok(());
    }
    let width = raster.width as usize;
    out.par_chunks_mut(width * ROWS_PER_TASK).enumerate().try_for_each(|(task, rows)| {
        monitor.check()?;
        // Rows of the picture run down, those of the sums up: `low` is this task's lowest row from below.
        let count = rows.len() / width;
        let low = raster.height as usize - task * ROWS_PER_TASK - count;
        let mut sums = Sums { width, low, count, cells: vec![0.0; (width + 1) * count] };
        sums.add_cells(plane, iso, raster);
        for (row, sums) in rows.chunks_exact_mut(width).rev().zip(sums.cells.chunks_exact(width + 1)) {
            let mut sum = 0.0;
            for (pixel, s) in row.iter_mut().zip(sums) {
                sum += s;
                *pixel = (sum * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        Ok(())
    })
}

/// Changes of coverage from pixel to pixel along the rows `low..low + count`, counted from below.
struct Sums {
    width: usize,
    low: usize,
    count: usize,
    cells: Vec<f64>,
}

impl Sums {
    /// Adds the contour pieces of every cell that touches these rows.
    fn add_cells(&mut self, plane: &Plane, iso: f32, raster: &Raster) {
        let ([nx, ny], h) = (plane.resolution(), plane.spacing());
        // Pixels per cell, and into how many squares a cell is cut.
        let scale = [h[0] / raster.pixel[0], h[1] / raster.pixel[1]];
        let cut = scale.map(|s| (s.ceil() as usize).max(1));
        let first = ((self.low as f64 / scale[1]).floor() as usize).saturating_sub(1).min(ny - 2);
        let last = (((self.low + self.count) as f64 / scale[1]).ceil() as usize).min(ny - 2);
        for y in first..=last {
            let (low, high) = (plane.row(y), plane.row(y + 1));
            for x in 0..nx - 1 {
                let f = [low[x], low[x + 1], high[x + 1], high[x]];
                let inside = f.map(|v| is_inside(v, iso)).iter().filter(|&&i| i).count();
                if inside != 0 && inside != 4 {
                    self.add_cell(f, iso, [x as f64, y as f64], scale, cut);
                }
            }
            // Closed along the left and right border; along the others nothing is left or right of the line.
            self.add_border([low[0], high[0]], iso, y, 0.0, scale, false);
            self.add_border([low[nx - 1], high[nx - 1]], iso, y, (nx - 1) as f64 * scale[0], scale, true);
        }
    }

    /// The part below `iso` of the border piece from sample `y` to `y + 1` at pixel column `x`.
    fn add_border(&mut self, f: [f32; 2], iso: f32, y: usize, x: f64, scale: [f64; 2], upward: bool) {
        let t = match f.map(|v| is_inside(v, iso)) {
            [false, false] => return,
            [true, true] => [0.0, 1.0],
            [true, false] => [0.0, crossing(f64::from(f[0]), f64::from(f[1]), f64::from(iso))],
            [false, true] => [crossing(f64::from(f[0]), f64::from(f[1]), f64::from(iso)), 1.0],
        };
        let [low, high] = t.map(|t| [x, (y as f64 + t) * scale[1]]);
        if upward { self.add(low, high) } else { self.add(high, low) }
    }

    /// The contour in one cell, cut into squares of the bilinear interpolant.
    fn add_cell(&mut self, f: [f32; 4], iso: f32, at: [f64; 2], scale: [f64; 2], cut: [usize; 2]) {
        let g = f.map(f64::from);
        // Infinite samples cannot be interpolated, and a crossing next to them is anyone's guess.
        let cut = if g.iter().all(|v| v.is_finite()) { cut } else { [1, 1] };
        let value = |i: usize, j: usize| {
            let (u, v) = (i as f64 / cut[0] as f64, j as f64 / cut[1] as f64);
            match (i == 0, i == cut[0], j == 0, j == cut[1]) {
                // Corners are themselves, so that a cut cell has the same corners inside as an uncut one.
                (true, _, true, _) => f[0],
                (_, true, true, _) => f[1],
                (_, true, _, true) => f[2],
                (true, _, _, true) => f[3],
                _ => {
                    let (low, high) = (g[0] + (g[1] - g[0]) * u, g[3] + (g[2] - g[3]) * u);
                    (low + (high - low) * v) as f32
                }
            }
        };
        for j in 0..cut[1] {
            let mut left = [value(0, j), value(0, j + 1)];
            for i in 0..cut[0] {
                let right = [value(i + 1, j), value(i + 1, j + 1)];
                let corners = [left[0], right[0], right[1], left[1]];
                left = right;
                let pattern = (0..4).fold(0u8, |p, k| p | u8::from(is_inside(corners[k], iso)) << k);
                let (found, n) = pieces(pattern, || saddle_inside(corners, iso));
                for piece in &found[..n] {
                    let [from, to] = piece.map(|side| {
                        let k = side as usize;
                        let (a, b) = (f64::from(corners[k]), f64::from(corners[(k + 1) % 4]));
                        let t = crossing(a, b, f64::from(iso));
                        let [u, v] = [[t, 0.0], [1.0, t], [1.0 - t, 1.0], [0.0, 1.0 - t]][k];
                        let (u, v) = ((i as f64 + u) / cut[0] as f64, (j as f64 + v) / cut[1] as f64);
                        [(at[0] + u) * scale[0], (at[1] + v) * scale[1]]
                    });
                    self.add(from, to);
                }
            }
        }
    }

    /// Adds the area right of the straight piece from `a` to `b`, in pixels: negative where it goes up, since the
    /// inside is on its left.
    fn add(&mut self, a: [f64; 2], b: [f64; 2]) {
        let (sign, a, b) = if a[1] < b[1] { (-1.0, a, b) } else { (1.0, b, a) };
        let (bottom, top) = (self.low as f64, (self.low + self.count) as f64);
        let (from, to) = (a[1].max(bottom), b[1].min(top));
        if from.is_nan() || to.is_nan() || from >= to {
            return;
        }
        let slope = (b[0] - a[0]) / (b[1] - a[1]);
        let x_at = |y: f64| (a[0] + (y - a[1]) * slope).clamp(a[0].min(b[0]), a[0].max(b[0]));
        let (mut y, mut x) = (from, x_at(from));
        let mut row = (from - bottom) as usize;
        while y < to && row < self.count {
            let next = (bottom + row as f64 + 1.0).min(to);
            let x_next = x_at(next);
            self.add_in_row(row, sign * (next - y), x.min(x_next), x.max(x_next));
            (y, x, row) = (next, x_next, row + 1);
        }
    }

    /// Within one row: a piece of height `dy` that spreads evenly over `x0..x1`.
    fn add_in_row(&mut self, row: usize, dy: f64, x0: f64, x1: f64) {
        let width = self.width as f64;
        let (x0, x1) = (x0.clamp(0.0, width), x1.clamp(0.0, width));
        let cells = &mut self.cells[row * (self.width + 1)..(row + 1) * (self.width + 1)];
        let (first, last) = ((x0 as usize).min(self.width - 1), (x1 as usize).min(self.width - 1));
        // The part of a pixel that lies right of the piece, averaged over the piece's height in that pixel.
        let mut deposit = |i: usize, dy: f64, from: f64, to: f64| {
            let right = i as f64 + 1.0 - 0.5 * (from + to);
            cells[i] += dy * right;
            cells[i + 1] += dy * (1.0 - right);
        };
        if first == last {
            return deposit(first, dy, x0, x1);
        }
        let per_x = dy / (x1 - x0);
        for i in first..=last {
            let (from, to) = (x0.max(i as f64), x1.min(i as f64 + 1.0));
            deposit(i, per_x * (to - from), from, to);
        }
    }
}
