//! In which direction a scalar volume grows, anywhere.
//!
//! # Formula
//! (V(p + h) − V(p − h)) / 2h along each axis, V the trilinear interpolant and h one cell. Within a cell of a face, where one of these
//! lies outside the box, (4V(p + h) − V(p + 2h) − 3V(p)) / 2h with h towards the inside; all three lie alike in their cells, so that what
//! the interpolant misses cancels. On an axis too short for that both points are brought into the box, and what is left between
//! them is the divisor. Outside the box the gradient is that of the nearest point of the box.
//!
//! # Promises
//! Exact where the samples are of a parabola along each axis, of second order in the cell; on axes of two samples, and beside the middle
//! of one of three, of first order.

use super::{BLOCK, Volume};
use crate::simd::Level;

impl Volume {
    /// The gradient of a scalar volume at points, per mm: a slice per axis, as long as the coordinates. Zero along axes
    /// of one sample.
    pub fn gradient(&self, level: Level, points: [&[f32]; 3], out: [&mut [f32]; 3]) {
        let mut moved = [[0.0f32; BLOCK]; 3];
        for from in (0..points[0].len()).step_by(BLOCK) {
            let range = from..points[0].len().min(from + BLOCK);
            for a in 0..3 {
                self.inner(a, 0.0, &points[a][range.clone()], &mut moved[a]);
            }
            for a in 0..3 {
                self.along(a, level, &points[a][range.clone()], &mut moved, &mut out[a][range.clone()]);
            }
        }
    }

    /// The derivative along one axis at `moved`, the points brought into the box.
    fn along(&self, a: usize, level: Level, points: &[f32], moved: &mut [[f32; BLOCK]; 3], out: &mut [f32]) {
        let h = self.size[a] / f64::from(self.resolution[a].max(2) - 1);
        let kept = moved[a];
        let mut value_at = |by: f64, values: &mut [f32]| {
            self.inner(a, by, points, &mut moved[a]);
            self.values(level, moved, values);
            let at = moved[a];
            moved[a] = kept;
            at
        };
        let (mut below, mut above) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
        let count = points.len();
        let lowest = value_at(-h, &mut below[..count]);
        let highest = value_at(h, &mut above[..count]);
        let mut one_sided = false;
        for (k, to) in out.iter_mut().enumerate() {
            let apart = highest[k] - lowest[k];
            *to = if apart > 0.0 { (above[k] - below[k]) / apart } else { 0.0 };
            one_sided |= f64::from(apart) < 1.99 * h;
        }
        if !one_sided || self.resolution[a] < 3 {
            return;
        }
        let mut own = [0.0f32; BLOCK];
        value_at(0.0, &mut own[..count]);
        for (sign, near, first) in [(1.0, &above, &highest), (-1.0, &below, &lowest)] {
            let mut far = [0.0f32; BLOCK];
            let second = value_at(sign * 2.0 * h, &mut far[..count]);
            for (k, to) in out.iter_mut().enumerate() {
                let at = |x: f32| f64::from(x) - f64::from(kept[k]);
                let (one, two) = (at(first[k]), at(second[k]));
                let other = if sign > 0.0 { at(lowest[k]) } else { at(highest[k]) };
                // Two whole cells on this side and not one on the other.
                if other.abs() < 0.99 * h && two.abs() > 1.99 * h {
                    let [near, far] = [near[k], far[k]].map(|v| f64::from(v) - f64::from(own[k]));
                    *to = ((two * two * near - one * one * far) / (one * two * (two - one))) as f32;
                }
            }
        }
    }

    /// Coordinates brought into the box, moved by `by` and brought into it again.
    fn inner(&self, axis: usize, by: f64, from: &[f32], to: &mut [f32; BLOCK]) {
        let (low, high) = (self.offset[axis], self.offset[axis] + self.size[axis]);
        for (from, to) in from.iter().zip(to) {
            *to = (f64::from(*from).clamp(low, high) + by).clamp(low, high) as f32;
        }
    }

    fn values(&self, level: Level, points: &[[f32; BLOCK]; 3], out: &mut [f32]) {
        let [x, y, z] = points.each_ref().map(|p| &p[..out.len()]);
        self.sample(level, x, y, z, &mut [out]);
    }
}
