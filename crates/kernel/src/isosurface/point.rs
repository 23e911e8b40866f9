//! Where a feature lies: best on the tangent planes at a loop's crossings.
//!
//! # Formula
//! Least squares over the planes, `Σ (n · (x − p))²` (Kobbelt, Botsch, Schwanecke and Seidel 2001). Along a crease that leaves a direction
//! open, and `x` is where the crease passes the middle of the sides on which the normals turn.

use crate::vector::{Vector, dot, norm, scale, sub};

/// Eigenvalues below this share of the greatest say nothing: it is that of two planes at 20 degrees.
const LEAST_EIGENVALUE: f64 = 0.03;
/// The tangent plane at a crossing.
pub(super) struct Plane {
    pub point: Vector,
    pub normal: Vector,
    /// Height of the crossing above the surface, along the normal: linear interpolation misses it where the field bends.
    height: f64,
}

impl Plane {
    /// None where the gradient is not known.
    pub fn new(point: Vector, value: f64, gradient: Vector) -> Option<Plane> {
        let length = norm(gradient);
        let height = value / length;
        let known = length > 0.0 && length.is_finite() && height.is_finite();
        known.then(|| Plane { point, normal: gradient.map(|c| c / length), height })
    }
}

/// Where the feature of a loop lies whose crossings have these planes, in order.
pub(super) fn of(planes: &[Plane]) -> Vector {
    let mean = turning(planes);
    let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
    for Plane { point, normal: n, height } in planes {
        let height = dot(*n, sub(*point, mean)) - height;
        for i in 0..3 {
            (0..3).for_each(|k| a[i][k] += n[i] * n[k]);
            b[i] += n[i] * height;
        }
    }
    let (values, vectors) = eigen(a);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let mut x = mean;
    for (value, v) in values.into_iter().zip(vectors) {
        if value > LEAST_EIGENVALUE * greatest {
            x = plus(x, v, dot(v, b) / value);
        }
    }
    x
}

/// The middle of the loop's sides, by how far the normal turns along them.
fn turning(planes: &[Plane]) -> Vector {
    let (mut mean, mut sum) = ([0.0; 3], 0.0);
    for (i, a) in planes.iter().enumerate() {
        let b = &planes[(i + 1) % planes.len()];
        let weight = 1.0 - dot(a.normal, b.normal);
        mean = plus(plus(mean, a.point, 0.5 * weight), b.point, 0.5 * weight);
        sum += weight;
    }
    scale(mean, 1.0 / sum)
}

/// a + times · b.
fn plus(a: Vector, b: Vector, times: f64) -> Vector {
    [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]]
}

/// Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..8 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = 1f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for k in 0..3 {
                (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]);
            }
            for k in 0..3 {
                (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                (v[p][k], v[q][k]) = (c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k]);
            }
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::cross;

    #[test]
    fn three_planes_meet_in_a_corner_and_two_in_the_nearest_point_of_an_edge() {
        let normals = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]];
        let corner = [0.3, -0.2, 0.7];
        let on = |k: usize, along: [f64; 3]| {
            let t = cross(normals[k], along);
            [0, 1, 2].map(|i| corner[i] + t[i])
        };
        let points = [on(0, [0.2, 0.1, 0.3]), on(1, [0.1, 0.4, -0.2]), on(2, [-0.3, 0.2, 0.1])];
        let plane = |k: usize, point| Plane { point, normal: normals[k], height: 0.0 };
        let x = of(&[plane(0, points[0]), plane(1, points[1]), plane(2, points[2])]);
        assert!((0..3).all(|k| (x[k] - corner[k]).abs() < 1e-12), "{x:?}");
        let x = of(&[plane(0, [1.0, 0.0, 3.0]), plane(1, [0.0, 2.0, 5.0])]);
        assert!((0..3).all(|k| (x[k] - [1.0, 2.0, 4.0][k]).abs() < 1e-12), "{x:?}");
    }
}
