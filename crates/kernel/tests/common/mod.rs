//! Shapes and seeded numbers that several tests use.

#![allow(dead_code, reason = "each test binary uses some of it")]

pub mod boxes;
pub mod fields;
pub mod zero_set;

use fieldstone_kernel::TriMesh;

/// Xorshift64* (Vigna 2016): seeded, so that every failure can be had again.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }
}

/// The box `lo..lo+size`, faces outward, 12 triangles; the first two are the face at low z.
pub fn cube(lo: [f32; 3], size: f32) -> TriMesh {
    let positions =
        (0..8).map(|i| [0, 1, 2].map(|k| lo[k] + if i >> k & 1 == 1 { size } else { 0.0 })).collect();
    let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let triangles = quads.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect();
    TriMesh { positions, triangles }
}

/// A sphere of `rings` × 2·`rings` quads, faces outward.
pub fn sphere(center: [f32; 3], radius: f32, rings: u32) -> TriMesh {
    let columns = 2 * rings;
    let mut positions =
        vec![[center[0], center[1], center[2] - radius], [center[0], center[1], center[2] + radius]];
    for r in 1..rings {
        let polar = std::f64::consts::PI * (1.0 - f64::from(r) / f64::from(rings));
        for c in 0..columns {
            let turn = std::f64::consts::TAU * f64::from(c) / f64::from(columns);
            let unit = [polar.sin() * turn.cos(), polar.sin() * turn.sin(), polar.cos()];
            positions.push([0, 1, 2].map(|k| center[k] + (f64::from(radius) * unit[k]) as f32));
        }
    }
    let at = |r: u32, c: u32| 2 + (r - 1) * columns + c % columns;
    let mut triangles = Vec::new();
    for c in 0..columns {
        triangles.push([0, at(1, c + 1), at(1, c)]);
        triangles.push([1, at(rings - 1, c), at(rings - 1, c + 1)]);
        for r in 1..rings - 1 {
            triangles.push([at(r, c), at(r, c + 1), at(r + 1, c + 1)]);
            triangles.push([at(r, c), at(r + 1, c + 1), at(r + 1, c)]);
        }
    }
    TriMesh { positions, triangles }
}

/// Both meshes in one.
pub fn join(meshes: &[TriMesh]) -> TriMesh {
    let mut all = TriMesh::default();
    for m in meshes {
        let base = all.positions.len() as u32;
        all.positions.extend(&m.positions);
        all.triangles.extend(m.triangles.iter().map(|t| t.map(|i| i + base)));
    }
    all
}

/// The same triangles, each with vertices of its own.
pub fn soup(mesh: &TriMesh) -> TriMesh {
    let positions: Vec<_> = (0..mesh.triangles.len()).flat_map(|t| mesh.corners(t)).collect();
    let triangles = (0..mesh.triangles.len() as u32).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
    TriMesh { positions, triangles }
}

/// Every triangle facing the other way.
pub fn inside_out(mesh: &TriMesh) -> TriMesh {
    TriMesh { triangles: mesh.triangles.iter().map(|&[a, b, c]| [a, c, b]).collect(), ..mesh.clone() }
}
