//! Meshes and random numbers for tests and benchmarks: deterministic, with known answers.

pub mod interpolant;

use crate::mesh::TriMesh;
use crate::vector::{cross, dot, sub};

/// SplitMix64: small, seeded, good enough for test data.
pub struct Rng(u64);

impl Rng {
    /// Starts the sequence that `seed` names.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 bits.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A closed mesh over a grid of `nu` × `nv` quads that wraps around in both directions.
fn wrapped(nu: usize, nv: usize, point: impl Fn(f64, f64) -> [f64; 3]) -> TriMesh {
    let at = |i: usize, j: usize| ((i % nu) * nv + j % nv) as u32;
    let angle = |i: usize, n: usize| std::f64::consts::TAU * i as f64 / n as f64;
    let positions =
        (0..nu * nv).map(|k| point(angle(k / nv, nu), angle(k % nv, nv)).map(|c| c as f32)).collect();
    let mut triangles = Vec::with_capacity(2 * nu * nv);
    for i in 0..nu {
        for j in 0..nv {
            let (a, b, c, d) = (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1));
            triangles.push([a, b, c]);
            triangles.push([a, c, d]);
        }
    }
    TriMesh { positions, triangles }
}

/// A closed torus around z: `2·nu·nv` triangles inscribed in radii `major` and `minor`.
pub fn torus(nu: usize, nv: usize, major: f64, minor: f64) -> TriMesh {
    wrapped(nu, nv, |u, v| {
        let r = major + minor * v.cos();
        [r * u.cos(), r * u.sin(), minor * v.sin()]
    })
}

/// A closed sphere of `rows` × `columns` with poles; the radius varies by `bump` (0: a sphere).
/// It has `2·columns·(rows − 1)` triangles.
pub fn bumpy_sphere(rows: usize, columns: usize, radius: f64, bump: f64) -> TriMesh {
    let point = |theta: f64, phi: f64| {
        let n = [theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()];
        let wave = (7.0 * n[0] + 1.0).sin() * (6.0 * n[1] + 2.0).sin() * (8.0 * n[2] + 3.0).sin();
        let noise = (97.0 * n[0] + 83.0 * n[1] + 71.0 * n[2]).sin();
        let r = radius * (1.0 + bump * (wave + 0.05 * noise));
        n.map(|c| (c * r) as f32)
    };
    let mut positions = vec![point(0.0, 0.0)];
    for i in 1..rows {
        for j in 0..columns {
            let theta = std::f64::consts::PI * i as f64 / rows as f64;
            positions.push(point(theta, std::f64::consts::TAU * j as f64 / columns as f64));
        }
    }
    positions.push(point(std::f64::consts::PI, 0.0));
    let at = |i: usize, j: usize| (1 + (i - 1) * columns + j % columns) as u32;
    let south = positions.len() as u32 - 1;
    let mut triangles = Vec::new();
    for j in 0..columns {
        triangles.push([0, at(1, j), at(1, j + 1)]);
        for i in 1..rows - 1 {
            triangles.push([at(i, j), at(i + 1, j), at(i + 1, j + 1)]);
            triangles.push([at(i, j), at(i + 1, j + 1), at(i, j + 1)]);
        }
        triangles.push([at(rows - 1, j), south, at(rows - 1, j + 1)]);
    }
    TriMesh { positions, triangles }
}

/// An axis-aligned box of 12 triangles.
pub fn cuboid(min: [f32; 3], max: [f32; 3]) -> TriMesh {
    let positions =
        (0..8).map(|i| std::array::from_fn(|a| if i >> a & 1 == 1 { max[a] } else { min[a] })).collect();
    let quads = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];
    let triangles = quads.iter().flat_map(|q| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect();
    TriMesh { positions, triangles }
}

/// Both meshes in one, with separate vertices.
pub fn joined(a: &TriMesh, b: &TriMesh) -> TriMesh {
    let mut m = a.clone();
    let shift = m.positions.len() as u32;
    m.positions.extend_from_slice(&b.positions);
    m.triangles.extend(b.triangles.iter().map(|t| t.map(|i| i + shift)));
    m
}

/// Squared distance from `p` to the triangle `c`, by the seven Voronoi regions, in `f64`.
/// The oracle that everything else is held against (Ericson, "Real-Time Collision Detection", 2005, §5.1.5).
pub fn distance2_oracle(p: [f64; 3], c: [[f32; 3]; 3]) -> f64 {
    let [a, b, c] = c.map(|v| v.map(f64::from));
    let (ab, ac) = (sub(b, a), sub(c, a));
    let to_segment = |from: [f64; 3], e: [f64; 3]| {
        let l2 = dot(e, e);
        let v = sub(p, from);
        let t = if l2 > 0.0 { (dot(v, e) / l2).clamp(0.0, 1.0) } else { 0.0 };
        let q = [v[0] - t * e[0], v[1] - t * e[1], v[2] - t * e[2]];
        dot(q, q)
    };
    let edges = to_segment(a, ab).min(to_segment(a, ac)).min(to_segment(b, sub(c, b)));
    let n = cross(ab, ac);
    let ap = sub(p, a);
    let within = dot(cross(ab, ap), n) > 0.0
        && dot(cross(sub(c, b), sub(p, b)), n) > 0.0
        && dot(cross(sub(a, c), sub(p, c)), n) > 0.0;
    let h = dot(ap, n);
    if within { edges.min(h * h / dot(n, n)) } else { edges }
}

/// Generalised winding number of `mesh` at `p` by summing every solid angle, in `f64`
/// (Jacobson et al. 2013, §4; solid angle by Van Oosterom and Strackee 1983).
pub fn winding_oracle(p: [f64; 3], mesh: &TriMesh) -> f64 {
    let sum: f64 =
        (0..mesh.triangles.len()).map(|t| crate::bvh::winding::solid_angle(p, mesh.corners(t))).sum();
    sum / (4.0 * std::f64::consts::PI)
}

/// Distance from `p` to `mesh`, by trying every triangle, in `f64`.
pub fn distance_oracle(p: [f64; 3], mesh: &TriMesh) -> f64 {
    let best = (0..mesh.triangles.len()).map(|t| distance2_oracle(p, mesh.corners(t)));
    best.fold(f64::INFINITY, f64::min).sqrt()
}
