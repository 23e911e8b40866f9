//! Areas and volumes of cells of surface lattices, independent of the kernel: from the equation by exact rays.
//!
//! # Formula
//! A ray along axis a through a smooth surface meets it where f = 0; with the normal n = ∇f/|∇f| and weights
//! w_a = n_a⁶/Σ n_b⁶, which add up to 1, the area is Σ_a ∫∫ Σ_roots w_a/|n_a|. The integrand is smooth but for the curves where
//! rays touch the surface, where it vanishes with the fifth power of n_a: the midpoint rule on a periodic plane converges
//! fast. The volume is ∫∫ of the length inside.
//!
//! # Source
//! Published values are those of the minimal surfaces, not of the equations that approximate them. With K(k) the complete
//! elliptic integral of the first kind and κ = K(√3/2)/K(1/2): P has 3/κ, D has 3κ (H. A. Schwarz, Gesammelte Mathematische
//! Abhandlungen 1, 1890), the gyroid, made of the same patches turned by arccot κ = 38.0148°, 3(1 + κ²)/(2κ) (A. H. Schoen, NASA
//! TN D-5541, 1970). I-WP 3.4641, 0.5363 to 0.4637, and Neovius' 3.5105 (D. M. Anderson et al., Adv. Chem. Phys. 77, 1990;
//! docs/accuracy.md says how they were verified).

use std::f64::consts::{PI, TAU};

type Equation = fn(f64, f64, f64) -> f64;

/// A cubic cell and what is published of the minimal surface that its equation approximates.
pub struct Cell {
    /// `lattice_type`.
    pub id: &'static str,
    /// f of the phases, written again from the reference page.
    pub equation: Equation,
    /// Area of the minimal surface in a cell of edge 1.
    pub area: f64,
    /// Share of the cell on the negative side of the minimal surface.
    pub inside: f64,
    /// How much larger the equation's area is, as documented, relative.
    pub area_deviation: f64,
    /// How much larger its negative share is, as documented.
    pub inside_deviation: f64,
}

/// K(√3/2)/K(1/2).
pub fn kappa() -> f64 {
    elliptic_k(0.75f64.sqrt()) / elliptic_k(0.5)
}

/// Complete elliptic integral of the first kind of modulus k, by the arithmetic-geometric mean (Gauss).
fn elliptic_k(k: f64) -> f64 {
    let (mut a, mut b) = (1.0, (1.0 - k * k).sqrt());
    for _ in 0..8 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    PI / (2.0 * a)
}

/// The five cells of the accuracy tables; the diamond has two equations.
pub fn cells() -> [Cell; 6] {
    let k = kappa();
    // Both sides of these are alike, of the surface and of the equation.
    let cell = |id, equation, area, area_deviation| Cell {
        id,
        equation,
        area,
        inside: 0.5,
        area_deviation,
        inside_deviation: 0.0,
    };
    [
        cell("Gyroid", gyroid, 1.5 * (1.0 + k * k) / k, 0.0001),
        cell("P", |x, y, z| x.cos() + y.cos() + z.cos(), 3.0 / k, 0.0032),
        cell("D", |x, y, z| x.cos() * y.cos() * z.cos() - x.sin() * y.sin() * z.sin(), 3.0 * k, 0.0001),
        cell("SchwarzD", schwarz_d, 3.0 * k, 0.0001),
        Cell { inside: 0.4637, inside_deviation: 0.0056, ..cell("IWP", iwp, 3.4641, 0.0258) },
        cell("SchwarzN", neovius, 3.5105, 0.0037),
    ]
}

fn gyroid(x: f64, y: f64, z: f64) -> f64 {
    x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()
}

fn schwarz_d(x: f64, y: f64, z: f64) -> f64 {
    let ((sx, cx), (sy, cy), (sz, cz)) = (x.sin_cos(), y.sin_cos(), z.sin_cos());
    sx * sy * sz + sx * cy * cz + cx * sy * cz + cx * cy * sz
}

fn iwp(x: f64, y: f64, z: f64) -> f64 {
    let [a, b, c] = [x.cos(), y.cos(), z.cos()];
    2.0 * (a * b + b * c + c * a) - ((2.0 * x).cos() + (2.0 * y).cos() + (2.0 * z).cos())
}

fn neovius(x: f64, y: f64, z: f64) -> f64 {
    let [a, b, c] = [x.cos(), y.cos(), z.cos()];
    3.0 * (a + b + c) + 4.0 * a * b * c
}

/// Negative share of the cell of I-WP, whose equation is quadratic in cos z: every ray in closed form, `n`² of them on a quarter.
pub fn iwp_inside(n: usize) -> f64 {
    let cosine = |i: usize| (PI * (i as f64 + 0.5) / n as f64).cos();
    let (mut sum, mut rays) = (0.0, 0.0);
    for i in 0..n {
        for j in 0..=i {
            // −2c² + 2sc + q < 0 outside of the two roots.
            let (a, b) = (cosine(i), cosine(j));
            let (s, q) = (a + b, 2.0 * a * b - 2.0 * a * a - 2.0 * b * b + 3.0);
            let root = (s * s + 2.0 * q).max(0.0).sqrt();
            let [low, high] = [0.5 * (s - root), 0.5 * (s + root)].map(|c| c.clamp(-1.0, 1.0).acos() / PI);
            let weight = if i == j { 1.0 } else { 2.0 };
            sum += weight * (1.0 - (low - high));
            rays += weight;
        }
    }
    sum / rays
}

/// Area and negative share of the unit cell of an equation that is the same along all three axes (cyclic symmetry), from
/// `rays`² rays along z.
pub fn measures(f: Equation, rays: usize) -> (f64, f64) {
    const STEPS: usize = 32;
    let (mut area, mut inside) = (0.0, 0.0);
    for i in 0..rays * rays {
        let phase = |k: usize| TAU * (k as f64 + 0.5) / rays as f64;
        let (x, y) = (phase(i % rays), phase(i / rays));
        // A start that is no special point of any of the equations.
        let z = |k: usize| TAU * (k as f64 + 0.21) / STEPS as f64;
        let mut from = (z(0), f(x, y, z(0)));
        for k in 1..=STEPS {
            let to = (z(k), f(x, y, z(k)));
            let mut below = if from.1 < 0.0 { 1.0 } else { 0.0 };
            if (from.1 < 0.0) != (to.1 < 0.0) {
                let root = root(|z| f(x, y, z), from, to);
                area += 3.0 * weight(f, [x, y, root]);
                let share = (root - from.0) / (to.0 - from.0);
                below = if from.1 < 0.0 { share } else { 1.0 - share };
            }
            inside += below / STEPS as f64;
            from = to;
        }
    }
    let plane = (rays * rays) as f64;
    (area / plane, inside / plane)
}

/// w_z/|n_z| at a point of the surface.
fn weight(f: Equation, p: [f64; 3]) -> f64 {
    const H: f64 = 1e-4;
    let at = |a: usize, by: f64| {
        let mut q = p;
        q[a] += by;
        f(q[0], q[1], q[2])
    };
    let g: [f64; 3] = std::array::from_fn(|a| at(a, H) - at(a, -H));
    let length2: f64 = g.iter().map(|g| g * g).sum();
    let n2 = g.map(|g| g * g / length2);
    n2[2].powf(2.5) / n2.iter().map(|n| n.powi(3)).sum::<f64>()
}

/// The zero between two ends of different sign: bisection steps that keep the bracket, secants inside it.
fn root(f: impl Fn(f64) -> f64, mut a: (f64, f64), mut b: (f64, f64)) -> f64 {
    for i in 0..60 {
        if b.0 - a.0 < 1e-12 {
            break;
        }
        let secant = a.0 - a.1 * (b.0 - a.0) / (b.1 - a.1);
        let m = if i % 3 == 2 { 0.5 * (a.0 + b.0) } else { secant };
        let v = f(m);
        if v == 0.0 {
            return m;
        }
        if (v < 0.0) == (a.1 < 0.0) { a = (m, v) } else { b = (m, v) }
    }
    0.5 * (a.0 + b.0)
}
