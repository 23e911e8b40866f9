//! Vectors of three `f64`: sums and products, in one order of operations, so that equal inputs give equal bits everywhere.

/// A point or a direction.
pub type Vector = [f64; 3];

/// a − b.
#[inline(always)]
pub fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// s · a.
#[inline(always)]
pub fn scale(a: Vector, s: f64) -> Vector {
    [a[0] * s, a[1] * s, a[2] * s]
}

/// a · b.
#[inline(always)]
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// a × b: at right angles to both, as long as the area of their parallelogram, right-handed.
#[inline(always)]
pub fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Length.
#[inline(always)]
pub fn norm(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// a · (b × c): six times the signed volume of the tetrahedron that they span with the origin.
#[inline(always)]
pub fn determinant(a: Vector, b: Vector, c: Vector) -> f64 {
    dot(a, cross(b, c))
}

/// (b − a) × (c − a): normal of the triangle, counter-clockwise from outside, twice as long as its area.
#[inline(always)]
pub fn normal([a, b, c]: [Vector; 3]) -> Vector {
    cross(sub(b, a), sub(c, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_vectors_are_right_handed() {
        let [x, y, z] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!([cross(x, y), cross(y, z), cross(z, x)], [z, x, y]);
        assert_eq!(determinant(x, y, z), 1.0);
        assert_eq!(normal([z, sub(x, scale(z, -1.0)), sub(y, scale(z, -1.0))]), z);
        assert_eq!(norm([2.0, 3.0, 6.0]), 7.0);
    }
}
