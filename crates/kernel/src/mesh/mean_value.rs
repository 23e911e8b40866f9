//! Interpolates vectors given at the vertices of a closed mesh to the points within it.
//!
//! # Formula
//! Mean value coordinates. Seen from x, with a, b, c the corners of a triangle minus x and θ the angles between them,
//! m = ½ Σ θ_ab (a×b)/|a×b| is the integral of the directions over its spherical image, and its corners weigh
//! (b×c)·m/det, (c×a)·m/det, (a×b)·m/det with det = a·(b×c). The value is the mean by the sums of these weights.
//!
//! # Promises
//! Linear functions are reproduced (to about 1e-6 of their range); within `tolerance` of the surface the value is
//! that of the linear interpolant at the nearest surface point. Each value depends on its point alone.
//!
//! # Limits
//! Time is points × triangles: some ten nanoseconds each. Outside the mesh and in concave meshes weights may be
//! negative, so that values may leave the range of the given ones.
//!
//! # Source
//! T. Ju, S. Schaefer, J. Warren, "Mean Value Coordinates for Closed Triangular Meshes", 2005, §3;
//! arc tangent: S. Moshier, Cephes Mathematical Library, 1984-2000 (range reduction and coefficients).

use crate::bvh::Bvh;
use crate::by_level;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::Level;
use crate::vector::{cross, dot, sub};

/// Points handled at a time.
const CHUNK: usize = 64;
/// And a multiple of this.
const LANES: usize = 8;
/// Nearer to the surface than this, relative to the mesh's diagonal, weights would be rounding noise.
pub const LEAST_TOLERANCE: f64 = 1e-6;
/// A triangle whose plane holds the point weighs nothing unless the point is on it; relative to the corners' distances.
const FLAT: f64 = 1e-8;

/// Why values cannot be interpolated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MeanValueError {
    /// Values and vertices do not match.
    #[error("{values} values for a mesh of {vertices} vertices")]
    Count {
        /// Number of values.
        values: usize,
        /// Number of vertices.
        vertices: usize,
    },
    /// A value is not finite.
    #[error("value {index} is not finite")]
    NotFinite {
        /// Which vertex's.
        index: usize,
    },
    /// Nothing to interpolate on.
    #[error("the mesh has no triangle")]
    Empty,
    /// The preparation was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A triangle's corners and their values.
#[derive(Clone, Copy, Debug)]
struct Face {
    corners: [[f64; 3]; 3],
    values: [[f64; 3]; 3],
}

/// A closed mesh with a vector at each vertex.
#[derive(Clone, Debug)]
pub struct MeanValue {
    faces: Vec<Face>,
    bvh: Bvh,
    tolerance: f64,
}

impl MeanValue {
    /// One value per vertex of `mesh`, which should be closed. `tolerance` in mm: nearer to the surface the surface's value counts;
    /// at least [`LEAST_TOLERANCE`] of the diagonal is used.
    pub fn new(
        mesh: &TriMesh,
        values: &[[f64; 3]],
        tolerance: f64,
        monitor: &Monitor,
    ) -> Result<MeanValue, MeanValueError> {
        if values.len() != mesh.positions.len() {
            return Err(MeanValueError::Count { values: values.len(), vertices: mesh.positions.len() });
        }
        if let Some(index) = values.iter().position(|v| !v.iter().all(|c| c.is_finite())) {
            return Err(MeanValueError::NotFinite { index });
        }
        if mesh.triangles.is_empty() {
            return Err(MeanValueError::Empty);
        }
        let bvh = Bvh::build(mesh, monitor)?;
        let faces = mesh.triangles.iter().map(|t| Face {
            corners: t.map(|i| mesh.positions[i as usize].map(f64::from)),
            values: t.map(|i| values[i as usize]),
        });
        let tolerance = tolerance.max(LEAST_TOLERANCE * mesh.bounds().diagonal());
        Ok(MeanValue { faces: faces.collect(), bvh, tolerance })
    }

    /// The interpolated vector at each point, a slice per component; all slices have one length.
    pub fn sample(
        &self,
        level: Level,
        [x, y, z]: [&[f32]; 3],
        out: [&mut [f32]; 3],
        monitor: &Monitor,
    ) -> Result<(), Cancelled> {
        let [ox, oy, oz] = out;
        for from in (0..x.len()).step_by(CHUNK) {
            monitor.check()?;
            let count = CHUNK.min(x.len() - from);
            let mut points = [[0.0; CHUNK]; 3];
            for i in 0..count {
                for (to, c) in points.iter_mut().zip([x, y, z]) {
                    to[i] = f64::from(c[from + i]);
                }
            }
            let mut sums = [[0.0; CHUNK]; 4];
            accumulate(level, &self.faces, count.next_multiple_of(LANES), &points, &mut sums);
            for i in 0..count {
                let p = [x[from + i], y[from + i], z[from + i]];
                let mean = [0, 1, 2].map(|c| sums[c][i] / sums[3][i]);
                let value = match self.on_surface(p) {
                    Some(value) => value,
                    None => mean,
                };
                [ox[from + i], oy[from + i], oz[from + i]] = value.map(|v| v as f32);
            }
        }
        Ok(())
    }

    /// The surface's value, if `p` is within the tolerance of it.
    fn on_surface(&self, p: [f32; 3]) -> Option<[f64; 3]> {
        let closest = self.bvh.closest(p)?;
        if f64::from(closest.distance) > self.tolerance {
            return None;
        }
        let face = &self.faces[closest.triangle as usize];
        let w = nearest_weights(p.map(f64::from), face.corners);
        Some(std::array::from_fn(|c| (0..3).map(|k| w[k] * face.values[k][c]).sum()))
    }
}

/// Barycentric coordinates of the triangle's point nearest to `p`.
fn nearest_weights(p: [f64; 3], corners: [[f64; 3]; 3]) -> [f64; 3] {
    let [a, b, c] = corners;
    let (ab, ac, ap) = (sub(b, a), sub(c, a), sub(p, a));
    let n = cross(ab, ac);
    let area2 = dot(n, n);
    if area2 > 0.0 {
        let v = dot(cross(ap, ac), n) / area2;
        let w = dot(cross(ab, ap), n) / area2;
        if v >= 0.0 && w >= 0.0 && v + w <= 1.0 {
            return [1.0 - v - w, v, w];
        }
    }
    let mut best = (f64::INFINITY, [1.0, 0.0, 0.0]);
    for k in 0..3 {
        let (from, to) = (corners[k], corners[(k + 1) % 3]);
        let (e, q) = (sub(to, from), sub(p, from));
        let t = if dot(e, e) > 0.0 { (dot(q, e) / dot(e, e)).clamp(0.0, 1.0) } else { 0.0 };
        let d = sub(q, e.map(|c| t * c));
        if dot(d, d) < best.0 {
            let mut w = [0.0; 3];
            w[k] = 1.0 - t;
            w[(k + 1) % 3] = t;
            best = (dot(d, d), w);
        }
    }
    best.1
}

by_level! {
    /// Adds each face's weighted values (three sums) and weights (the fourth) for each point.
    fn accumulate(faces: &[Face], count: usize, points: &[[f64; CHUNK]; 3], sums: &mut [[f64; CHUNK]; 4]) {
        let count = count.min(CHUNK);
        for face in faces {
            for i in 0..count {
                let w = weights(&face.corners, [points[0][i], points[1][i], points[2][i]]);
                let v = &face.values;
                sums[0][i] += w[0] * v[0][0] + w[1] * v[1][0] + w[2] * v[2][0];
                sums[1][i] += w[0] * v[0][1] + w[1] * v[1][1] + w[2] * v[2][1];
                sums[2][i] += w[0] * v[0][2] + w[1] * v[1][2] + w[2] * v[2][2];
                sums[3][i] += w[0] + w[1] + w[2];
            }
        }
    }
}

/// What the corners weigh at `p`; nothing where `p` lies in the triangle's plane.
#[inline(always)]
fn weights(corners: &[[f64; 3]; 3], p: [f64; 3]) -> [f64; 3] {
    let (a, b, c) = (sub(corners[0], p), sub(corners[1], p), sub(corners[2], p));
    let (la, lb, lc) = (dot(a, a).sqrt(), dot(b, b).sqrt(), dot(c, c).sqrt());
    let (nab, nbc, nca) = (cross(a, b), cross(b, c), cross(c, a));
    let det = dot(a, nbc);
    let (tab, tbc, tca) = (
        half_angle_over_sine(nab, la * lb + dot(a, b)),
        half_angle_over_sine(nbc, lb * lc + dot(b, c)),
        half_angle_over_sine(nca, lc * la + dot(c, a)),
    );
    let m = [
        tab * nab[0] + tbc * nbc[0] + tca * nca[0],
        tab * nab[1] + tbc * nbc[1] + tca * nca[1],
        tab * nab[2] + tbc * nbc[2] + tca * nca[2],
    ];
    let flat = det.abs() <= FLAT * la * lb * lc;
    let inverse = if flat { 0.0 } else { 1.0 / det };
    [dot(nbc, m) * inverse, dot(nca, m) * inverse, dot(nab, m) * inverse]
}

/// θ/2 divided by |a×b|, with tan(θ/2) = |a×b| / (|a||b| + a·b).
#[inline(always)]
fn half_angle_over_sine(normal: [f64; 3], beside: f64) -> f64 {
    let sine = dot(normal, normal).sqrt();
    // Points along an edge's line see it under no angle: any finite number times its zero normal will do.
    let safe = if sine > 1e-300 { sine } else { 1e-300 };
    half_turn(safe, beside) / safe
}

/// atan2(y, x) for y > 0, x ≥ 0 up to rounding.
#[inline(always)]
fn half_turn(y: f64, x: f64) -> f64 {
    let steep = y > x;
    let (low, high) = if steep { (x, y) } else { (y, x) };
    let t = low / high;
    let middle = t > 0.414_213_562_373_095_05;
    let t = if middle { (t - 1.0) / (t + 1.0) } else { t };
    let z = t * t;
    let p = (((-0.875_060_860_003_190_4 * z - 16.157_537_187_333_65) * z - 75.008_557_923_147_05) * z
        - 122.886_668_449_013_62)
        * z
        - 64.850_219_049_420_25;
    let q = ((((z + 24.858_464_901_423_063) * z + 165.027_009_831_698_85) * z + 432.881_060_491_290_27) * z
        + 485.390_399_635_913_7)
        * z
        + 194.550_657_148_261_4;
    let angle = t + t * z * p / q;
    let angle = if middle { angle + std::f64::consts::FRAC_PI_4 } else { angle };
    if steep { std::f64::consts::FRAC_PI_2 - angle } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, bumpy_sphere, cuboid, distance_oracle};

    type Columns = [Vec<f32>; 3];

    fn sampled(m: &MeanValue, level: Level, p: &Columns) -> Columns {
        let mut out: Columns = std::array::from_fn(|_| vec![0.0; p[0].len()]);
        let points = p.each_ref().map(|c| &c[..]);
        m.sample(level, points, out.each_mut().map(|c| &mut c[..]), &Monitor::none()).unwrap();
        out
    }

    fn linear(p: [f64; 3]) -> [f64; 3] {
        [1.0 + 2.0 * p[0] - p[1], 0.5 * p[2] - 3.0, p[0] + p[1] + p[2]]
    }

    fn prepared(mesh: &TriMesh, tolerance: f64, value: impl Fn([f64; 3]) -> [f64; 3]) -> MeanValue {
        let values: Vec<_> = mesh.positions.iter().map(|p| value(p.map(f64::from))).collect();
        MeanValue::new(mesh, &values, tolerance, &Monitor::none()).unwrap()
    }

    #[test]
    fn the_arc_tangent_is_one() {
        for i in 0..=4000 {
            let t = std::f64::consts::PI * 0.5 * f64::from(i) / 4000.0;
            let (y, x) = (t.sin().max(1e-300), t.cos().max(0.0));
            assert!((half_turn(y, x) - t).abs() < 4e-16, "{t}: {}", half_turn(y, x));
        }
    }

    #[test]
    fn linear_functions_are_reproduced_inside_on_and_near_the_surface() {
        let mut rng = Rng::new(17);
        for mesh in [cuboid([0.0; 3], [2.0, 1.0, 1.0]), bumpy_sphere(14, 28, 1.0, 0.2)] {
            let m = prepared(&mesh, 1e-5, linear);
            let mut p: Columns = Default::default();
            let mut put = |q: [f64; 3]| p.iter_mut().zip(q).for_each(|(c, v)| c.push(v as f32));
            for _ in 0..200 {
                put(std::array::from_fn(|a| [2.0, 1.0, 1.0][a] * rng.unit()));
            }
            // On and around faces, edges and vertices, from far to near.
            for k in 0..400 {
                let c = mesh.corners(rng.below(mesh.triangles.len())).map(|c| c.map(f64::from));
                let w = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]][k % 3];
                let apart = [0.0, 1e-7, 1e-5, 3e-5, 1e-3, 1e-2][k / 3 % 6];
                let foot: [f64; 3] = std::array::from_fn(|a| (0..3).map(|i| w[i] * c[i][a]).sum());
                put(std::array::from_fn(|a| foot[a] + apart * (2.0 * rng.unit() - 1.0)));
            }
            let out = sampled(&m, Level::detect(), &p);
            for i in 0..p[0].len() {
                let q = [0, 1, 2].map(|a| f64::from(p[a][i]));
                let exact = linear(q);
                for c in 0..3 {
                    let error = (f64::from(out[c][i]) - exact[c]).abs();
                    assert!(error < 5e-5, "{q:?}: {} for {}", out[c][i], exact[c]);
                }
            }
        }
    }

    #[test]
    fn values_are_continuous_up_to_the_surface_and_within_range_in_a_convex_mesh() {
        let mesh = bumpy_sphere(16, 32, 1.0, 0.0);
        let wave = |p: [f64; 3]| [(3.0 * p[0]).sin(), p[1] * p[2], p[0].signum()];
        let m = prepared(&mesh, 1e-4, wave);
        let mut rng = Rng::new(3);
        for _ in 0..100 {
            let t = rng.below(mesh.triangles.len());
            let c = mesh.corners(t).map(|c| c.map(f64::from));
            let foot: [f64; 3] = std::array::from_fn(|a| 0.3 * c[0][a] + 0.3 * c[1][a] + 0.4 * c[2][a]);
            let line: Columns =
                std::array::from_fn(|a| [1.0, 0.9997, 0.999, 0.3].map(|s| (foot[a] * s) as f32).to_vec());
            let out = sampled(&m, Level::detect(), &line);
            for c in 0..3 {
                assert!((out[c][0] - out[c][1]).abs() < 0.02, "{foot:?}: {:?}", out[c]);
                assert!(out[c].iter().all(|v| v.abs() <= 1.0 + 1e-5));
            }
        }
    }

    #[test]
    fn blocks_and_levels_give_the_same_bits() {
        let mesh = bumpy_sphere(8, 16, 1.0, 0.1);
        let m = prepared(&mesh, 1e-3, linear);
        let mut rng = Rng::new(8);
        let p: Columns = std::array::from_fn(|_| (0..200).map(|_| (1.6 * rng.unit() - 0.8) as f32).collect());
        let reference = sampled(&m, Level::BASELINE, &p);
        for level in Level::available() {
            assert!(sampled(&m, level, &p) == reference, "{level:?}");
            for i in 0..20 {
                let one = sampled(&m, level, &p.each_ref().map(|c| vec![c[i]]));
                assert!((0..3).all(|c| one[c][0] == reference[c][i]), "{level:?}, point {i} alone");
            }
        }
    }

    #[test]
    fn nearest_weights_are_those_of_the_nearest_point() {
        let mut rng = Rng::new(30);
        for _ in 0..2000 {
            let mut point = || -> [f32; 3] { std::array::from_fn(|_| rng.unit() as f32) };
            let mesh = TriMesh { positions: vec![point(), point(), point()], triangles: vec![[0, 1, 2]] };
            let p = point().map(|c| 3.0 * f64::from(c) - 1.0);
            let c = mesh.corners(0).map(|c| c.map(f64::from));
            let w = nearest_weights(p, c);
            let q = std::array::from_fn(|a| (0..3).map(|k| w[k] * c[k][a]).sum());
            let d = sub(p, q);
            assert!((dot(d, d).sqrt() - distance_oracle(p, &mesh)).abs() < 1e-9);
        }
    }
}
