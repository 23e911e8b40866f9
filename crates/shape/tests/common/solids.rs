//! Solids of SampleBox in closed form, written down from their description.

use super::op;
use serde_json::{Value, json};
use std::f64::consts::PI;

/// A solid and what it measures.
pub struct Solid {
    /// `shape_type`.
    pub name: &'static str,
    /// Full extents.
    pub size: [f64; 3],
    /// `free_param`.
    pub free: f64,
    /// mm³.
    pub volume: f64,
    /// mm².
    pub area: f64,
    /// Length of all edges, mm; 0 where the surface is smooth.
    pub edges: f64,
    /// At least the integral of the greatest curvature over the surface, mm.
    pub bent: f64,
}

impl Solid {
    /// The sampler.
    pub fn sampler(&self) -> Value {
        op("SampleBox", json!({"shape_type": self.name, "size": self.size, "free_param": self.free}))
    }

    /// What the mesh's volume may miss on cells of edge `h`: an edge is cut off inside its cell, a chord of a curve lies below it
    /// by at most κ·(√3 h)²/8, and the linear interpolant adds κ·h²/8.
    pub fn bound(&self, h: f64) -> f64 {
        h * h * (self.edges + 0.5 * self.bent)
    }
}

/// Every kind but the half-space, which has no volume of its own.
pub fn solids() -> Vec<Solid> {
    let solid =
        |name, size, free, volume, area, edges, bent| Solid { name, size, free, volume, area, edges, bent };
    vec![
        cuboid([1.6, 1.2, 0.8]),
        frame([1.6, 1.2, 1.0], 0.2),
        cone(0.7, 0.3, 1.2),
        capsule(0.5, 0.7),
        {
            let (r, h) = (0.6, 1.1);
            let area = 2.0 * PI * r * (h + r);
            solid("Cylinder", [2.0 * r, 9.0, h], 0.0, PI * r * r * h, area, 4.0 * PI * r, 2.0 * PI * h)
        },
        ellipsoid([0.85, 0.65, 0.45]),
        {
            // Two half rings and two straight bars.
            let (ring, r, straight): (f64, f64, f64) = (0.6, 0.2, 0.3);
            let length = 2.0 * PI * ring + 2.0 * straight;
            let size = [2.0 * (ring + r), 9.0, straight + 2.0 * (ring + r)];
            solid("Link", size, r, PI * r * r * length, 2.0 * PI * r * length, 0.0, 2.0 * PI * length)
        },
        {
            let (ring, r) = (0.55, 0.25);
            let length = 2.0 * PI * ring;
            let size = [2.0 * (ring + r), 9.0, 9.0];
            solid("Torus", size, r, PI * r * r * length, 2.0 * PI * r * length, 0.0, 2.0 * PI * length)
        },
    ]
}

fn cuboid(size: [f64; 3]) -> Solid {
    let [a, b, c] = size;
    let area = 2.0 * (a * b + b * c + c * a);
    Solid { name: "Box", size, free: 0.0, volume: a * b * c, area, edges: 4.0 * (a + b + c), bent: 0.0 }
}

/// Eight corner cubes and twelve bars between them.
fn frame(size: [f64; 3], t: f64) -> Solid {
    let [u, v, w] = size.map(|s| s - 2.0 * t);
    let bars = 4.0 * (u + v + w);
    let outside = cuboid(size).area - 2.0 * (u * v + v * w + w * u);
    // A bar has two edges on the outside's windows and one within; a corner cube has three between its bars.
    let edges = cuboid(size).edges + 3.0 * bars + 24.0 * t;
    let volume = 8.0 * t.powi(3) + bars * t * t;
    Solid { name: "BoxFrame", size, free: t, volume, area: outside + 2.0 * bars * t, edges, bent: 0.0 }
}

fn cone(r: f64, s: f64, h: f64) -> Solid {
    Solid {
        name: "CappedCone",
        size: [2.0 * r, 9.0, h],
        free: s,
        volume: PI * h / 3.0 * (r * r + r * s + s * s),
        area: PI * (r * r + s * s + (r + s) * h.hypot(r - s)),
        edges: 2.0 * PI * (r + s),
        bent: 2.0 * PI * h,
    }
}

fn capsule(r: f64, straight: f64) -> Solid {
    Solid {
        name: "Capsule",
        size: [2.0 * r, 9.0, straight + 2.0 * r],
        free: 0.0,
        volume: PI * r * r * (straight + 4.0 / 3.0 * r),
        area: 2.0 * PI * r * (straight + 2.0 * r),
        edges: 0.0,
        bent: 2.0 * PI * straight + 4.0 * PI * r,
    }
}

fn ellipsoid(half: [f64; 3]) -> Solid {
    let [a, b, c] = half;
    // |∂p/∂u × ∂p/∂v| on the sphere's parameters; the midpoint rule, exact beyond what is compared.
    const N: usize = 400;
    let mut area = 0.0;
    for i in 0..N {
        let (su, cu) = (PI * (i as f64 + 0.5) / N as f64).sin_cos();
        for j in 0..N {
            let (sv, cv) = (2.0 * PI * (j as f64 + 0.5) / N as f64).sin_cos();
            let normal = [b * c * su * cv, c * a * su * sv, a * b * cu];
            area += su * normal.iter().map(|n| n * n).sum::<f64>().sqrt() * 2.0 * PI * PI / (N * N) as f64;
        }
    }
    let volume = 4.0 / 3.0 * PI * a * b * c;
    // No curvature is greater than that at the tip of the longest axis across the shortest.
    let bent = area * a / (c * c);
    Solid { name: "Ellipsoid", size: half.map(|h| 2.0 * h), free: 0.0, volume, area, edges: 0.0, bent }
}

/// Lowest corner and edge of the cube that solids are sampled in: nothing falls on a sample by symmetry.
pub const CUBE: [f64; 2] = [-1.03, 2.11];
