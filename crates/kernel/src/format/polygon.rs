//! Polygons into triangles: the fan where that is right, ear clipping where the polygon is concave.
//!
//! # Limits
//! Ear clipping is quadratic at best, so polygons with more than [`MAX_CLIPPED`] corners are split as a fan, concave or not.
//!
//! # Source
//! Newell's normal: Sutherland, Sproull, Schumacker 1974; ears: Meisters 1975, Polygons have ears.

use super::{FormatError, MeshLimits, check_triangles};
use crate::monitor::Monitor;
use rayon::prelude::*;

const MAX_CLIPPED: usize = 512;

/// Polygons in file order: the corner indices of all, and how many belong to each.
#[derive(Default)]
pub(super) struct Polygons {
    pub corners: Vec<u32>,
    /// Corners of each polygon; empty while all so far are triangles.
    pub sizes: Vec<u32>,
}

impl Polygons {
    /// Ends a polygon whose corners were pushed from `start` on. Fewer than three corners (points and
    /// lines that some exporters write as faces) enclose nothing and are dropped.
    pub fn close(&mut self, start: usize) {
        let n = self.corners.len() - start;
        if n < 3 {
            self.corners.truncate(start);
        } else if n > 3 || !self.sizes.is_empty() {
            if self.sizes.is_empty() {
                self.sizes = vec![3; start / 3];
            }
            self.sizes.push(n as u32);
        }
    }

    /// How many triangles the polygons give.
    pub fn triangle_count(&self) -> u64 {
        match self.sizes.len() {
            0 => self.corners.len() as u64 / 3,
            n => self.corners.len() as u64 - 2 * n as u64,
        }
    }

    fn split(self, positions: &[[f32; 3]], monitor: &Monitor) -> Result<Vec<[u32; 3]>, FormatError> {
        if self.sizes.is_empty() {
            return Ok(self.corners.as_chunks().0.to_vec());
        }
        let mut out = Vec::with_capacity(self.triangle_count() as usize);
        let mut rest = &self.corners[..];
        for (i, &n) in self.sizes.iter().enumerate() {
            if i % 256 == 0 || n > 64 {
                monitor.check()?;
            }
            let (polygon, behind) = rest.split_at(n as usize);
            split_polygon(polygon, positions, &mut out);
            rest = behind;
        }
        Ok(out)
    }
}

/// Splits all polygons of all parts, in order; every corner index is below `positions.len()`.
pub(super) fn triangles(
    parts: Vec<Polygons>,
    positions: &[[f32; 3]],
    limits: &MeshLimits,
    monitor: &Monitor,
) -> Result<Vec<[u32; 3]>, FormatError> {
    check_triangles(parts.iter().map(Polygons::triangle_count).sum(), limits)?;
    let parts: Vec<_> = parts.into_par_iter().map(|p| p.split(positions, monitor)).collect();
    let mut parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(if parts.len() == 1 { parts.remove(0) } else { parts.concat() })
}

fn split_polygon(polygon: &[u32], positions: &[[f32; 3]], out: &mut Vec<[u32; 3]>) {
    let n = polygon.len();
    if n > 3 && n <= MAX_CLIPPED {
        let flat = flatten(polygon, positions);
        if (0..n).any(|i| turn(flat[i], flat[(i + 1) % n], flat[(i + 2) % n]) < 0.0) {
            return clip_ears(polygon, &flat, out);
        }
    }
    out.extend((1..n - 1).map(|i| [polygon[0], polygon[i], polygon[i + 1]]));
}

/// The corners in the plane across Newell's normal, counter-clockwise seen against it.
fn flatten(polygon: &[u32], positions: &[[f32; 3]]) -> Vec<[f64; 2]> {
    let p = |i: usize| positions[polygon[i % polygon.len()] as usize].map(f64::from);
    let mut normal = [0.0; 3];
    for i in 0..polygon.len() {
        let (a, b) = (p(i), p(i + 1));
        for (k, sum) in normal.iter_mut().enumerate() {
            let (u, v) = ((k + 1) % 3, (k + 2) % 3);
            *sum += (a[u] - b[u]) * (a[v] + b[v]);
        }
    }
    // Dropping the normal's largest component keeps every turn's sign up to that component's sign.
    let axis = (0..3).fold(0, |m, k| if normal[k].abs() > normal[m].abs() { k } else { m });
    let (u, v) = match normal[axis] >= 0.0 {
        true => ((axis + 1) % 3, (axis + 2) % 3),
        false => ((axis + 2) % 3, (axis + 1) % 3),
    };
    (0..polygon.len()).map(|i| [p(i)[u], p(i)[v]]).collect()
}

fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn clip_ears(polygon: &[u32], flat: &[[f64; 2]], out: &mut Vec<[u32; 3]>) {
    let mut ring: Vec<usize> = (0..polygon.len()).collect();
    let mut i = 0;
    let mut tried = 0;
    while ring.len() > 3 {
        let n = ring.len();
        let [a, b, c] = [ring[i % n], ring[(i + 1) % n], ring[(i + 2) % n]];
        // After a whole round without an ear the polygon crosses itself: any corner is as good as another.
        if tried >= n || is_ear(a, b, c, &ring, flat) {
            out.push([polygon[a], polygon[b], polygon[c]]);
            ring.remove((i + 1) % n);
            tried = 0;
        } else {
            tried += 1;
        }
        // Moving on after a cut spreads the triangles instead of fanning them from one corner.
        i = (i + 1) % ring.len();
    }
    out.push([ring[0], ring[1], ring[2]].map(|k| polygon[k]));
}

fn is_ear(a: usize, b: usize, c: usize, ring: &[usize], flat: &[[f64; 2]]) -> bool {
    let [pa, pb, pc] = [flat[a], flat[b], flat[c]];
    turn(pa, pb, pc) > 0.0
        && ring.iter().filter(|&&k| k != a && k != b && k != c).map(|&k| flat[k]).all(|q| {
            q == pa
                || q == pb
                || q == pc
                || turn(pa, pb, q) < 0.0
                || turn(pb, pc, q) < 0.0
                || turn(pc, pa, q) < 0.0
        })
}
