//! An indexed triangle mesh as it was read: nothing is promised about its topology.

use crate::aabb::Aabb;
use crate::vector::{self, norm};
use rayon::prelude::*;

/// Vertices and counter-clockwise triangles (seen from outside), model units.
///
/// Every index is below `positions.len()` and every coordinate is finite: readers refuse the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriMesh {
    /// Vertex coordinates.
    pub positions: Vec<[f32; 3]>,
    /// Corner indices.
    pub triangles: Vec<[u32; 3]>,
}

impl TriMesh {
    /// Box around the vertices that triangles use.
    pub fn bounds(&self) -> Aabb {
        let of =
            |part: &[[u32; 3]]| Aabb::around(part.iter().flatten().map(|&i| &self.positions[i as usize]));
        self.triangles.par_chunks(1 << 14).map(of).reduce(|| Aabb::EMPTY, |a, b| a.union(&b))
    }

    /// The corners of triangle `t`.
    #[inline]
    pub fn corners(&self, t: usize) -> [[f32; 3]; 3] {
        self.triangles[t].map(|i| self.positions[i as usize])
    }

    /// Enclosed volume by the divergence theorem, `f64`; negative when faces point inward.
    /// Meaningful for closed meshes.
    pub fn signed_volume(&self) -> f64 {
        let sum: f64 = (0..self.triangles.len()).map(|t| determinant_of(self.corners(t))).sum();
        sum / 6.0
    }

    /// Total area of the triangles, `f64`.
    pub fn area(&self) -> f64 {
        (0..self.triangles.len()).map(|t| area_of(self.corners(t))).sum()
    }
}

/// Area of one triangle.
pub(super) fn area_of(corners: [[f32; 3]; 3]) -> f64 {
    0.5 * norm(normal(corners))
}

/// Six times the signed volume between one triangle and the origin.
pub(super) fn determinant_of(corners: [[f32; 3]; 3]) -> f64 {
    let [a, b, c] = corners.map(|p| p.map(f64::from));
    vector::determinant(a, b, c)
}

fn normal(c: [[f32; 3]; 3]) -> [f64; 3] {
    vector::normal(c.map(|p| p.map(f64::from)))
}
