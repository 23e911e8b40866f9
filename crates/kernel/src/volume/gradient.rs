//! In which direction a scalar volume grows, anywhere.
//!
//! # Formula
//! (V(p + h) − V(p − h)) / 2h along each axis, V the trilinear interpolant and h one cell. Both points are brought into
//! the box first, and what is left between them is the divisor: at the samples these are central differences, one-sided
//! on the faces; outside the box the gradient is that of the nearest point of the box.
//!
//! # Promises
//! Exact where V is linear; of second order in the cell inside the box, of first order within a cell of its faces.

use super::{BLOCK, Volume};
use crate::simd::Level;

impl Volume {
    /// The gradient of a scalar volume at points, per mm: a slice per axis, as long as the coordinates. Zero along axes
    /// of one sample.
    pub fn gradient(&self, level: Level, points: [&[f32]; 3], out: [&mut [f32]; 3]) {
        let mut moved = [[0.0f32; BLOCK]; 3];
        let (mut below, mut above) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
        for from in (0..points[0].len()).step_by(BLOCK) {
            let range = from..points[0].len().min(from + BLOCK);
            let count = range.len();
            for a in 0..3 {
                self.inner(a, 0.0, &points[a][range.clone()], &mut moved[a]);
            }
            for a in 0..3 {
                let kept = moved[a];
                let h = self.size[a] / f64::from(self.resolution[a].max(2) - 1);
                self.inner(a, -h, &points[a][range.clone()], &mut moved[a]);
                let lowest = moved[a];
                self.values(level, &moved, &mut below[..count]);
                self.inner(a, h, &points[a][range.clone()], &mut moved[a]);
                self.values(level, &moved, &mut above[..count]);
                for (k, to) in out[a][range.clone()].iter_mut().enumerate() {
                    let apart = moved[a][k] - lowest[k];
                    *to = if apart > 0.0 { (above[k] - below[k]) / apart } else { 0.0 };
                }
                moved[a] = kept;
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
