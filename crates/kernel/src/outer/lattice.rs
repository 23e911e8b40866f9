//! A mesh on an integer lattice fine enough for its coordinates.

use super::contact::Triangle;
use super::exact::{COORDINATE_BITS, Int3, Plane, Point};
use crate::aabb::Aabb;
use crate::mesh::TriMesh;
use std::collections::HashMap;

/// Where lattice points are. A coordinate moves by at most 2⁻²⁷ of the longest extent, less than the `f32` of the
/// box's corners rounds; coordinates that are equal stay equal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    origin: [f64; 3],
    /// Model units a lattice unit, a power of two.
    unit: f64,
}

impl Grid {
    /// `None` around what has no extent.
    pub fn around(bounds: &Aabb) -> Option<Grid> {
        let half = bounds.extent().into_iter().fold(0.0, f64::max) / 2.0;
        if !half.is_finite() || half < f64::from(f32::MIN_POSITIVE) {
            return None;
        }
        // Half the extent, and the rounding of the middle, stay below 2^bits.
        let unit = (half.log2().floor() + 2.0 - f64::from(COORDINATE_BITS)).exp2();
        let middle = |a: usize| 0.5 * (f64::from(bounds.min[a]) + f64::from(bounds.max[a]));
        Some(Grid { origin: std::array::from_fn(|a| (middle(a) / unit).round() * unit), unit })
    }

    fn lattice(&self, p: [f32; 3]) -> Int3 {
        std::array::from_fn(|a| ((f64::from(p[a]) - self.origin[a]) / self.unit).round() as i64)
    }

    /// Model units of lattice units, along one axis.
    pub fn model(&self, axis: usize, at: f64) -> f64 {
        self.origin[axis] + self.unit * at
    }

    /// What boxes are to be grown by for rounding to the lattice, model units.
    pub fn margin(&self) -> f32 {
        (2.0 * self.unit) as f32
    }

    /// Triangle `t` of a mesh, with its numbers of vertices.
    pub fn triangle(&self, mesh: &TriMesh, t: u32) -> Triangle {
        let corners = mesh.corners(t as usize).map(|p| self.lattice(p));
        Triangle { vertices: mesh.triangles[t as usize], corners, plane: Plane::of(corners) }
    }
}

/// Vertices and triangles as integers.
pub(super) struct Lattice {
    pub grid: Grid,
    /// Vertices; those at one place are one.
    pub vertices: Vec<Int3>,
    /// For each of them the vertex of the mesh that is first there.
    first: Vec<u32>,
    by_place: HashMap<Int3, u32>,
    /// As in the mesh; a normal of 0 where a triangle has no area.
    pub triangles: Vec<Triangle>,
}

impl Lattice {
    /// `None` for a mesh without extent.
    pub fn of(mesh: &TriMesh) -> Option<Lattice> {
        let mut lattice = Lattice {
            grid: Grid::around(&mesh.bounds())?,
            vertices: Vec::new(),
            first: Vec::new(),
            by_place: HashMap::new(),
            triangles: Vec::with_capacity(mesh.triangles.len()),
        };
        let mut number = vec![u32::MAX; mesh.positions.len()];
        for t in 0..mesh.triangles.len() as u32 {
            let mut triangle = lattice.grid.triangle(mesh, t);
            for (v, place) in triangle.vertices.iter_mut().zip(triangle.corners) {
                let known = &mut number[*v as usize];
                if *known == u32::MAX {
                    *known = lattice.vertex(*v, place);
                }
                *v = *known;
            }
            lattice.triangles.push(triangle);
        }
        Some(lattice)
    }

    fn vertex(&mut self, v: u32, place: Int3) -> u32 {
        let new = self.vertices.len() as u32;
        let number = *self.by_place.entry(place).or_insert(new);
        if number == new {
            self.vertices.push(place);
            self.first.push(v);
        }
        number
    }

    /// The vertex at a point, if there is one.
    pub fn vertex_at(&self, p: &Point) -> Option<u32> {
        self.by_place.get(&p.integers()?).copied()
    }

    /// Where vertex `v` is in the mesh.
    pub fn position(&self, mesh: &TriMesh, v: u32) -> [f32; 3] {
        mesh.positions[self.first[v as usize] as usize]
    }
}
