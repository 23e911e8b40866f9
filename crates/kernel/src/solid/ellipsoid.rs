//! Exact distance to an ellipsoid.
//!
//! # Formula
//! The nearest point of a point p in the first octant is x = e²p/(t + e²) per axis, where t solves
//! G(t) = Σ (e p/(t + e²))² = 1 and t > −min e² (Eberly, "Distance from a Point to an Ellipse, an Ellipsoid, or a Hyperellipsoid",
//! Geometric Tools 2013). Solved for s = t + min e², which keeps the smallest denominator exact, by Newton's method
//! on 1/√G − 1 (Hebden 1973; Moré 1978), a concave increasing function of s.
//!
//! # Promises
//! The start, the largest s at which one term alone is 1, has G between 1 and 3 and is left of the root; each step then stays left
//! of the root and gains quadratically, since the tangent of a concave function lies above it. Eight steps, always:
//! the error that remains is below 2e-7 of the largest semi-axis plus the point's coordinates, for axes
//! that differ by up to 1:10⁴ (a test compares with a brute force search). Evaluated in `f64`.
//!
//! # Limits
//! Coordinates below 1e-9 of the largest semi-axis count as that much, which keeps the nearest point defined on the planes of
//! symmetry and moves the result by no more. A semi-axis below 1e-6 of the largest counts as that much: a flat ellipsoid is a disc.

use crate::by_level;

const STEPS: usize = 8;

/// Everything about the ellipsoid that the points share.
#[derive(Clone, Copy)]
struct Shape {
    e: [f64; 3],
    /// e² − min e².
    d: [f64; 3],
    tiny: f64,
}

#[inline(always)]
fn max(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

impl Shape {
    fn new(half: [f64; 3]) -> Shape {
        let largest = half.iter().fold(1e-12, |m: f64, h| m.max(*h));
        let e = half.map(|h| h.max(1e-6 * largest));
        let least = e.iter().fold(f64::INFINITY, |m: f64, h| m.min(*h));
        Shape { e, d: e.map(|e| (e - least) * (e + least)), tiny: 1e-9 * largest }
    }

    #[inline(always)]
    fn distance(&self, p: [f32; 3]) -> f32 {
        let [ex, ey, ez] = self.e;
        let [dx, dy, dz] = self.d;
        let y = [
            max(f64::from(p[0].abs()), self.tiny),
            max(f64::from(p[1].abs()), self.tiny),
            max(f64::from(p[2].abs()), self.tiny),
        ];
        let (ax, ay, az) = (ex * y[0], ey * y[1], ez * y[2]);
        let mut s = max(ax - dx, max(ay - dy, az - dz));
        let mut step = 0;
        while step < STEPS {
            let (ix, iy, iz) = (1.0 / (s + dx), 1.0 / (s + dy), 1.0 / (s + dz));
            let (gx, gy, gz) = ((ax * ix) * (ax * ix), (ay * iy) * (ay * iy), (az * iz) * (az * iz));
            let g = gx + gy + gz;
            let h = gx * ix + gy * iy + gz * iz;
            // Rounding alone can put G below 1, at the root.
            s += max(g * (g.sqrt() - 1.0) / h, 0.0);
            step += 1;
        }
        let (qx, qy, qz) = (ex * (ax / (s + dx)), ey * (ay / (s + dy)), ez * (az / (s + dz)));
        let (rx, ry, rz) = (y[0] - qx, y[1] - qy, y[2] - qz);
        let d = (rx * rx + ry * ry + rz * rz).sqrt();
        let (nx, ny, nz) = (y[0] / ex, y[1] / ey, y[2] / ez);
        (if nx * nx + ny * ny + nz * nz < 1.0 { -d } else { d }) as f32
    }
}

by_level! {
    fn run<'a>(shape: Shape, x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
            *o = shape.distance([*x, *y, *z]);
        }
    }
}

/// Signed distances to the ellipsoid with semi-axes `half` (mm, at least 0).
pub fn distance(level: crate::simd::Level, half: [f64; 3], x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
    run(level, Shape::new(half), x, y, z, out);
}
