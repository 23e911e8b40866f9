//! Exact geometry on an integer lattice: planes, points where planes meet, and on which side things are.
//!
//! Vertices are integers of at most [`COORDINATE_BITS`] bits, so that every quantity here has a known greatest size:
//! plane normals 56 bits, plane offsets 84, an edge through a plane 112, three planes 200. Nothing rounds and nothing
//! overflows. Where doubles leave no doubt they decide; wide integers are the exception.

use bnum::cast::CastFrom;
use bnum::types::{I256, I512, I1024};
use std::ops::{Add, Mul, Sub};

/// Bits of a vertex coordinate, without its sign.
pub(super) const COORDINATE_BITS: u32 = 26;
/// Binary places of [`Point::key`].
const KEY_PLACES: u32 = 24;

/// A vertex.
pub(super) type Int3 = [i64; 3];

/// All x with normal · x = offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub normal: Int3,
    pub offset: i128,
}

impl Plane {
    /// The plane of a triangle, its normal on the side from which the corners run counter-clockwise.
    pub fn of([a, b, c]: [Int3; 3]) -> Plane {
        Plane::at(cross(sub(b, a), sub(c, a)), a)
    }

    /// The plane through the edge from `a` to `b` along `axis`.
    pub fn along(a: Int3, b: Int3, axis: usize) -> Plane {
        let mut unit = [0; 3];
        unit[axis] = 1;
        Plane::at(cross(sub(b, a), unit), a)
    }

    fn at(normal: Int3, p: Int3) -> Plane {
        Plane { normal, offset: dot(normal, p) }
    }

    /// Positive on the side of the normal, 0 on the plane.
    pub fn side(&self, p: Int3) -> i128 {
        dot(self.normal, p) - self.offset
    }

    /// The axis along which the normal is longest.
    pub fn axis(&self) -> usize {
        let n = self.normal.map(i64::abs);
        (0..3).fold(0, |best, a| if n[a] > n[best] { a } else { best })
    }
}

/// An exact point: x / w, w > 0.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub x: [I256; 3],
    pub w: I256,
    /// ⌊2²⁴ x / w⌋: equal points have equal keys.
    pub key: Int3,
    /// Whether w is 1; always where it can be.
    whole: bool,
    /// Whether x has 112 bits at most and w 85.
    small: bool,
}

impl Point {
    fn new(x: [I256; 3], w: I256, small: bool) -> Point {
        let (x, w) = if w.is_negative() { (x.map(|c| -c), -w) } else { (x, w) };
        let key: Int3 = std::array::from_fn(|a| floor_scaled(x[a], w, KEY_PLACES) as i64);
        let place = key.map(|k| k >> KEY_PLACES);
        match (0..3).all(|a| x[a] == w * wide(place[a])) {
            true => Point::vertex(place),
            false => Point { x, w, key, whole: false, small },
        }
    }

    pub fn vertex(p: Int3) -> Point {
        Point { x: p.map(wide), w: wide(1i64), key: p.map(|c| c << KEY_PLACES), whole: true, small: true }
    }

    /// p + (q − p) · part / whole; `part` and `whole` below 2⁸⁵.
    pub fn between(p: Int3, q: Int3, part: i128, whole: i128) -> Point {
        let x = |a: usize| i128::from(p[a]) * whole + i128::from(q[a] - p[a]) * part;
        Point::new(std::array::from_fn(|a| wide(x(a))), wide(whole), true)
    }

    /// Where three planes meet, if in one point.
    pub fn meeting(planes: [&Plane; 3]) -> Option<Point> {
        let n = planes.map(|p| p.normal.map(i128::from));
        let lines = [cross128(n[1], n[2]), cross128(n[2], n[0]), cross128(n[0], n[1])];
        let sum = |f: &dyn Fn(usize) -> I256| f(0) + f(1) + f(2);
        let w = sum(&|a| wide(n[0][a]) * wide(lines[0][a]));
        if w.is_zero() {
            return None;
        }
        let x = |a: usize| sum(&|i| wide(planes[i].offset) * wide(lines[i][a]));
        Some(Point::new(std::array::from_fn(x), w, false))
    }

    /// Lattice units, to 2⁻²⁴.
    pub fn approximate(&self) -> [f64; 3] {
        self.key.map(|k| k as f64 / f64::from(1u32 << KEY_PLACES))
    }

    /// The coordinates, if all are whole.
    pub fn integers(&self) -> Option<Int3> {
        self.whole.then(|| self.key.map(|k| k >> KEY_PLACES))
    }

    /// Whether both are the same point.
    pub fn is(&self, other: &Point) -> bool {
        self.key == other.key && (0..3).all(|a| compare(self, other, a).is_eq())
    }
}

fn wide<T>(v: T) -> I256
where
    I256: CastFrom<T>,
{
    I256::cast_from(v)
}

/// ⌊2^places · x / w⌋ for w > 0.
fn floor_scaled(x: I256, w: I256, places: u32) -> i128 {
    i128::cast_from((x << places).div_euclid(w))
}

/// How the coordinates of two points compare along `axis`.
pub(super) fn compare(a: &Point, b: &Point, axis: usize) -> std::cmp::Ordering {
    if a.key[axis] != b.key[axis] {
        return a.key[axis].cmp(&b.key[axis]);
    }
    let widest = I1024::cast_from;
    (widest(a.x[axis]) * widest(b.w)).cmp(&(widest(b.x[axis]) * widest(a.w)))
}

/// On which side of the line from `a` to `b` the point `c` is, seen along −`axes[0] × axes[1]`: 1 left, −1 right, 0 on it.
pub(super) fn turn(a: &Point, b: &Point, c: &Point, axes: [usize; 2]) -> i32 {
    if let (Some(a), Some(b), Some(c)) = (a.integers(), b.integers(), c.integers()) {
        return area(a, b, c, axes).signum() as i32;
    }
    let place = |p: &Point| axes.map(|k| p.key[k] as f64 / f64::from(1u32 << KEY_PLACES));
    let (pa, pb, pc) = (place(a), place(b), place(c));
    let (u, v) = ([pb[0] - pa[0], pb[1] - pa[1]], [pc[0] - pa[0], pc[1] - pa[1]]);
    let det = u[0] * v[1] - u[1] * v[0];
    let size = u[0].abs().max(u[1].abs()).max(v[0].abs()).max(v[1].abs());
    // Each difference is off by 2⁻²³ at most, each product by a rounding of 2⁻⁵².
    if det.abs() > size * 1e-6 + size * size * 1e-15 + 1e-12 {
        return if det > 0.0 { 1 } else { -1 };
    }
    if a.small && b.small && c.small {
        let rows = [a, b, c].map(|p| [p.x[axes[0]], p.x[axes[1]], p.w].map(I512::cast_from));
        let det = determinant(rows);
        i32::from(det.is_positive()) - i32::from(det.is_negative())
    } else {
        let rows = [a, b, c].map(|p| [p.x[axes[0]], p.x[axes[1]], p.w].map(I1024::cast_from));
        let det = determinant(rows);
        i32::from(det.is_positive()) - i32::from(det.is_negative())
    }
}

fn determinant<T>([a, b, c]: [[T; 3]; 3]) -> T
where
    T: Copy + Add<Output = T> + Sub<Output = T> + Mul<Output = T>,
{
    a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
}

/// Binary places of [`Column`].
const COLUMN_PLACES: u32 = 40;

/// A line along one axis, at coordinates with 40 binary places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// The two other axes.
    pub axes: [usize; 2],
    at: [i128; 2],
}

impl Column {
    /// The line along the axis beside `axes` through about the middle of three points; `None` where it is not
    /// strictly inside them. They run counter-clockwise seen along the axes.
    pub fn inside(corners: [&Point; 3], axes: [usize; 2]) -> Option<Column> {
        let at = axes.map(|a| {
            corners.iter().map(|p| floor_scaled(p.x[a], p.w, COLUMN_PLACES)).sum::<i128>().div_euclid(3)
        });
        let w = wide(1i64 << COLUMN_PLACES);
        let mut middle = Point { x: [wide(0i64); 3], w, key: [0; 3], whole: false, small: true };
        for (a, v) in axes.into_iter().zip(at) {
            middle.x[a] = wide(v);
            middle.key[a] = (v >> (COLUMN_PLACES - KEY_PLACES)) as i64;
        }
        let inside = (0..3).all(|i| turn(corners[i], corners[(i + 1) % 3], &middle, axes) > 0);
        inside.then_some(Column { axes, at })
    }

    /// Lattice units.
    pub fn approximate(&self) -> [f64; 2] {
        self.at.map(|v| v as f64 / (1u64 << COLUMN_PLACES) as f64)
    }

    /// Whether the line goes through a triangle. A line through an edge counts for one of the triangles there.
    pub fn meets(&self, t: [Int3; 3]) -> bool {
        let [u, v] = self.axes;
        let scaled = |c: i64| i128::from(c) << COLUMN_PLACES;
        let crosses = |a: Int3, b: Int3| {
            let (low, high) = if a[v] <= b[v] { (a, b) } else { (b, a) };
            // Always asked from the lower end, so that both triangles of an edge ask the same.
            scaled(low[v]) <= self.at[1]
                && self.at[1] < scaled(high[v])
                && i128::from(high[u] - low[u]) * (self.at[1] - scaled(low[v]))
                    - i128::from(high[v] - low[v]) * (self.at[0] - scaled(low[u]))
                    > 0
        };
        crosses(t[0], t[1]) ^ crosses(t[1], t[2]) ^ crosses(t[2], t[0])
    }

    /// How the heights at which two planes meet the line compare; neither is parallel to it.
    pub fn compare(&self, p: &Plane, q: &Plane) -> std::cmp::Ordering {
        if p == q {
            return std::cmp::Ordering::Equal;
        }
        let axis = 3 - self.axes[0] - self.axes[1];
        let at = self.approximate();
        let height = |p: &Plane| {
            let part = |i: usize| p.normal[self.axes[i]] as f64 * at[i];
            let (d, u, v, n) = (p.offset as f64, part(0), part(1), p.normal[axis] as f64);
            ((d - u - v) / n, (d.abs() + u.abs() + v.abs()) / n.abs() * 1e-15)
        };
        let ((g, off_g), (h, off_h)) = (height(p), height(q));
        if (g - h).abs() > off_g + off_h {
            return g.total_cmp(&h);
        }
        let rest = |p: &Plane| {
            let scaled = wide(p.offset) << COLUMN_PLACES;
            let part = |i: usize| wide(p.normal[self.axes[i]]) * wide(self.at[i]);
            (scaled - part(0) - part(1), wide(p.normal[axis]))
        };
        let ((a, m), (b, n)) = (rest(p), rest(q));
        let order = (a * n).cmp(&(b * m));
        if m.is_negative() != n.is_negative() { order.reverse() } else { order }
    }
}

pub(super) fn sub(a: Int3, b: Int3) -> Int3 {
    std::array::from_fn(|k| a[k] - b[k])
}

fn cross(a: Int3, b: Int3) -> Int3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn cross128(a: [i128; 3], b: [i128; 3]) -> [i128; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: Int3, b: Int3) -> i128 {
    (0..3).map(|k| i128::from(a[k]) * i128::from(b[k])).sum()
}

/// Six times the volume of the tetrahedron, positive when `d` sees a, b, c run clockwise.
pub(super) fn volume(a: Int3, b: Int3, c: Int3, d: Int3) -> i128 {
    dot(cross(sub(b, a), sub(c, a)), sub(d, a))
}

/// Twice the area of a triangle of lattice points seen along two axes.
pub(super) fn area(a: Int3, b: Int3, c: Int3, [u, v]: [usize; 2]) -> i64 {
    (b[u] - a[u]) * (c[v] - a[v]) - (b[v] - a[v]) * (c[u] - a[u])
}
