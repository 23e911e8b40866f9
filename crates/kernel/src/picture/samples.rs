//! Samples on a grid, looked at ray by ray: where a ray first comes inside, or enters the box inside.

use super::{FORWARD, Frame, RAYS, RIGHT, Rays, UP, Vector, seen, shade};
use crate::Patch;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::dot;
use rayon::prelude::*;

/// Steps of a ray through a cell.
const STEPS: f64 = 1.5;
/// How much darker a face of the box is than a surface that bends.
const FACE: f64 = 0.82;

/// Samples on a grid; negative is inside.
pub struct Samples<'a> {
    /// Where they are.
    pub patch: &'a Patch,
    /// The sample of this number along x, y and z.
    pub value: &'a (dyn Fn([u32; 3]) -> f32 + Sync),
}

/// A picture of `pixels` by `pixels`: red, green, blue, cover of each, from the top. The box of the samples fills it.
pub fn samples_picture(samples: &Samples<'_>, pixels: u32, monitor: &Monitor) -> Result<Vec<u8>, Cancelled> {
    let mut rays = Rays::new(pixels);
    let size = rays.size;
    let (offset, extent) = (samples.patch.offset(), samples.patch.size());
    let corners = (0..8).map(|n: usize| {
        seen(std::array::from_fn(|k| offset[k] + if n >> k & 1 == 1 { extent[k] } else { 0.0 }))
    });
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for p in corners {
        (0..2).for_each(|k| (low[k], high[k]) = (low[k].min(p[k]), high[k].max(p[k])));
    }
    let frame = Frame::around(low, high, size);
    let march = March::new(samples);
    rays.colours.par_chunks_mut(size * RAYS).enumerate().try_for_each(|(band, colours)| {
        monitor.check()?;
        for (n, colour) in colours.iter_mut().enumerate() {
            let (row, column) = (band * RAYS + n / size, n % size);
            *colour = march.ray(frame.point(column as f64 + 0.5, row as f64 + 0.5));
        }
        Ok(())
    })?;
    Ok(rays.finish())
}

/// What is the same for all rays.
struct March<'a> {
    samples: &'a Samples<'a>,
    counts: [u32; 3],
    offset: Vector,
    size: Vector,
    /// Samples per mm.
    density: Vector,
    /// The length of a step, mm.
    step: f64,
}

impl March<'_> {
    fn new<'a>(samples: &'a Samples<'a>) -> March<'a> {
        let (counts, size) = (samples.patch.resolution(), samples.patch.size());
        let cell = |k: usize| size[k] / f64::from(counts[k].max(2) - 1);
        let shortest = (0..3).map(cell).filter(|cell| *cell > 0.0).fold(f64::INFINITY, f64::min);
        let density = std::array::from_fn(|k| if cell(k) > 0.0 { 1.0 / cell(k) } else { 0.0 });
        March { samples, counts, offset: samples.patch.offset(), size, density, step: shortest / STEPS }
    }

    /// The value at a place of the box, linear between samples.
    fn at(&self, p: Vector) -> f64 {
        let mut base = [0; 3];
        let mut part = [0.0; 3];
        for k in 0..3 {
            let along = ((p[k] - self.offset[k]) * self.density[k]).clamp(0.0, f64::from(self.counts[k] - 1));
            base[k] = (along as u32).min(self.counts[k].saturating_sub(2));
            part[k] = along - f64::from(base[k]);
        }
        let mut sum = 0.0;
        for corner in 0..8_u32 {
            let bit = |k: usize| corner >> k & 1;
            let weight: f64 = (0..3).map(|k| if bit(k) == 1 { part[k] } else { 1.0 - part[k] }).product();
            if weight > 0.0 {
                let at = std::array::from_fn(|k| (base[k] + bit(k)).min(self.counts[k] - 1));
                sum += weight * f64::from((self.samples.value)(at));
            }
        }
        sum
    }

    fn ray(&self, [right, up]: [f64; 2]) -> Option<[f32; 3]> {
        let start: Vector = std::array::from_fn(|k| right * RIGHT[k] + up * UP[k]);
        let (enter, leave) = self.through_box(start)?;
        let point = |t: f64| -> Vector { std::array::from_fn(|k| start[k] + t * FORWARD[k]) };
        let inside = |t: f64| self.at(point(t)) < 0.0;
        if inside(enter) {
            return Some(shade(self.face(point(enter)), FACE).map(|v| v as f32));
        }
        let steps = ((leave - enter) / self.step).ceil();
        let mut before = enter;
        let mut n = 1.0;
        while n <= steps {
            let t = (enter + n * self.step).min(leave);
            if inside(t) {
                let (mut out, mut within) = (before, t);
                for _ in 0..16 {
                    let middle = 0.5 * (out + within);
                    if inside(middle) { within = middle } else { out = middle }
                }
                return Some(shade(self.slope(point(within)), 1.0).map(|v| v as f32));
            }
            before = t;
            n += 1.0;
        }
        None
    }

    /// Where a ray enters and leaves the box.
    fn through_box(&self, start: Vector) -> Option<(f64, f64)> {
        let mut span = (f64::NEG_INFINITY, f64::INFINITY);
        for k in 0..3 {
            let [a, b] = [0.0, self.size[k]].map(|side| (self.offset[k] + side - start[k]) / FORWARD[k]);
            span = (span.0.max(a.min(b)), span.1.min(a.max(b)));
        }
        (span.0 < span.1 && self.step.is_finite()).then_some(span)
    }

    /// Outward normal of the face of the box that a place is nearest to.
    fn face(&self, p: Vector) -> Vector {
        let depth = |k: usize| {
            let along = (p[k] - self.offset[k]) * self.density[k];
            along.min(f64::from(self.counts[k] - 1) - along).abs()
        };
        let axis = (0..3).min_by(|a, b| depth(*a).total_cmp(&depth(*b))).unwrap_or(0);
        let sign = if p[axis] > self.offset[axis] + 0.5 * self.size[axis] { 1.0 } else { -1.0 };
        std::array::from_fn(|k| if k == axis { sign } else { 0.0 })
    }

    /// The direction in which values grow, towards whoever looks where they do not.
    fn slope(&self, p: Vector) -> Vector {
        let slope: Vector = std::array::from_fn(|k| {
            if self.density[k] == 0.0 {
                return 0.0;
            }
            let beside = |sign: f64| {
                let mut q = p;
                q[k] += sign / self.density[k];
                self.at(q)
            };
            (beside(1.0) - beside(-1.0)) * self.density[k]
        });
        if dot(slope, slope) > 0.0 { slope } else { FORWARD.map(|v| -v) }
    }
}
