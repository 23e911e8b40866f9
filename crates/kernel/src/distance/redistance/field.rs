//! The samples as a trilinear interpolant: value and gradient at sixteen points at once.
//!
//! Coordinates are cell indices times `scale`, so that distances are in units of the finest spacing; they are
//! kept relative to a sample near the points, so that `f32` is as good far from the first sample as at it.

use super::super::brick::Lane;
use crate::patch::Patch;
use crate::simd::LANES;
use std::ops::Range;

/// How far beside a crossing its cells are looked for, in cells.
const BESIDE: f32 = 1e-3;
/// How far beside a cell its polynomial still holds, in cells.
const ROUNDING: f32 = 1e-3;
/// A squared gradient below this is level ground.
const LEVEL: f32 = 1e-12;

/// The field to be redistanced.
pub(super) struct Field {
    /// As given, x fastest; infinite samples became the largest finite numbers.
    pub values: Vec<f32>,
    /// Samples per axis.
    pub n: [usize; 3],
    /// Where the first sample is in the whole grid: places are counted from the grid's first sample, so that a slab of it
    /// sees the same numbers.
    pub first: [usize; 3],
    /// How far apart neighbours along an axis are in `values`; 0 where there is only one sample.
    pub stride: [usize; 3],
    /// Spacing in units of the finest; 1 where there is only one sample.
    pub scale: [f32; 3],
    /// The finest spacing, model units.
    pub cell: f64,
}

impl Field {
    /// Of the planes `z` of `patch`.
    pub fn new(values: Vec<f32>, patch: &Patch, z: &Range<u32>) -> Field {
        let (mut n, spacing) = (patch.resolution().map(|n| n as usize), patch.spacing());
        n[2] = z.len();
        let cell = spacing.into_iter().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
        let cell = if cell.is_finite() { cell } else { 1.0 };
        let steps = [1, n[0], n[0] * n[1]];
        Field {
            values,
            n,
            first: [0, 0, z.start as usize],
            stride: std::array::from_fn(|a| if n[a] > 1 { steps[a] } else { 0 }),
            scale: spacing.map(|h| if h > 0.0 { (h / cell) as f32 } else { 1.0 }),
            cell,
        }
    }

    /// Index of sample `at`.
    #[inline(always)]
    pub fn index(&self, at: [usize; 3]) -> usize {
        at[0] * self.stride[0] + at[1] * self.stride[1] + at[2] * self.stride[2]
    }

    /// Whether one of the 26 neighbours of sample `at` (counted in the slab) is below 0.
    pub fn is_beside_solid(&self, at: [usize; 3]) -> bool {
        let near = |a: usize| at[a].saturating_sub(1)..(at[a] + 2).min(self.n[a]);
        let mut rows = near(2).flat_map(|z| near(1).map(move |y| (y, z)));
        rows.any(|(y, z)| near(0).any(|x| self.values[self.index([x, y, z])] < 0.0))
    }

    /// The corners of sixteen cells whose first samples are at `index`, bit 0 of the corner's number along x, 1 along y, 2
    /// along z, divided by the largest magnitude in the cell so that no product over- or underflows; and that magnitude.
    ///
    /// # Safety
    /// Each index is that of the first sample of a cell.
    #[inline(always)]
    pub unsafe fn corners(&self, index: &[usize; LANES]) -> ([Lane; 8], Lane) {
        let mut c = [[0.0; LANES]; 8];
        let v = self.values.as_ptr();
        let [sx, sy, sz] = self.stride;
        let pairs = [0, sy, sz, sy + sz];
        if sx == 1 {
            // Neighbours along x come in one load.
            for k in 0..4 {
                let mut both = [0u64; LANES];
                for l in 0..LANES {
                    // SAFETY: the caller's promise; strides along single-sample axes are 0.
                    both[l] = unsafe { v.add(index[l] + pairs[k]).cast::<u64>().read_unaligned() };
                }
                for l in 0..LANES {
                    let (first, second) = match cfg!(target_endian = "little") {
                        true => (both[l] as u32, (both[l] >> 32) as u32),
                        false => ((both[l] >> 32) as u32, both[l] as u32),
                    };
                    c[2 * k][l] = f32::from_bits(first);
                    c[2 * k + 1][l] = f32::from_bits(second);
                }
            }
        } else {
            for k in 0..8 {
                for l in 0..LANES {
                    // SAFETY: as above; both corners along x are the same sample.
                    c[k][l] = unsafe { *v.add(index[l] + pairs[k / 2]) };
                }
            }
        }
        let mut most = [1e-37f32; LANES];
        for corner in &c {
            for l in 0..LANES {
                let a = corner[l].abs();
                most[l] = if a > most[l] { a } else { most[l] };
            }
        }
        let mut unit = [0.0; LANES];
        for l in 0..LANES {
            unit[l] = 1.0 / most[l];
        }
        for corner in &mut c {
            for l in 0..LANES {
                corner[l] *= unit[l];
            }
        }
        (c, most)
    }

    /// The gradient (per unit of distance) at crossings `x`, relative to sample `base` of the grid: the mean of two cells that meet there,
    /// so that along every axis it counts both sides; scaled by a positive factor.
    #[inline(always)]
    pub fn gradient(&self, base: [usize; 3], x: &[Lane; 3]) -> [Lane; 3] {
        let (mut sum, mut most) = ([[0.0; LANES]; 3], [1e-37; LANES]);
        for side in [-BESIDE, BESIDE] {
            let mut beside = [[0.0; LANES]; 3];
            for a in 0..3 {
                for l in 0..LANES {
                    beside[a][l] = x[a][l] + side * self.scale[a];
                }
            }
            let Cells { index, u, .. } = self.cells_at(base, &mut beside);
            // SAFETY: cells were clamped to those of the grid.
            let (c, own) = unsafe { self.corners(&index) };
            let (_, g) = trilinear(&c, &u);
            let (mut before, mut now, crossed) = ([0.0; LANES], [0.0; LANES], crossed(&c));
            for l in 0..LANES {
                // Each cell has its own unit; the greater of the two is that of the sum.
                let greater = if own[l] > most[l] { own[l] } else { most[l] };
                before[l] = most[l] / greater;
                now[l] = crossed[l] * (own[l] / greater);
                most[l] = if crossed[l] > 0.0 { greater } else { most[l] };
                before[l] = if crossed[l] > 0.0 { before[l] } else { 1.0 };
            }
            for a in 0..3 {
                let inverse = 1.0 / self.scale[a];
                for l in 0..LANES {
                    sum[a][l] = sum[a][l] * before[l] + g[a][l] * inverse * now[l];
                }
            }
        }
        sum
    }

    /// The cells of `x`, relative to sample `base` of the grid, which is moved into the field first.
    #[inline(always)]
    fn cells_at(&self, base: [usize; 3], x: &mut [Lane; 3]) -> Cells {
        let mut cells = Cells { index: [0; LANES], u: [[0.0; LANES]; 3], free: [[0.0; LANES]; 3] };
        for a in 0..3 {
            let (from, first) = (-(base[a] as f32), self.first[a] as i32);
            let low = first as f32 + from;
            let (high, last) = (self.n[a] as f32 - 1.0 + low, first + (self.n[a].max(2) - 2) as i32);
            let (scale, inverse) = (self.scale[a], 1.0 / self.scale[a]);
            let mut cell = [0i32; LANES];
            for l in 0..LANES {
                let q = x[a][l] * inverse;
                let q = if q > low { q } else { low };
                let q = if q < high { q } else { high };
                cells.free[a][l] = if (q > low) & (q < high) { inverse } else { 0.0 };
                x[a][l] = q * scale;
                // SAFETY: between 0 and the number of samples of the grid.
                let i = unsafe { (q - from).to_int_unchecked::<i32>() };
                let i = if i < last { i } else { last };
                cell[l] = i - first;
                cells.u[a][l] = q - (i as f32 + from);
            }
            for l in 0..LANES {
                cells.index[l] += cell[l] as usize * self.stride[a];
            }
        }
        cells
    }

    /// Moves `x`, relative to sample `base` of the grid, into the field and from there by one of Newton's steps towards the zero set.
    #[inline(always)]
    pub fn land(&self, base: [usize; 3], x: &mut [Lane; 3]) -> Landing {
        let Cells { index, u, free } = self.cells_at(base, x);
        // SAFETY: cells were clamped to those of the grid.
        let (c, _) = unsafe { self.corners(&index) };
        let (mut f, mut g, mut g2) = slope(&c, &u, &free);
        let (mut to, mut inside) = (u, [1.0; LANES]);
        for a in 0..3 {
            for l in 0..LANES {
                to[a][l] = u[a][l] - g[a][l] * free[a][l] * (f[l] / g2[l]);
                let within = (to[a][l] >= -ROUNDING) & (to[a][l] <= 1.0 + ROUNDING);
                inside[l] = if within { inside[l] } else { 0.0 };
            }
        }
        let (f1, g1, g12) = slope(&c, &to, &free);
        for l in 0..LANES {
            let moved = inside[l] > 0.0;
            f[l] = if moved { f1[l] } else { f[l] };
            g2[l] = if moved { g12[l] } else { g2[l] };
        }
        for a in 0..3 {
            for l in 0..LANES {
                let moved = inside[l] > 0.0;
                g[a][l] = if moved { g1[a][l] } else { g[a][l] };
                x[a][l] += (to[a][l] - u[a][l]) * self.scale[a];
            }
        }
        Landing { f, g, g2, crossed: crossed(&c) }
    }
}

/// Where sixteen points are.
struct Cells {
    /// The first samples of their cells.
    index: [usize; LANES],
    /// The points in their cells.
    u: [Lane; 3],
    /// One cell per unit of distance; 0 along axes at whose end the field ends.
    free: [Lane; 3],
}

/// The field where sixteen points have landed, or before the step where that left the cell; scaled by a positive factor of the cell.
pub(super) struct Landing {
    /// Value.
    pub f: Lane,
    /// Gradient per unit of distance; 0 along an axis where the point is at the end of the field: the zero set ends there.
    pub g: [Lane; 3],
    /// Its square, a little above 0 at least.
    pub g2: Lane,
    /// Whether the zero set passes through the cell (1 or 0).
    pub crossed: Lane,
}

/// Value, gradient per unit of distance and its square (a little above 0 at least) inside cells at `u`.
#[inline(always)]
fn slope(c: &[Lane; 8], u: &[Lane; 3], free: &[Lane; 3]) -> (Lane, [Lane; 3], Lane) {
    let (f, mut g) = trilinear(c, u);
    let mut g2 = [0.0; LANES];
    for a in 0..3 {
        for l in 0..LANES {
            g[a][l] *= free[a][l];
            g2[l] += g[a][l] * g[a][l];
        }
    }
    for l in 0..LANES {
        g2[l] = if g2[l] > LEVEL { g2[l] } else { LEVEL };
    }
    (f, g, g2)
}

/// Whether the surface passes through cells, some of whose corners are below 0 then and some not: 1 or 0.
#[inline(always)]
fn crossed(c: &[Lane; 8]) -> Lane {
    let (mut low, mut high) = (c[0], c[0]);
    for corner in &c[1..] {
        for l in 0..LANES {
            low[l] = if corner[l] < low[l] { corner[l] } else { low[l] };
            high[l] = if corner[l] > high[l] { corner[l] } else { high[l] };
        }
    }
    let mut crossed = [0.0; LANES];
    for l in 0..LANES {
        crossed[l] = if (low[l] < 0.0) & (high[l] >= 0.0) { 1.0 } else { 0.0 };
    }
    crossed
}

/// Value and gradient (per cell) inside cells at `u` in 0..=1.
#[inline(always)]
pub(super) fn trilinear(c: &[Lane; 8], u: &[Lane; 3]) -> (Lane, [Lane; 3]) {
    let (mut f, mut g) = ([0.0; LANES], [[0.0; LANES]; 3]);
    for l in 0..LANES {
        let [x, y, z] = [u[0][l], u[1][l], u[2][l]];
        let d = [c[1][l] - c[0][l], c[3][l] - c[2][l], c[5][l] - c[4][l], c[7][l] - c[6][l]];
        let e = [c[0][l] + d[0] * x, c[2][l] + d[1] * x, c[4][l] + d[2] * x, c[6][l] + d[3] * x];
        let (low, high) = (e[0] + (e[1] - e[0]) * y, e[2] + (e[3] - e[2]) * y);
        let (dl, dh) = (d[0] + (d[1] - d[0]) * y, d[2] + (d[3] - d[2]) * y);
        let (sl, sh) = (e[1] - e[0], e[3] - e[2]);
        f[l] = low + (high - low) * z;
        g[0][l] = dl + (dh - dl) * z;
        g[1][l] = sl + (sh - sl) * z;
        g[2][l] = high - low;
    }
    (f, g)
}
