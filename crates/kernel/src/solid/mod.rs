//! Simple solids with exact signed distances.
//!
//! Every solid is centred at the origin, its axis is z, and `size` is its full extent. Coordinates and results in mm.
//!
//! # Promises
//! The Euclidean distance to the surface everywhere, inside (negative) as well as outside, up to rounding: a few 1e-7 of
//! the solid's size plus the point's distance. All nine are exact; none is only a bound.
//!
//! # Source
//! The case distinctions are elementary; the ellipsoid's root finding is described in [`ellipsoid`].

pub mod ellipsoid;
mod loops;
#[cfg(test)]
mod tests;

use crate::simd::Level;
use std::f64::consts::PI;

/// The kinds of solid, with the names they have on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A cuboid of `size`.
    Box,
    /// The twelve bars along the edges of a cuboid of `size`; `free` is the thickness of the square bars.
    BoxFrame,
    /// A cone frustum: base radius `size.x`/2 at the bottom, top radius `free`, height `size.z`.
    CappedCone,
    /// A cylinder with hemispherical ends: radius `size.x`/2, whole height `size.z` (a sphere where that is below `size.x`).
    Capsule,
    /// Radius `size.x`/2, height `size.z`.
    Cylinder,
    /// Semi-axes `size`/2.
    Ellipsoid,
    /// A chain link lying in the x-z plane: round bar of radius `free`, whole width `size.x`, whole height `size.z`
    /// (a torus about y where that is below `size.x`).
    Link,
    /// The half-space below z = 0.
    Plane,
    /// Outer radius `size.x`/2, tube radius `free`, about z.
    Torus,
}

/// Parameters that describe no solid.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SolidError {
    /// A size that is negative or not a number.
    #[error("size must be three numbers of at least 0 and at most 1e9, got {0:?}")]
    Size([f64; 3]),
    /// A free parameter outside its range.
    #[error("free_param of a {kind:?} must be between 0 and {limit}, got {value}")]
    Free {
        /// Of which solid.
        kind: Kind,
        /// The value refused.
        value: f64,
        /// The largest value allowed.
        limit: f64,
    },
}

/// A solid, checked and ready to be evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solid {
    kind: Kind,
    /// Half of `size`.
    half: [f64; 3],
    free: f64,
}

const LARGEST: f64 = 1e9;

impl Solid {
    /// `size` is the full extent, `free` what its [`Kind`] says; both in mm. Sizes and `free` that the kind does not use are ignored.
    pub fn new(kind: Kind, size: [f64; 3], free: f64) -> Result<Solid, SolidError> {
        let used: &[usize] = match kind {
            Kind::Plane => &[],
            Kind::Torus => &[0],
            Kind::CappedCone | Kind::Capsule | Kind::Cylinder | Kind::Link => &[0, 2],
            Kind::Box | Kind::BoxFrame | Kind::Ellipsoid => &[0, 1, 2],
        };
        if !used.iter().all(|&a| (0.0..=LARGEST).contains(&size[a])) {
            return Err(SolidError::Size(size));
        }
        let half = std::array::from_fn(|a| if used.contains(&a) { 0.5 * size[a] } else { 0.0 });
        let limit = match kind {
            Kind::BoxFrame | Kind::CappedCone => LARGEST,
            Kind::Torus => half[0],
            // A thicker bar closes the link's opening.
            Kind::Link => 0.5 * half[0],
            _ => return Ok(Solid { kind, half, free: 0.0 }),
        };
        if !(0.0..=limit).contains(&free) {
            return Err(SolidError::Free { kind, value: free, limit });
        }
        Ok(Solid { kind, half, free })
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Signed distances from points; all slices are equally long, or this panics. Works on the calling thread: give it one block
    /// of points at a time.
    pub fn distance(&self, level: Level, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        let n = out.len();
        assert!(x.len() == n && y.len() == n && z.len() == n, "one value per point");
        let [hx, hy, hz] = self.half.map(|h| h as f32);
        let free = self.free as f32;
        match self.kind {
            Kind::Box => loops::cuboid(level, [hx, hy, hz], x, y, z, out),
            Kind::BoxFrame => loops::box_frame(level, [hx, hy, hz], free, x, y, z, out),
            Kind::CappedCone => loops::capped_cone(level, hx, free, hz, x, y, z, out),
            Kind::Capsule => {
                loops::capsule(level, hx, (self.half[2] - self.half[0]).max(0.0) as f32, x, y, z, out)
            }
            Kind::Cylinder => loops::cylinder(level, hx, hz, x, y, z, out),
            Kind::Ellipsoid if self.half == [self.half[0]; 3] => loops::capsule(level, hx, 0.0, x, y, z, out),
            Kind::Ellipsoid => ellipsoid::distance(level, self.half, x, y, z, out),
            Kind::Link => {
                let straight = (self.half[2] - self.half[0]).max(0.0) as f32;
                loops::link(level, (self.half[0] - self.free) as f32, free, straight, x, y, z, out)
            }
            Kind::Plane => out.copy_from_slice(z),
            Kind::Torus => loops::torus(level, (self.half[0] - self.free) as f32, free, x, y, z, out),
        }
    }

    /// Of a ball around the origin that holds the solid, mm; 0 for the half-space.
    pub fn radius(&self) -> f64 {
        let [a, b, c] = self.half;
        let wide = if self.kind == Kind::CappedCone { a.max(self.free) } else { a };
        (wide * wide + b * b + c.max(if self.kind == Kind::Capsule { a } else { 0.0 }).powi(2)).sqrt()
            + if self.kind == Kind::Link { a + self.free } else { self.free }
    }

    /// The signed distance of one point, by the same code.
    pub fn distance_at(&self, p: [f32; 3]) -> f32 {
        let mut out = [0.0];
        self.distance(Level::BASELINE, &[p[0]], &[p[1]], &[p[2]], &mut out);
        out[0]
    }

    /// Volume in closed form, mm³; infinite for the half-space.
    pub fn volume(&self) -> f64 {
        let [a, b, c] = self.half;
        let r = self.free;
        match self.kind {
            Kind::Box => 8.0 * a * b * c,
            Kind::BoxFrame => {
                // The cuboid less three windows right through it, whose pairs all meet in the same inner cuboid.
                let [u, v, w] = self.half.map(|h| (h - r).max(0.0));
                8.0 * (a * b * c - (u * v * c + v * w * a + u * w * b) + 2.0 * u * v * w)
            }
            Kind::CappedCone => 2.0 * PI * c / 3.0 * (a * a + a * r + r * r),
            Kind::Capsule => PI * a * a * (2.0 * (c - a).max(0.0) + 4.0 / 3.0 * a),
            Kind::Cylinder => 2.0 * PI * a * a * c,
            Kind::Ellipsoid => 4.0 / 3.0 * PI * a * b * c,
            Kind::Link => PI * r * r * (2.0 * PI * (a - r) + 4.0 * (c - a).max(0.0)),
            Kind::Plane => f64::INFINITY,
            Kind::Torus => {
                let ring = a - r;
                if ring >= r {
                    return 2.0 * PI * PI * ring * r * r;
                }
                // The part of the circle on one side of the axis, turned around it (Pappus).
                let chord2 = r * r - ring * ring;
                let angle = if r > 0.0 { (ring / r).asin() } else { 0.0 };
                let area = PI * r * r / 2.0 + ring * chord2.sqrt() + r * r * angle;
                2.0 * PI * (2.0 / 3.0 * chord2.powf(1.5) + ring * area)
            }
        }
    }
}
