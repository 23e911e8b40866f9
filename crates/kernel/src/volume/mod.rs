//! Samples on a grid, looked up between them.
//!
//! # Formula
//! Trilinear in the cell that holds the point; samples sit on the faces of the box, sample `i` of an axis at
//! offset + size·i/(resolution − 1). Outside the box: the value at the nearest point of the box, plus for scalars the
//! distance to the box.
//!
//! # Promises
//! Continuous everywhere. Of distance samples the result is no distance any more, but as good as their cells are small.

mod bricks;
mod gradient;
#[cfg(test)]
mod tests;

use crate::aabb::Aabb;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::Level;
use bricks::Bricks;
use std::sync::Arc;

/// Points handled at a time.
const BLOCK: usize = 1024;

/// What a volume holds, x fastest, then y, then z.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// One number each.
    Float(Vec<f32>),
    /// One number each, stored as its 127-fold.
    Byte(Vec<i8>),
    /// Two numbers each.
    Vec2(Vec<[f32; 2]>),
    /// Three numbers each.
    Vec3(Vec<[f32; 3]>),
    /// Four numbers each.
    Vec4(Vec<[f32; 4]>),
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::Float(v) => v.len(),
            Samples::Byte(v) => v.len(),
            Samples::Vec2(v) => v.len(),
            Samples::Vec3(v) => v.len(),
            Samples::Vec4(v) => v.len(),
        }
    }

    /// The numbers of these samples, a `Vec` per channel.
    pub fn decode(&self, range: std::ops::Range<usize>) -> Vec<Vec<f32>> {
        let channel = |c| range.clone().map(|i| self.get(i, c)).collect();
        (0..self.channels()).map(channel).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers per sample.
    pub fn channels(&self) -> usize {
        match self {
            Samples::Float(_) | Samples::Byte(_) => 1,
            Samples::Vec2(_) => 2,
            Samples::Vec3(_) => 3,
            Samples::Vec4(_) => 4,
        }
    }

    #[inline(always)]
    fn get(&self, index: usize, channel: usize) -> f32 {
        match self {
            Samples::Float(v) => v[index],
            Samples::Byte(v) => f32::from(v[index]) / 127.0,
            Samples::Vec2(v) => v[index][channel],
            Samples::Vec3(v) => v[index][channel],
            Samples::Vec4(v) => v[index][channel],
        }
    }
}

/// Why samples are no volume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VolumeError {
    /// Too many or too few.
    #[error("{samples} samples for a volume of {}×{}×{}", .resolution[0], .resolution[1], .resolution[2])]
    Count {
        /// How many there are.
        samples: usize,
        /// What they should fill.
        resolution: [u32; 3],
    },
    /// The box is no box.
    #[error("volume {what} on axis {axis} is {value}, expected a finite number{}", if *.what == "size" { " of at least 0" } else { "" })]
    Placement {
        /// `offset` or `size`.
        what: &'static str,
        /// x, y or z.
        axis: char,
        /// What was given.
        value: f64,
    },
    /// The search for extremes was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Samples and where they are.
#[derive(Clone, Debug)]
pub struct Volume {
    samples: Arc<Samples>,
    resolution: [u32; 3],
    offset: [f64; 3],
    size: [f64; 3],
    /// Extremes of scalars.
    bricks: Bricks,
}

/// Where a block of points lies along the axes: cell, place in the cell, how far outside.
struct Cells {
    base: [u32; BLOCK],
    within: [[f32; BLOCK]; 3],
    outside2: [f32; BLOCK],
}

impl Volume {
    /// Samples that fill the box from `offset` to `offset + size` (mm), its faces included.
    pub fn new(
        samples: impl Into<Arc<Samples>>,
        resolution: [u32; 3],
        offset: [f64; 3],
        size: [f64; 3],
        monitor: &Monitor,
    ) -> Result<Volume, VolumeError> {
        let samples = samples.into();
        let count = resolution.iter().map(|&n| u128::from(n)).product::<u128>();
        if count != samples.len() as u128 || count == 0 || count > u128::from(u32::MAX) {
            return Err(VolumeError::Count { samples: samples.len(), resolution });
        }
        for (a, axis) in ['x', 'y', 'z'].into_iter().enumerate() {
            if !offset[a].is_finite() {
                return Err(VolumeError::Placement { what: "offset", axis, value: offset[a] });
            }
            if !(size[a].is_finite() && size[a] >= 0.0) {
                return Err(VolumeError::Placement { what: "size", axis, value: size[a] });
            }
        }
        let bricks = Bricks::of(&samples, resolution, monitor)?;
        Ok(Volume { samples, resolution, offset, size, bricks })
    }

    /// Numbers per sample.
    pub fn channels(&self) -> usize {
        self.samples.channels()
    }

    /// The values at points: one slice per channel, all as long as the coordinates.
    /// Scalars grow with the distance to the box outside it, vectors do not.
    pub fn sample(&self, level: Level, x: &[f32], y: &[f32], z: &[f32], out: &mut [&mut [f32]]) {
        let mut cells = Cells { base: [0; BLOCK], within: [[0.0; BLOCK]; 3], outside2: [0.0; BLOCK] };
        for from in (0..x.len()).step_by(BLOCK) {
            let range = from..x.len().min(from + BLOCK);
            self.locate(level, [x, y, z].map(|c| &c[range.clone()]), &mut cells);
            for (channel, out) in out.iter_mut().enumerate() {
                self.interpolate(&cells, channel, &mut out[range.clone()]);
            }
            if self.channels() == 1 {
                add_roots(level, &cells.outside2, &mut out[0][range]);
            }
        }
    }

    fn locate(&self, level: Level, points: [&[f32]; 3], cells: &mut Cells) {
        let count = points[0].len();
        cells.base[..count].fill(0);
        cells.outside2[..count].fill(0.0);
        let mut stride = 1;
        for a in 0..3 {
            let n = self.resolution[a];
            let density = if self.size[a] > 0.0 { f64::from(n - 1) / self.size[a] } else { 0.0 };
            let axis = Axis {
                from: self.offset[a],
                to: self.offset[a] + self.size[a],
                density,
                last: f64::from(n.saturating_sub(2)),
                stride,
            };
            let within = &mut cells.within[a][..count];
            along(level, axis, points[a], &mut cells.base[..count], within, &mut cells.outside2[..count]);
            stride *= n;
        }
    }

    fn interpolate(&self, cells: &Cells, channel: usize, out: &mut [f32]) {
        // One way through the samples for each type: the choice is made outside the loop.
        match &*self.samples {
            Samples::Float(v) => self.mix(cells, out, |i| v[i]),
            Samples::Byte(v) => self.mix(cells, out, |i| f32::from(v[i]) / 127.0),
            Samples::Vec2(v) => self.mix(cells, out, |i| v[i][channel]),
            Samples::Vec3(v) => self.mix(cells, out, |i| v[i][channel]),
            Samples::Vec4(v) => self.mix(cells, out, |i| v[i][channel]),
        }
    }

    #[inline(always)]
    fn mix(&self, cells: &Cells, out: &mut [f32], get: impl Fn(usize) -> f32) {
        let [nx, ny, nz] = self.resolution.map(|n| n as usize);
        // Along an axis of one sample the neighbour is the sample itself.
        let step = |n: usize, stride: usize| if n > 1 { stride } else { 0 };
        let (dx, dy, dz) = (step(nx, 1), step(ny, nx), step(nz, nx * ny));
        let [tx, ty, tz] = cells.within.each_ref();
        for (k, out) in out.iter_mut().enumerate() {
            let i = cells.base[k] as usize;
            let (tx, ty, tz) = (tx[k], ty[k], tz[k]);
            let along = |i: usize| {
                let (a, b) = (get(i), get(i + dx));
                a + (b - a) * tx
            };
            let plane = |i: usize| {
                let (a, b) = (along(i), along(i + dy));
                a + (b - a) * ty
            };
            let (a, b) = (plane(i), plane(i + dz));
            *out = a + (b - a) * tz;
        }
    }

    /// Bounds of a scalar volume's values over a box.
    pub fn range(&self, over: &Aabb) -> [f32; 2] {
        let (mut near, mut far) = ([0.0f64; 3], [0.0f64; 3]);
        let mut cells = [[0u32; 2]; 3];
        for a in 0..3 {
            let (low, high) = (f64::from(over.min[a]), f64::from(over.max[a]));
            let (from, to) = (self.offset[a], self.offset[a] + self.size[a]);
            near[a] = (from - high).max(low - to).max(0.0);
            far[a] = (from - low).max(high - to).max(0.0);
            let n = f64::from(self.resolution[a].saturating_sub(2));
            let density = f64::from(self.resolution[a] - 1) / self.size[a].max(f64::MIN_POSITIVE);
            // A hair wider: rounding may put a point into the next cell.
            let cell = |x: f64, hair: f64| ((x - from) * density + hair).floor().clamp(0.0, n) as u32;
            cells[a] = [cell(low, -1e-3), cell(high, 1e-3)];
        }
        let [low, high] = self.bricks.range(cells);
        let length = |v: [f64; 3]| (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt() as f32;
        let rounding = 1e-5 * (low.abs().max(high.abs()) + length(far));
        [low + length(near) - rounding, high + length(far) + rounding]
    }
}

/// One axis of a volume.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
    /// Cells per mm.
    density: f64,
    /// Index of the last cell.
    last: f64,
    stride: u32,
}

by_level! {
    /// Adds the cell to `base` and the squared distance outside to `outside2`; sets the place within the cell.
    fn along(axis: Axis, values: &[f32], base: &mut [u32], within: &mut [f32], outside2: &mut [f32]) {
        let points = values.iter().zip(base).zip(within).zip(outside2);
        for (((v, base), within), outside2) in points {
            let v = f64::from(*v);
            let kept = if v > axis.from { v } else { axis.from };
            let kept = if kept < axis.to { kept } else { axis.to };
            let apart = (v - kept) as f32;
            *outside2 += apart * apart;
            let t = (kept - axis.from) * axis.density;
            let cell = t.floor();
            let cell = if cell < axis.last { cell } else { axis.last };
            *within = (t - cell) as f32;
            *base += cell as i32 as u32 * axis.stride;
        }
    }

    fn add_roots(squares: &[f32], out: &mut [f32]) {
        for (o, s) in out.iter_mut().zip(squares) {
            *o += s.sqrt();
        }
    }
}
