//! A triangle in its own plane: exact squared distance with few operations and no division per point.
//!
//! # Formula
//! The triangle is turned so that its longest edge AB runs along u from the origin and C lies at v ≥ 0; w is
//! the height above its plane. The squared distance is w² plus the squared distance in the plane, which is
//! 0 inside and else the least of those to the three edges. No quantity is a difference of
//! barycentric areas, so slivers and needles lose nothing.
//!
//! # Source
//! M. W. Jones, "3D Distance from a Point to a Triangle", Technical Report CSR-5-95, 1995 (the turn into a plane).

use crate::vector::{Vector, cross, dot, scale, sub};

/// One triangle in its own frame, relative to an origin near the points asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Rows of the rotation: unit vectors u, v, w.
    pub axes: [[f32; 3]; 3],
    /// What to add after the rotation: minus A in the frame.
    pub shift: [f32; 3],
    /// Length of AB.
    pub base: f32,
    /// C in the plane; `apex[1]` is 0 for a triangle without area.
    pub apex: [f32; 2],
    /// 1 / |BC|², 0 when B = C.
    pub inverse_bc2: f32,
    /// 1 / |CA|², 0 when C = A.
    pub inverse_ca2: f32,
}

/// A triangle in its own plane, for any origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    /// The frame but for what the origin decides.
    frame: Frame,
    /// The unit vectors, and A.
    axes: [Vector; 3],
    a: Vector,
}

impl Frame {
    /// The frame of `corners` for points given relative to `origin`; worked out in `f64`, rounded once.
    #[inline(always)]
    pub fn new(corners: [[f32; 3]; 3], origin: [f64; 3]) -> Frame {
        let [a, b, c] = corners;
        let p = |c: [f32; 3]| sub([f64::from(c[0]), f64::from(c[1]), f64::from(c[2])], origin);
        Turned::new([p(a), p(b), p(c)]).from([0.0; 3])
    }
}

impl Turned {
    /// The triangle with these corners.
    #[inline(always)]
    pub fn new(p: [Vector; 3]) -> Turned {
        let edge = [sub(p[1], p[0]), sub(p[2], p[1]), sub(p[0], p[2])];
        let length2 = [dot(edge[0], edge[0]), dot(edge[1], edge[1]), dot(edge[2], edge[2])];
        let longest = (0..3).fold(0, |best, i| if length2[i] > length2[best] { i } else { best });
        let (a, ab, ac) = (p[longest], edge[longest], sub(p[(longest + 2) % 3], p[longest]));
        let base = length2[longest].sqrt();
        let u = if base > 0.0 { scale(ab, 1.0 / base) } else { [1.0, 0.0, 0.0] };
        let along = dot(ac, u);
        let across = sub(ac, scale(u, along));
        let height = dot(across, across).sqrt();
        // Below this the direction of C would be rounding noise; the triangle is its longest edge.
        let (v, height) = match height > base * 1e-12 {
            true => (scale(across, 1.0 / height), height),
            false => (perpendicular(u), 0.0),
        };
        let w = cross(u, v);
        let inverse = |x: f64| if x > 0.0 { (1.0 / x) as f32 } else { 0.0 };
        let bc2 = (along - base) * (along - base) + height * height;
        let ca2 = along * along + height * height;
        let single = |r: Vector| [r[0] as f32, r[1] as f32, r[2] as f32];
        let frame = Frame {
            axes: [single(u), single(v), single(w)],
            shift: [0.0; 3],
            base: base as f32,
            apex: [along as f32, height as f32],
            inverse_bc2: inverse(bc2),
            inverse_ca2: inverse(ca2),
        };
        Turned { frame, axes: [u, v, w], a }
    }

    /// The frame for points given relative to `origin`.
    #[inline(always)]
    pub fn from(&self, origin: Vector) -> Frame {
        let minus_a = sub(origin, self.a);
        let shift = |i: usize| dot(self.axes[i], minus_a) as f32;
        Frame { shift: [shift(0), shift(1), shift(2)], ..self.frame }
    }
}

impl Frame {
    /// Squared distance from `p` (relative to the origin). The SIMD body in `packet` does the same steps.
    pub fn distance2(&self, p: [f32; 3]) -> f32 {
        let [u, v, w]: [f32; 3] = std::array::from_fn(|i| {
            let r = &self.axes[i];
            p[0] * r[0] + p[1] * r[1] + p[2] * r[2] + self.shift[i]
        });
        let [cx, cy] = self.apex;
        let du = u - u.clamp(0.0, self.base);
        let ab = du * du + v * v;
        let (bu, ex) = (u - self.base, cx - self.base);
        let t = ((bu * ex + v * cy) * self.inverse_bc2).clamp(0.0, 1.0);
        let (qu, qv) = (bu - t * ex, v - t * cy);
        let bc = qu * qu + qv * qv;
        let t = ((u * cx + v * cy) * self.inverse_ca2).clamp(0.0, 1.0);
        let (qu, qv) = (u - t * cx, v - t * cy);
        let ca = qu * qu + qv * qv;
        let inside = v > 0.0 && ex * v - cy * bu > 0.0 && cy * u - cx * v > 0.0;
        let plane = if inside { 0.0 } else { ab.min(bc).min(ca) };
        plane + w * w
    }
}

/// Some unit vector at right angles to the unit vector `u`.
fn perpendicular(u: [f64; 3]) -> [f64; 3] {
    let least = (0..3).fold(0, |best, i| if u[i].abs() < u[best].abs() { i } else { best });
    let mut e = [0.0; 3];
    e[least] = 1.0;
    let v = cross(u, e);
    scale(v, 1.0 / dot(v, v).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, distance2_oracle};

    fn check(corners: [[f32; 3]; 3], p: [f64; 3]) {
        let exact = distance2_oracle(p, corners).sqrt();
        let got = Frame::new(corners, p).distance2([0.0; 3]).sqrt();
        assert!(
            (f64::from(got) - exact).abs() <= 1e-6 * (1.0 + exact),
            "{corners:?} from {p:?}: {got}, exact {exact}"
        );
    }

    #[test]
    fn agrees_with_the_oracle_on_any_shape_of_triangle() {
        let mut rng = Rng::new(5);
        for i in 0..20_000 {
            // From fat ones to slivers a millionth as high as long.
            let flat = [1.0, 1e-2, 1e-4, 1e-6][i % 4];
            let mut point = |squash: f64| -> [f64; 3] {
                std::array::from_fn(|a| (rng.unit() * 2.0 - 1.0) * if a == 1 { squash } else { 1.0 })
            };
            let corners = [point(flat), point(flat), point(flat)].map(|p| p.map(|x| x as f32));
            check(corners, point(1.0).map(|x| 3.0 * x));
        }
    }

    #[test]
    fn segments_and_points_are_triangles_too() {
        let (a, b) = ([0.0, 0.0, 0.0], [2.0, 1.0, 0.5]);
        for p in [[1.0, 1.0, 1.0], [-3.0, 0.2, 0.0], [5.0, 4.0, 1.0], [1.0, 0.5, 0.25]] {
            check([a, b, b], p);
            check([a, b, [1.0, 0.5, 0.25]], p);
            check([a, b, a], p);
            check([b, b, b], p);
        }
    }
}
