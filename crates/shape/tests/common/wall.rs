//! Thickness of walls by rays through a mesh, with nothing of the kernel in it but random numbers.

use super::{chain, grid, op};
use fieldstone_kernel::TriMesh;
use fieldstone_kernel::testing::Rng;
use serde_json::{Value, json};

type Vector = [f64; 3];

fn minus(a: Vector, b: Vector) -> Vector {
    std::array::from_fn(|k| a[k] - b[k])
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// How thick the walls are, relative to what was asked.
#[derive(Debug)]
pub struct Thickness {
    /// Mean over the surface, less what was asked.
    pub mean_error: f64,
    /// 95 % of the rays are off by less.
    pub p95: f64,
    /// The farthest ray.
    pub greatest: f64,
    /// Rays that count.
    pub rays: usize,
}

/// From points all over `mesh` (evenly by area) at least `margin` inside the cube, along the inward normal of their triangle to
/// the opposite face of the wall. Walls more than five times too thick count as five times too thick.
pub fn thickness(mesh: &TriMesh, asked: f64, rays: usize, cube: [f64; 2], margin: f64) -> Thickness {
    let soup = Soup::new(mesh, 0.25 * asked);
    let mut rng = Rng::new(7);
    let mut errors = Vec::with_capacity(rays);
    for tries in 0.. {
        assert!(tries < 200 * rays, "hardly any surface is farther than {margin} from the cube's faces");
        if errors.len() == rays {
            break;
        }
        let (p, inward, own) = soup.random_point(&mut rng);
        if p.iter().all(|v| (cube[0] + margin..=cube[1] - margin).contains(v)) {
            let reach = 6.0 * asked;
            errors.push(soup.hit(p, inward, own, reach).unwrap_or(reach) / asked - 1.0);
        }
    }
    let mean_error = errors.iter().sum::<f64>() / rays as f64;
    let mut off: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    off.sort_by(f64::total_cmp);
    Thickness { mean_error, p95: off[rays * 95 / 100], greatest: off[rays - 1], rays }
}

/// Triangles in bins: every bin lists the triangles whose boxes touch it.
struct Soup {
    corners: Vec<[Vector; 3]>,
    /// Sums of areas, to draw triangles by.
    areas: Vec<f64>,
    bins: Vec<Vec<u32>>,
    /// Bins per axis, their edge and the lowest corner of the first.
    count: [usize; 3],
    bin: f64,
    min: Vector,
}

impl Soup {
    fn new(mesh: &TriMesh, bin: f64) -> Soup {
        let bounds = mesh.bounds();
        let [min, max] = [bounds.min, bounds.max].map(|p| p.map(f64::from));
        let count: [usize; 3] = std::array::from_fn(|k| ((max[k] - min[k]) / bin) as usize + 1);
        let bins = vec![Vec::new(); count.iter().product()];
        let mut soup = Soup { corners: vec![], areas: vec![], bins, count, bin, min };
        let mut sum = 0.0;
        for (i, t) in mesh.triangles.iter().enumerate() {
            let [a, b, c] = t.map(|i| mesh.positions[i as usize].map(f64::from));
            let normal = cross(minus(b, a), minus(c, a));
            sum += 0.5 * dot(normal, normal).sqrt();
            soup.areas.push(sum);
            soup.corners.push([a, b, c]);
            let low = std::array::from_fn(|k| a[k].min(b[k]).min(c[k]));
            let high = std::array::from_fn(|k| a[k].max(b[k]).max(c[k]));
            for bin in soup.touched(low, high) {
                soup.bins[bin].push(i as u32);
            }
        }
        soup
    }

    /// Bins that a box touches.
    fn touched(&self, low: Vector, high: Vector) -> impl Iterator<Item = usize> + use<> {
        let count = self.count;
        let of =
            |p: Vector, k: usize| (((p[k] - self.min[k]) / self.bin).max(0.0) as usize).min(count[k] - 1);
        let [x, y, z] = [0, 1, 2].map(|k| of(low, k)..=of(high, k));
        z.flat_map(move |k| {
            let x = x.clone();
            y.clone().flat_map(move |j| x.clone().map(move |i| (k * count[1] + j) * count[0] + i))
        })
    }

    /// A point, the inward unit normal there, and the triangle.
    fn random_point(&self, rng: &mut Rng) -> (Vector, Vector, u32) {
        let at = rng.unit() * self.areas[self.areas.len() - 1];
        let i = self.areas.partition_point(|s| *s <= at).min(self.corners.len() - 1);
        let [a, b, c] = self.corners[i];
        let (mut u, mut v) = (rng.unit(), rng.unit());
        if u + v > 1.0 {
            (u, v) = (1.0 - u, 1.0 - v);
        }
        let (e, f) = (minus(b, a), minus(c, a));
        let normal = cross(e, f);
        let length = dot(normal, normal).sqrt();
        (std::array::from_fn(|k| a[k] + u * e[k] + v * f[k]), normal.map(|n| -n / length), i as u32)
    }

    /// Distance to the first triangle that the ray leaves through, at most `reach`.
    fn hit(&self, p: Vector, d: Vector, own: u32, reach: f64) -> Option<f64> {
        let mut nearest = reach;
        // Piece by piece: what lies behind a hit need not be looked at.
        let pieces = (reach / self.bin).ceil() as usize;
        for piece in 0..pieces {
            let at = |s: f64| -> Vector { std::array::from_fn(|k| p[k] + s * d[k]) };
            let (from, to) = (at(piece as f64 * self.bin), at((piece + 1) as f64 * self.bin));
            let min = std::array::from_fn(|k| from[k].min(to[k]));
            let max = std::array::from_fn(|k| from[k].max(to[k]));
            for bin in self.touched(min, max) {
                for &t in self.bins[bin].iter().filter(|t| **t != own) {
                    if let Some(s) = leaves(p, d, self.corners[t as usize]) {
                        nearest = nearest.min(s);
                    }
                }
            }
            if nearest <= (piece + 1) as f64 * self.bin {
                return Some(nearest);
            }
        }
        None
    }
}

/// Where a ray passes a triangle from its back (Möller and Trumbore 1997): out of the solid.
fn leaves(p: Vector, d: Vector, [a, b, c]: [Vector; 3]) -> Option<f64> {
    let (e, f) = (minus(b, a), minus(c, a));
    let q = cross(d, f);
    let det = dot(e, q);
    // Negative: the triangle looks the ray's way.
    if det >= 0.0 {
        return None;
    }
    let from = minus(p, a);
    let u = dot(from, q) / det;
    let r = cross(from, e);
    let v = dot(d, r) / det;
    let s = dot(f, r) / det;
    (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && s > 0.0).then_some(s)
}

/// Lowest corner and edge of the cube that walls are measured in, mm; every surface passes through its middle part.
pub const CUBE: [f64; 2] = [-0.5, 6.0];
/// Asked thickness, mm.
pub const WALL: f64 = 1.0;

/// A lattice of 10 mm cells on a grid of `per_wall` cells per wall, with these filters.
pub fn lattice(lattice_type: &str, per_wall: u32, filters: &[Value]) -> Value {
    let cells = (CUBE[1] / WALL) as u32 * per_wall;
    let lattice = op("SampleSurfaceLattice", json!({"lattice_type": lattice_type, "scale": [10, 10, 10]}));
    chain(&[&[grid(CUBE[0], CUBE[1], cells), lattice], filters].concat())
}

/// Distance first, then the wall: as thick as asked.
pub fn redistance_then_shell() -> [Value; 2] {
    [op("Redistance", json!({})), op("Shell", json!({"thickness": WALL}))]
}

/// A wall around raw values, with the thickness that is right for the gyroid's mean gradient (1.534 · 2π/10 per mm).
pub fn shell_of_raw_values() -> [Value; 1] {
    [op("Shell", json!({"thickness": WALL * 1.534 * std::f64::consts::TAU / 10.0}))]
}

/// Walls of `mesh`, a [`lattice`], in its middle: rays near the cube's faces, where walls are cut, do not count.
pub fn middle(mesh: &TriMesh, rays: usize) -> Thickness {
    thickness(mesh, WALL, rays, [CUBE[0], CUBE[0] + CUBE[1]], 1.2 * WALL)
}
