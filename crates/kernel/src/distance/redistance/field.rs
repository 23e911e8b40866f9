//! The samples as a trilinear interpolant: value and gradient at sixteen points at once.
//!
//! Coordinates are cell indices times `scale`, so that distances are in units of the finest spacing; they are
//! kept relative to a sample near the points, so that `f32` is as good far from the first sample as at it.

use crate::patch::Patch;
use crate::simd::{F32x16, LANES};
use std::ops::Range;

/// How far beside a crossing its cells are looked for, in cells.
const BESIDE: f32 = 1e-3;
/// How far beside a cell its polynomial still holds, in finest spacings.
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
    /// Each index is that of the first sample of a cell. The processor has what `V` needs.
    #[inline(always)]
    unsafe fn corners<V: F32x16>(&self, index: &[usize; LANES]) -> ([V; 8], V) {
        let [sx, sy, sz] = self.stride;
        unsafe {
            let (zero, mut most) = (V::splat(0.0), V::splat(1e-37));
            let mut c = [zero; 8];
            for (k, along) in [0, sy, sz, sy + sz].into_iter().enumerate() {
                // SAFETY: the caller's promise; strides along single-sample axes are 0.
                let first = self.values.as_ptr().add(along);
                let both = match sx {
                    1 => V::pairs(first, index),
                    // Both corners along x are the same sample.
                    _ => {
                        let mut same = [0.0; LANES];
                        for l in 0..LANES {
                            same[l] = *first.add(index[l]);
                        }
                        [V::load(&same); 2]
                    }
                };
                for (corner, value) in c[2 * k..].iter_mut().zip(both) {
                    *corner = value;
                    most = value.max(zero.sub(value)).max(most);
                }
            }
            let unit = V::splat(1.0).div(most);
            for corner in &mut c {
                *corner = corner.mul(unit);
            }
            (c, most)
        }
    }

    /// The gradient (per unit of distance) at crossings `x`, relative to sample `base` of the grid: the mean of two cells that meet there,
    /// so that along every axis it counts both sides; scaled by a positive factor.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn gradient<V: F32x16>(&self, base: [usize; 3], x: [V; 3]) -> [V; 3] {
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let (mut sum, mut most) = ([zero; 3], V::splat(1e-37));
            for side in [-BESIDE, BESIDE] {
                let mut beside = x;
                for (x, scale) in beside.iter_mut().zip(self.scale) {
                    *x = x.add(V::splat(side * scale));
                }
                let Cells { index, u, .. } = self.cells_at(base, &mut beside);
                let (c, own) = self.corners::<V>(&index);
                let (_, g) = trilinear(c, u);
                let crossed = crossed(c);
                // Each cell has its own unit; the greater of the two is that of the sum.
                let greater = own.max(most);
                let before = one.or_where_less(most.div(greater), zero, crossed);
                let now = crossed.mul(own.div(greater));
                most = most.or_where_less(greater, zero, crossed);
                for a in 0..3 {
                    let own = g[a].mul(V::splat(1.0 / self.scale[a])).mul(now);
                    sum[a] = sum[a].mul(before).add(own);
                }
            }
            sum
        }
    }

    /// The cells of `x`, relative to sample `base` of the grid, which is moved into the field first.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn cells_at<V: F32x16>(&self, base: [usize; 3], x: &mut [V; 3]) -> Cells<V> {
        unsafe {
            let zero = V::splat(0.0);
            let mut cells = Cells { index: [0; LANES], u: [zero; 3], inward: [zero; 3] };
            for a in 0..3 {
                let (from, first) = (-(base[a] as f32), self.first[a]);
                let last = (self.n[a].max(2) - 2 + first) as f32;
                let ([low, high], from) = (self.ends(base, a), V::splat(from));
                let q = x[a].mul(V::splat(1.0 / self.scale[a])).max(V::splat(low)).min(V::splat(high));
                cells.inward[a] = inward(q, low, high);
                x[a] = q.mul(V::splat(self.scale[a]));
                // Between 0 and the number of samples of the grid.
                let cell = q.sub(from).whole().min(V::splat(last));
                cells.u[a] = q.sub(cell.add(from));
                let cell = cell.integers();
                for l in 0..LANES {
                    cells.index[l] += (cell[l] as usize - first) * self.stride[a];
                }
            }
            cells
        }
    }

    /// The first and last sample along axis `a`, counted from `base`.
    fn ends(&self, base: [usize; 3], a: usize) -> [f32; 2] {
        let low = self.first[a] as f32 - base[a] as f32;
        [low, self.n[a] as f32 - 1.0 + low]
    }

    /// The way into the field along each axis, 1 or -1, where `x`, relative to sample `base` of the grid, is at its end; else 0.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn inward<V: F32x16>(&self, base: [usize; 3], x: [V; 3]) -> [V; 3] {
        let mut ways = x;
        for (a, way) in ways.iter_mut().enumerate() {
            let [low, high] = self.ends(base, a);
            *way = unsafe { inward(x[a].mul(V::splat(1.0 / self.scale[a])), low, high) };
        }
        ways
    }

    /// Moves `x`, relative to sample `base` of the grid, into the field and from there by one of Newton's steps towards the zero set.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn land<V: F32x16>(&self, base: [usize; 3], x: &mut [V; 3]) -> Landing<V> {
        unsafe {
            let Cells { index, u, inward } = self.cells_at(base, x);
            let (c, _) = self.corners::<V>(&index);
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let mut free = inward;
            for a in 0..3 {
                free[a] = one.sub(inward[a].mul(inward[a])).mul(V::splat(1.0 / self.scale[a]));
            }
            let (f, g, g2) = slope(c, u, free);
            let step = f.div(g2);
            let (mut to, mut inside) = (u, one);
            for a in 0..3 {
                to[a] = u[a].sub(g[a].mul(free[a]).mul(free[a]).mul(step));
                let room = ROUNDING / self.scale[a];
                inside = inside.or_where_less(zero, to[a], V::splat(-room));
                inside = inside.or_where_less(zero, V::splat(1.0 + room), to[a]);
                x[a] = x[a].add(to[a].sub(u[a]).mul(V::splat(self.scale[a])));
            }
            let (f1, g1, g12) = slope(c, to, free);
            let mut landed = g;
            for a in 0..3 {
                landed[a] = g[a].or_where_less(g1[a], zero, inside).mul(V::splat(1.0 / self.scale[a]));
            }
            Landing {
                f: f.or_where_less(f1, zero, inside),
                g: landed,
                g2: g2.or_where_less(g12, zero, inside),
                inward,
                crossed: crossed(c),
            }
        }
    }
}

/// 1 where `q` is at `low` or below, -1 where it is at `high` or above, else 0.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn inward<V: F32x16>(q: V, low: f32, high: f32) -> V {
    unsafe {
        let (low, high) = (V::splat(low), V::splat(high));
        let below = V::splat(-1.0).or_where_less(V::splat(0.0), q, high);
        V::splat(1.0).or_where_less(below, low, q)
    }
}

/// Where sixteen points are.
struct Cells<V> {
    /// The first samples of their cells.
    index: [usize; LANES],
    /// The points in their cells.
    u: [V; 3],
    /// The way into the field along each axis, 1 or -1, at its end; else 0.
    inward: [V; 3],
}

/// The field where sixteen points have landed, or before the step where that left the cell; scaled by a positive factor of the cell.
pub(super) struct Landing<V> {
    /// Value.
    pub f: V,
    /// Gradient per unit of distance.
    pub g: [V; 3],
    /// The square of the gradient along the axes at whose end the point is not, a little above 0 at least.
    pub g2: V,
    /// The way into the field along each axis, 1 or -1, where the point is at its end, as the zero set is then; else 0.
    pub inward: [V; 3],
    /// Whether the zero set passes through the cell (1 or 0).
    pub crossed: V,
}

/// Value and gradient (per cell) inside cells at `u`, and the square (a little above 0 at least) of the gradient times `free`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn slope<V: F32x16>(c: [V; 8], u: [V; 3], free: [V; 3]) -> (V, [V; 3], V) {
    unsafe {
        let (f, g) = trilinear(c, u);
        let [x, y, z] = [g[0].mul(free[0]), g[1].mul(free[1]), g[2].mul(free[2])];
        let g2 = x.mul(x).add(y.mul(y)).add(z.mul(z));
        (f, g, g2.max(V::splat(LEVEL)))
    }
}

/// Whether the surface passes through cells, some of whose corners are below 0 then and some not: 1 or 0.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn crossed<V: F32x16>(c: [V; 8]) -> V {
    let (mut low, mut high) = (c[0], c[0]);
    unsafe {
        for corner in &c[1..] {
            low = corner.min(low);
            high = corner.max(high);
        }
        let zero = V::splat(0.0);
        let below = zero.or_where_less(V::splat(1.0), low, zero);
        below.or_where_less(zero, high, zero)
    }
}

/// Value and gradient (per cell) inside cells at `u` in 0..=1.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn trilinear<V: F32x16>(c: [V; 8], [x, y, z]: [V; 3]) -> (V, [V; 3]) {
    unsafe {
        let (mut d, mut e) = ([c[0]; 4], [c[0]; 4]);
        for k in 0..4 {
            d[k] = c[2 * k + 1].sub(c[2 * k]);
            e[k] = c[2 * k].add(d[k].mul(x));
        }
        let (sl, sh) = (e[1].sub(e[0]), e[3].sub(e[2]));
        let (low, high) = (e[0].add(sl.mul(y)), e[2].add(sh.mul(y)));
        let (dl, dh) = (d[0].add(d[1].sub(d[0]).mul(y)), d[2].add(d[3].sub(d[2]).mul(y)));
        let rise = high.sub(low);
        let g = [dl.add(dh.sub(dl).mul(z)), sl.add(sh.sub(sl).mul(z)), rise];
        (low.add(rise.mul(z)), g)
    }
}
