//! Solids with creases and corners, as formulas: a few with names, and random ones.

use fieldstone_kernel::testing::Rng;

/// A point or a direction.
pub type Point = [f64; 3];

pub fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(u: Point, v: Point) -> Point {
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

pub fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn unit(v: Point) -> Point {
    v.map(|c| c / dot(v, v).sqrt())
}

/// A solid as a field: below 0 inside.
pub enum Solid {
    /// Inside of planes: normals and distances from the middle.
    Planes(Vec<(Point, f64)>),
    Ball(Point, f64),
    /// A point of the axis, its direction, the radius, half the length.
    Rod(Point, Point, f64, f64),
    /// Tip, axis, slope, length.
    Cone(Point, Point, f64, f64),
    /// Period, half thickness in its own values, which surface.
    Sheet(f64, f64, bool),
    Union(Box<[Solid; 2]>),
    Both(Box<[Solid; 2]>),
    Less(Box<[Solid; 2]>),
    Shell(Box<Solid>, f64),
}

impl Solid {
    /// The field.
    pub fn at(&self, p: Point) -> f64 {
        match self {
            Solid::Planes(planes) => planes.iter().map(|(n, d)| dot(*n, p) - d).fold(f64::MIN, f64::max),
            Solid::Ball(c, r) => dot(minus(p, *c), minus(p, *c)).sqrt() - r,
            Solid::Rod(c, u, r, half) => {
                let q = minus(p, *c);
                let along = dot(q, *u);
                let off = minus(q, u.map(|v| v * along));
                (dot(off, off).sqrt() - r).max(along.abs() - half)
            }
            Solid::Cone(c, u, slope, length) => {
                let q = minus(p, *c);
                let along = dot(q, *u);
                let off = minus(q, u.map(|v| v * along));
                ((dot(off, off).sqrt() - slope * along) / (1.0 + slope * slope).sqrt()).max(along - length)
            }
            Solid::Sheet(period, half, diamond) => {
                let q = p.map(|v| v * std::f64::consts::TAU / period);
                let [s, c] = [q.map(f64::sin), q.map(f64::cos)];
                let value = match diamond {
                    true => s[0] * s[1] * s[2] + s[0] * c[1] * c[2] + c[0] * s[1] * c[2] + c[0] * c[1] * s[2],
                    false => c[0] + c[1] + c[2],
                };
                (value.abs() - half) * period / std::f64::consts::TAU
            }
            Solid::Union(of) => of[0].at(p).min(of[1].at(p)),
            Solid::Both(of) => of[0].at(p).max(of[1].at(p)),
            Solid::Less(of) => of[0].at(p).max(-of[1].at(p)),
            Solid::Shell(of, half) => of.at(p).abs() - half,
        }
    }
}

fn direction(rng: &mut Rng) -> Point {
    loop {
        let v = [0; 3].map(|_| 2.0 * rng.unit() - 1.0);
        if dot(v, v) > 0.01 && dot(v, v) < 1.0 {
            return unit(v);
        }
    }
}

fn axes(rng: &mut Rng) -> [Point; 3] {
    if rng.below(4) == 0 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let (a, b) = (direction(rng), direction(rng));
    let c = unit(cross(a, b));
    [a, c, cross(a, c)]
}

/// A random solid of so many operations one within the other.
pub fn random(rng: &mut Rng, depth: usize) -> Solid {
    let pair = |rng: &mut Rng| Box::new([random(rng, depth - 1), random(rng, depth - 1)]);
    if depth > 0 && rng.below(8) > 0 {
        return match rng.below(4) {
            0 => Solid::Union(pair(rng)),
            1 => Solid::Both(pair(rng)),
            2 => Solid::Less(pair(rng)),
            _ if rng.below(3) == 0 => Solid::Shell(Box::new(random(rng, depth - 1)), 0.06 + 0.1 * rng.unit()),
            _ => Solid::Both(pair(rng)),
        };
    }
    let middle = [0; 3].map(|_| 0.7 * (rng.unit() - 0.5));
    match rng.below(6) {
        0 | 1 => {
            let faces = axes(rng).into_iter().flat_map(|n| {
                // On a plane of samples, or anywhere.
                let mut half = || {
                    let half = 0.25 + 0.5 * rng.unit();
                    if rng.below(3) == 0 { (half * 8.0).round() / 8.0 } else { half }
                };
                [(n, half() + dot(n, middle)), (n.map(|v| -v), half() - dot(n, middle))]
            });
            Solid::Planes(faces.collect())
        }
        2 => Solid::Ball(middle, 0.3 + 0.6 * rng.unit()),
        3 => Solid::Rod(middle, axes(rng)[2], 0.15 + 0.4 * rng.unit(), 0.3 + 0.5 * rng.unit()),
        4 => Solid::Cone(middle, axes(rng)[2], 0.3 + 1.5 * rng.unit(), 0.3 + 0.5 * rng.unit()),
        _ => Solid::Sheet(0.8 + rng.unit(), 0.3 + 0.4 * rng.unit(), rng.below(2) == 0),
    }
}

/// The field's gradient by central differences over a step that no crease fits between by chance.
pub fn gradient(solid: &Solid, p: Point) -> Point {
    let h = 1e-6;
    std::array::from_fn(|a| {
        let mut at = [p; 2];
        at[0][a] += h;
        at[1][a] -= h;
        (solid.at(at[0]) - solid.at(at[1])) / (2.0 * h)
    })
}
fn cuboid(axes: [Point; 3], half: Point, middle: Point) -> Solid {
    let faces = (0..3).flat_map(|k| {
        let along = dot(axes[k], middle);
        [(axes[k], half[k] + along), (axes[k].map(|v| -v), half[k] - along)]
    });
    Solid::Planes(faces.collect())
}

const STRAIGHT: [Point; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const TURNED: [Point; 3] = [[0.36, 0.48, 0.8], [-0.8, 0.6, 0.0], [-0.48, -0.64, 0.6]];

/// The intersection of balls of radius 1.
fn balls(centres: &[Point]) -> Solid {
    centres.iter().map(|c| Solid::Ball(*c, 1.0)).reduce(both).expect("at least one ball")
}

fn both(a: Solid, b: Solid) -> Solid {
    Solid::Both(Box::new([a, b]))
}

fn less(a: Solid, b: Solid) -> Solid {
    Solid::Less(Box::new([a, b]))
}

fn union(a: Solid, b: Solid) -> Solid {
    Solid::Union(Box::new([a, b]))
}

/// Solids that a grid of 20 cells holds: no edge is like a knife, no wall thinner than three cells.
pub fn blunt() -> Vec<(&'static str, Solid)> {
    vec![
        ("reuleaux", balls(&[[0.0, 0.0, 0.6], [0.52, 0.0, -0.3], [-0.26, 0.45, -0.3], [-0.26, -0.45, -0.3]])),
        ("lens", balls(&[TURNED[0].map(|v| 0.7 * v), TURNED[0].map(|v| -0.7 * v)])),
        ("box", cuboid(STRAIGHT, [0.5, 0.6, 0.7], [0.0; 3])),
        ("turned box", cuboid(TURNED, [0.61, 0.43, 0.52], [0.0; 3])),
        ("box and ball", both(cuboid(TURNED, [0.61, 0.43, 0.52], [0.0; 3]), Solid::Ball([0.0; 3], 0.6))),
        ("cone", Solid::Cone([0.0, 0.0, -0.6], [0.0, 0.0, 1.0], 0.5, 1.2)),
        ("turned cone", Solid::Cone(TURNED[1].map(|v| 0.7 * v), TURNED[1].map(|v| -v), 0.7, 1.2)),
        ("rod", Solid::Rod([0.0; 3], TURNED[0], 0.5, 0.6)),
        (
            "common to rods",
            both(Solid::Rod([0.0; 3], TURNED[0], 0.5, 0.8), Solid::Rod([0.0; 3], TURNED[1], 0.5, 0.8)),
        ),
        ("D in box", both(Solid::Sheet(1.6, 0.5, true), cuboid(STRAIGHT, [0.75; 3], [0.0; 3]))),
        ("shell of box", Solid::Shell(Box::new(cuboid(TURNED, [0.55, 0.45, 0.5], [0.0; 3])), 0.12)),
    ]
}

/// Solids with edges like knives, where faces graze each other.
pub fn keen() -> Vec<Solid> {
    let tilted = |n: Point, d: f64| (unit(n), d);
    vec![
        less(cuboid(TURNED, [0.61, 0.43, 0.52], [0.0; 3]), Solid::Ball([0.0; 3], 0.6)),
        union(Solid::Rod([0.0; 3], TURNED[0], 0.3, 0.8), Solid::Rod([0.0; 3], TURNED[1], 0.3, 0.8)),
        union(
            cuboid(TURNED, [0.8, 0.25, 0.25], [0.0; 3]),
            cuboid(STRAIGHT, [0.25, 0.8, 0.25], [0.1, 0.0, 0.0]),
        ),
        both(Solid::Sheet(1.3, 0.5, false), cuboid(TURNED, [0.6, 0.5, 0.55], [0.0; 3])),
        both(Solid::Sheet(1.6, 0.5, true), Solid::Ball([0.0; 3], 0.9)),
        both(
            cuboid(STRAIGHT, [0.8; 3], [0.0; 3]),
            Solid::Planes(vec![tilted([0.5, 0.3, 0.81], 0.1), tilted([-0.5, 0.36, -0.3], 0.2)]),
        ),
    ]
}
