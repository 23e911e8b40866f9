//! Integrals over a mesh and over what it encloses.
//!
//! # Formula
//! Divergence theorem: every triangle spans a signed tetrahedron with a common point. With `d = a · (b × c)` and
//! `s = a + b + c` its volume is `d / 6`, its first moment `d s / 24`, its second moment
//! `d (a aᵀ + b bᵀ + c cᵀ + s sᵀ) / 120` (Tonon 2004; Blow and Binstock 2004).
//!
//! # Promises
//! `f64`, relative to the middle of the bounds, in fixed chunks summed in order: the same bits for any number of threads.

use crate::aabb::Aabb;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{dot, norm, normal};
use rayon::prelude::*;

/// Triangles per chunk; part of the result's bits.
const CHUNK: usize = 4096;

/// Measures in model units; volume, centroid and second moments mean something for closed meshes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Enclosed volume; negative where the faces look inward.
    pub volume: f64,
    /// Surface area.
    pub area: f64,
    /// Centre of the enclosed volume; the middle of the bounds where the volume is 0.
    pub centroid: [f64; 3],
    /// `∫ r rᵀ dV` with `r` from the centroid: symmetric, of density 1. The inertia tensor is its trace minus it.
    pub second: [[f64; 3]; 3],
    /// Box of the vertices that triangles use.
    pub bounds: Aabb,
}

/// Sums of a chunk: 6 V, 2 A, 24 × first and 120 × second moments (xx, yy, zz, xy, yz, zx).
#[derive(Clone, Copy, Default)]
struct Sums {
    volume: f64,
    area: f64,
    first: [f64; 3],
    second: [f64; 6],
}

/// Pairs of axes of the six second moments.
const PAIRS: [[usize; 2]; 6] = [[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [2, 0]];

impl Sums {
    fn add(&mut self, corners: [[f64; 3]; 3]) {
        let [a, b, c] = corners;
        let normal = normal(corners);
        let d = dot(a, normal);
        let s = [0, 1, 2].map(|k| a[k] + b[k] + c[k]);
        self.volume += d;
        self.area += norm(normal);
        (0..3).for_each(|k| self.first[k] += d * s[k]);
        for (sum, [i, k]) in self.second.iter_mut().zip(PAIRS) {
            *sum += d * (a[i] * a[k] + b[i] * b[k] + c[i] * c[k] + s[i] * s[k]);
        }
    }

    fn plus(mut self, o: Sums) -> Sums {
        self.volume += o.volume;
        self.area += o.area;
        (0..3).for_each(|k| self.first[k] += o.first[k]);
        (0..6).for_each(|k| self.second[k] += o.second[k]);
        self
    }
}

/// Volume, area, centroid, second moments and bounds; all 0 for a mesh without triangles.
pub fn moments(mesh: &TriMesh, monitor: &Monitor) -> Result<Moments, Cancelled> {
    let bounds = mesh.bounds();
    let middle = match bounds.is_empty() {
        true => [0.0; 3],
        false => [0, 1, 2].map(|k| 0.5 * (f64::from(bounds.min[k]) + f64::from(bounds.max[k]))),
    };
    let chunk = |triangles: &[[u32; 3]]| {
        monitor.check()?;
        let mut sums = Sums::default();
        for t in triangles {
            sums.add(t.map(|i| {
                let p = mesh.positions[i as usize];
                [0, 1, 2].map(|k| f64::from(p[k]) - middle[k])
            }));
        }
        Ok(sums)
    };
    let chunks: Vec<Sums> = mesh.triangles.par_chunks(CHUNK).map(chunk).collect::<Result<_, Cancelled>>()?;
    let sums = chunks.into_iter().fold(Sums::default(), Sums::plus);
    let volume = sums.volume / 6.0;
    let from_middle = if volume == 0.0 { [0.0; 3] } else { sums.first.map(|f| f / 24.0 / volume) };
    let mut second = [[0.0; 3]; 3];
    for (sum, [i, k]) in sums.second.into_iter().zip(PAIRS) {
        second[i][k] = sum / 120.0 - volume * from_middle[i] * from_middle[k];
        second[k][i] = second[i][k];
    }
    let centroid = [0, 1, 2].map(|k| middle[k] + from_middle[k]);
    Ok(Moments { volume, area: 0.5 * sums.area, centroid, second, bounds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cuboid, torus};

    #[test]
    fn a_box_has_the_moments_of_a_box() {
        let m = moments(&cuboid([1.0, 2.0, 3.0], [3.0, 5.0, 7.0]), &Monitor::none()).unwrap();
        assert!((m.volume - 24.0).abs() < 1e-12 && (m.area - 52.0).abs() < 1e-12, "{m:?}");
        let sides = [2.0, 3.0, 4.0];
        for k in 0..3 {
            assert!((m.centroid[k] - [2.0, 3.5, 5.0][k]).abs() < 1e-12);
            for i in 0..3 {
                let expected = if i == k { 24.0 * sides[k] * sides[k] / 12.0 } else { 0.0 };
                assert!((m.second[i][k] - expected).abs() < 1e-10, "{i} {k}: {}", m.second[i][k]);
            }
        }
    }

    #[test]
    fn a_torus_far_away_has_the_moments_of_a_torus() {
        let (major, minor) = (3.0, 1.0);
        let mut mesh = torus(400, 200, major, minor);
        mesh.positions.iter_mut().for_each(|p| p[0] += 64.0);
        let m = moments(&mesh, &Monitor::none()).unwrap();
        let pi2 = std::f64::consts::PI.powi(2);
        let volume = 2.0 * pi2 * major * minor * minor;
        assert!((m.volume / volume - 1.0).abs() < 3e-4);
        assert!((m.area / (4.0 * pi2 * major * minor) - 1.0).abs() < 3e-4);
        assert!((m.centroid[0] - 64.0).abs() < 1e-4);
        // Second moments of a solid torus along and across its axis.
        let (along, across) = (minor * minor / 4.0, major * major / 2.0 + 3.0 * minor * minor / 8.0);
        assert!((m.second[2][2] / (volume * along) - 1.0).abs() < 1e-3, "{:?}", m.second);
        assert!((m.second[0][0] / (volume * across) - 1.0).abs() < 1e-3, "{:?}", m.second);
    }

    #[test]
    fn nothing_measures_nothing() {
        let m = moments(&TriMesh::default(), &Monitor::none()).unwrap();
        assert_eq!((m.volume, m.area, m.centroid), (0.0, 0.0, [0.0; 3]));
    }
}
