//! Where crossings lie: the patch in numbers, and the interpolation along an edge.

use super::IsosurfaceError;
use super::table::ends;
use crate::patch::Patch;
use crate::regular::{self, Rule};

/// The least distance of a crossing from the samples of its edge, in cells.
const LEAST_MARGIN: f64 = 1.0 / 4096.0;
/// The margin in `f32::EPSILON` of the largest coordinate: so many that rounding a position to `f32` cannot carry it onto
/// a neighbour.
const MARGIN_ULPS: f64 = 8.0;
/// Where the margin had to be wider than this the patch is refused.
const MOST_MARGIN: f64 = 1.0 / 16.0;

/// A patch with at least two different samples on every axis.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    pub n: [usize; 3],
    offset: [f64; 3],
    step: [f64; 3],
    /// Crossings stay so far from the samples, in cells.
    margin: [f64; 3],
    pub isovalue: f32,
    /// Which samples at the isovalue are inside.
    pub rule: Rule,
}

impl Lattice {
    pub fn new(patch: &Patch, isovalue: f32) -> Result<Lattice, IsosurfaceError> {
        if !isovalue.is_finite() {
            return Err(IsosurfaceError::Isovalue { value: isovalue });
        }
        let (step, offset) = (patch.spacing(), patch.offset());
        let mut margin = [0.0; 3];
        for a in 0..3 {
            let axis = ['x', 'y', 'z'][a];
            if patch.resolution()[a] < 2 || step[a] <= 0.0 {
                return Err(IsosurfaceError::Flat { axis });
            }
            let farthest = offset[a].abs().max((offset[a] + patch.size()[a]).abs());
            margin[a] = (MARGIN_ULPS * f64::from(f32::EPSILON) * farthest / step[a]).max(LEAST_MARGIN);
            if margin[a] > MOST_MARGIN
                || farthest > f64::from(f32::MAX)
                || step[a] < f64::from(f32::MIN_POSITIVE)
            {
                return Err(IsosurfaceError::Unresolved { axis, step: step[a], farthest });
            }
        }
        let n = patch.resolution().map(|n| n as usize);
        Ok(Lattice { n, offset, step, margin, isovalue, rule: Rule::new(patch, isovalue) })
    }

    /// A sample's value relative to the isovalue; what is not finite counts as the greatest `f32`.
    #[inline(always)]
    pub fn relative(&self, v: f32) -> f64 {
        regular::relative(v, self.isovalue)
    }

    /// Where the edge along `axis` from a sample of value `a` to the next of value `b` crosses, in cells.
    #[inline(always)]
    pub fn crossing(&self, axis: usize, a: f64, b: f64) -> f64 {
        let (t, margin) = (a / (a - b), self.margin[axis]);
        let t = if t > margin { t } else { margin };
        if t < 1.0 - margin { t } else { 1.0 - margin }
    }

    /// A coordinate in cells as one of the model.
    #[inline(always)]
    pub fn coordinate(&self, axis: usize, cells: f64) -> f64 {
        self.offset[axis] + self.step[axis] * cells
    }

    /// A position in cells as one of the model.
    #[inline(always)]
    pub fn position(&self, cells: [f64; 3]) -> [f32; 3] {
        [0, 1, 2].map(|a| self.coordinate(a, cells[a]) as f32)
    }

    /// Where edge `e` of a cell crosses, in cells from the cell's corner.
    pub fn crossing_of(&self, e: usize, values: &[f64; 8]) -> [f64; 3] {
        let [a, b] = ends(e);
        let axis = (a ^ b).trailing_zeros() as usize;
        let mut p = [0, 1, 2].map(|k| (a >> k & 1) as f64);
        p[axis] = self.crossing(axis, values[a], values[b]);
        p
    }

    /// The inner vertices of the cell `base`, in the model: each the mean of the crossings of some edges (bits), kept off the faces.
    /// Where means coincide, later ones step aside towards the other side of the cell.
    pub fn inner(&self, base: [f64; 3], means: &[u16], values: &[f64; 8]) -> Vec<[f32; 3]> {
        let mut found: Vec<[f32; 3]> = Vec::with_capacity(means.len());
        for &edges in means {
            let mut sum = [0.0; 3];
            for e in (0..12).filter(|e| edges >> e & 1 == 1) {
                let p = self.crossing_of(e, values);
                (0..3).for_each(|k| sum[k] += p[k]);
            }
            let at = self.inside(sum.map(|s| s / f64::from(edges.count_ones())));
            let aside = 0.5 * self.margin[0] * if at[0] < 0.5 { 1.0 } else { -1.0 };
            let steps = (0..=means.len())
                .map(|n| [base[0] + at[0] + aside * n as f64, base[1] + at[1], base[2] + at[2]]);
            // One more place than vertices: one is free.
            let free = steps.map(|p| self.position(p)).find(|p| !found.contains(p));
            found.extend(free);
        }
        found
    }

    /// Gradient of the trilinear interpolant at `p` (in cells from the cell's corner), in the model.
    pub fn gradient(&self, p: [f64; 3], values: &[f64; 8]) -> [f64; 3] {
        [0, 1, 2].map(|a| {
            let weight = |c: usize| {
                let along = |k: usize| if c >> k & 1 == 1 { p[k] } else { 1.0 - p[k] };
                along((a + 1) % 3) * along((a + 2) % 3)
            };
            let rise = |c: usize| weight(c) * (values[c | 1 << a] - values[c]);
            (0..8).filter(|c| c >> a & 1 == 0).map(rise).sum::<f64>() / self.step[a]
        })
    }

    /// The lower sample of the edge along `axis` that a crossing lies on, and how far from there, in cells.
    pub fn edge_of(&self, p: [f32; 3], axis: usize) -> ([usize; 3], f64) {
        let cells = self.cells(p.map(f64::from));
        let lower = |a: usize| if a == axis { cells[a].floor() } else { cells[a].round() };
        ([0, 1, 2].map(|a| lower(a).max(0.0) as usize), cells[axis] - lower(axis))
    }

    /// The crossing `p` of an edge along `axis` taken to `t` cells from its lower sample, which is the `base`th, as far as it may go
    /// towards the samples: where it is then.
    pub fn on_edge(&self, mut p: [f32; 3], axis: usize, base: f64, t: f64) -> (f64, [f32; 3]) {
        let margin = self.margin[axis];
        let t = t.max(margin).min(1.0 - margin);
        p[axis] = self.coordinate(axis, base + t) as f32;
        (t, p)
    }

    /// Width of a cell.
    pub fn step(&self, axis: usize) -> f64 {
        self.step[axis]
    }

    /// A position of the model in cells.
    pub fn cells(&self, p: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|a| (p[a] - self.offset[a]) / self.step[a])
    }

    /// `p` (in cells) kept inside the cell `base`, in the model.
    pub fn within(&self, base: [f64; 3], p: [f64; 3]) -> [f32; 3] {
        let kept = self.inside([0, 1, 2].map(|k| p[k] - base[k]));
        self.position([0, 1, 2].map(|k| base[k] + kept[k]))
    }

    /// `p` (in cells from the corner of its cell) kept off the cell's faces.
    pub fn inside(&self, p: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|k| p[k].max(2.0 * self.margin[k]).min(1.0 - 2.0 * self.margin[k]))
    }
}
