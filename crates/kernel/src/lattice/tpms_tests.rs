//! Nodal surfaces: equations against their text, symmetry, periodicity, bounds.

use super::*;
use crate::testing::Rng;
use std::f64::consts::TAU;

/// Positions are given in cells.
const CELLS: [f32; 3] = [1.0; 3];

fn at(id: &str, p: [f64; 3]) -> f64 {
    Surface::find(id).unwrap().value_and_gradient(p).0
}

fn random_cells(n: usize, span: f64) -> [Vec<f32>; 3] {
    let mut rng = Rng::new(11);
    [(); 3].map(|()| (0..n).map(|_| ((rng.unit() - 0.5) * span) as f32).collect())
}

#[test]
fn every_id_of_the_platform_is_there_once() {
    let ids: Vec<&str> = SURFACES.iter().map(|s| s.id).collect();
    let want = "CD CI2Y CP CPM_Y CS CY C_Y D F FRD Gyroid I2Y IWP P PM_Y S SD1 Schwarz SchwarzD SchwarzN SchwarzPW SchwarzW W Y";
    assert_eq!(ids, want.split(' ').collect::<Vec<_>>());
    assert!(Surface::find("None").is_none());
    let ours: Vec<&str> = SURFACES.iter().filter(|s| s.our_choice).map(|s| s.id).collect();
    assert_eq!(ours, ["CY", "SD1", "SchwarzPW", "SchwarzW"]);
}

/// Evaluates `equation` as written for readers, by a little parser: the documentation cannot drift from the code.
fn documented(equation: &str, p: [f64; 3]) -> f64 {
    let tokens: Vec<char> = equation.chars().filter(|c| *c != ' ').collect();
    let mut parser = Parser { t: &tokens, i: 0, p: p.map(|u| u * TAU) };
    let v = parser.sum();
    assert_eq!(parser.i, tokens.len(), "{equation}");
    v
}

struct Parser<'a> {
    t: &'a [char],
    i: usize,
    p: [f64; 3],
}

impl Parser<'_> {
    fn peek(&self) -> char {
        self.t.get(self.i).copied().unwrap_or(' ')
    }
    fn number(&mut self) -> Option<f64> {
        let from = self.i;
        while self.peek().is_ascii_digit() || self.peek() == '.' {
            self.i += 1;
        }
        self.t[from..self.i].iter().collect::<String>().parse().ok()
    }
    /// `X`, `3X`, or `(3X-Y)`.
    fn angle(&mut self) -> f64 {
        if self.peek() == '(' {
            self.i += 1;
            let mut sum = self.angle();
            while self.peek() != ')' {
                let sign = if self.peek() == '-' { -1.0 } else { 1.0 };
                self.i += 1;
                sum += sign * self.angle();
            }
            self.i += 1;
            return sum;
        }
        let k = self.number().unwrap_or(1.0);
        let a = "XYZ".find(self.peek()).expect("an axis");
        self.i += 1;
        k * self.p[a]
    }
    fn product(&mut self) -> f64 {
        let mut v = 1.0;
        loop {
            match self.peek() {
                's' | 'c' => {
                    let sine = self.peek() == 's';
                    self.i += 1;
                    let a = self.angle();
                    v *= if sine { a.sin() } else { a.cos() };
                }
                '(' => {
                    self.i += 1;
                    v *= self.sum();
                    self.i += 1;
                }
                c if c.is_ascii_digit() => v *= self.number().unwrap(),
                _ => return v,
            }
        }
    }
    fn sum(&mut self) -> f64 {
        let mut v = 0.0;
        let mut sign = 1.0;
        loop {
            match self.peek() {
                '+' => sign = 1.0,
                '-' => sign = -1.0,
                ' ' | ')' => return v,
                _ => {
                    v += sign * self.product();
                    continue;
                }
            }
            self.i += 1;
        }
    }
}

#[test]
fn the_code_computes_the_documented_equation() {
    let mut rng = Rng::new(1);
    for s in SURFACES {
        for _ in 0..50 {
            let p = [rng.unit(), rng.unit(), rng.unit()];
            let (want, got) = (documented(s.equation, p), s.value_and_gradient(p).0);
            assert!((want - got).abs() < 1e-12, "{}: {want} {got}", s.id);
            // Sines are those of the exact phase: single precision against double.
            let f = p.map(|u| u as f32);
            let mut out = [0.0];
            at_points(Level::detect(), s, [&f[..1], &f[1..2], &f[2..]], CELLS, 0.25, &mut out);
            let want = documented(s.equation, f.map(f64::from)) - 0.25;
            assert!((want - f64::from(out[0])).abs() < 1e-5, "{}: {want} {}", s.id, out[0]);
        }
    }
}

#[test]
fn no_gradient_is_longer_than_its_bound_and_some_are_nearly_as_long() {
    let mut rng = Rng::new(2);
    let length =
        |s: &Surface, p: [f64; 3]| s.value_and_gradient(p).1.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut report = String::new();
    for s in SURFACES {
        let mut longest = 0.0f64;
        for _ in 0..40 {
            // Climb from the best of a few random points.
            let mut p = [0.0; 3];
            let mut best = 0.0;
            for _ in 0..50 {
                let q = [rng.unit(), rng.unit(), rng.unit()];
                if length(s, q) > best {
                    (p, best) = (q, length(s, q));
                }
            }
            let mut step = 0.05;
            while step > 1e-5 {
                let q = p.map(|u| u + (rng.unit() - 0.5) * step);
                if length(s, q) > best {
                    (p, best) = (q, length(s, q));
                } else {
                    step *= 0.97;
                }
            }
            longest = longest.max(best);
        }
        if !(0.98 * s.gradient_bound..=s.gradient_bound).contains(&longest) {
            report += &format!("{}: longest {longest:.5}, bound {}\n", s.id, s.gradient_bound);
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn gradients_are_derivatives() {
    let mut rng = Rng::new(3);
    for s in SURFACES {
        let p = [rng.unit(), rng.unit(), rng.unit()];
        let g = s.value_and_gradient(p).1;
        for a in 0..3 {
            let h = 1e-5;
            let moved = |by: f64| {
                let mut q = p;
                q[a] += by / TAU;
                s.value_and_gradient(q).0
            };
            let slope = (moved(h) - moved(-h)) / (2.0 * h);
            assert!((slope - g[a]).abs() < 1e-7, "{}: {slope} {}", s.id, g[a]);
        }
    }
}

#[test]
fn all_repeat_with_the_cell_to_the_last_bit() {
    for s in SURFACES {
        let n = 300;
        // Multiples of 2⁻¹²: adding whole cells rounds nothing.
        let [x, y, z] = random_cells(n, 1.0)
            .map(|v| v.iter().map(|u| (u * 4096.0).round() / 4096.0).collect::<Vec<f32>>());
        let far: Vec<f32> = x.iter().map(|u| u + 37.0).collect();
        let other: Vec<f32> = z.iter().map(|u| u - 5.0).collect();
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        at_points(Level::detect(), s, [&x, &y, &z], CELLS, 0.1, &mut a);
        at_points(Level::detect(), s, [&far, &y, &other], CELLS, 0.1, &mut b);
        assert_eq!(a, b, "{}", s.id);
    }
}

#[test]
fn rows_are_points_and_all_levels_agree_to_the_bit() {
    let [x, y, z] = random_cells(37, 9.0);
    let (y, z) = (&y[..5], &z[..3]);
    let grid: Vec<[f32; 3]> = z
        .iter()
        .flat_map(|&z| {
            y.iter().flat_map({
                let x = &x;
                move |&y| x.iter().map(move |&x| [x, y, z])
            })
        })
        .collect();
    let [px, py, pz] = std::array::from_fn(|a| grid.iter().map(|p| p[a]).collect::<Vec<f32>>());
    for s in SURFACES {
        let mut want = vec![0.0; grid.len()];
        at_points(Level::BASELINE, s, [&px, &py, &pz], CELLS, -0.3, &mut want);
        for level in Level::available() {
            let (mut points, mut rows) = (vec![0.0; grid.len()], vec![0.0; grid.len()]);
            at_points(level, s, [&px, &py, &pz], CELLS, -0.3, &mut points);
            on_rows(level, s, [&x, y, z], CELLS, -0.3, &mut rows);
            assert_eq!(points, want, "{} {level:?}", s.id);
            assert_eq!(rows, want, "{} {level:?}", s.id);
        }
    }
}

#[test]
fn values_at_special_points() {
    assert_eq!(at("P", [0.0; 3]), 3.0);
    assert!(at("P", [0.25, 0.25, 0.25]).abs() < 1e-15);
    assert!((at("Gyroid", [0.125, 0.125, 0.125]) - 1.5).abs() < 1e-15);
    assert_eq!(at("IWP", [0.0; 3]), 3.0);
    assert_eq!(at("SchwarzN", [0.0; 3]), 13.0);
    assert_eq!(at("FRD", [0.0; 3]), 1.0);
    // The flat points of the gyroid are on it: (0, 0, 0) is one.
    assert!(at("Gyroid", [0.0; 3]).abs() < 1e-15);
}

#[test]
fn the_three_forms_of_the_diamond_are_one_surface() {
    let mut rng = Rng::new(4);
    for _ in 0..200 {
        let p = [rng.unit(), rng.unit(), rng.unit()];
        let eighth = p.map(|u| u + 0.125);
        let d = at("SchwarzD", p);
        assert!((at("D", eighth) * -std::f64::consts::SQRT_2 - d).abs() < 1e-12);
        assert!((at("SchwarzD", p.map(|u| u + 0.25)) - at("SD1", p)).abs() < 1e-12);
    }
}

/// f(image of p) = sign·f(p) everywhere.
fn symmetric(id: &str, sign: f64, image: impl Fn([f64; 3]) -> [f64; 3]) -> bool {
    let mut rng = Rng::new(9);
    (0..60).all(|_| {
        let p = [rng.unit(), rng.unit(), rng.unit()];
        (at(id, image(p)) - sign * at(id, p)).abs() < 1e-10
    })
}

#[test]
fn symmetries_are_those_of_the_surfaces() {
    for s in SURFACES {
        assert!(symmetric(s.id, 1.0, |[x, y, z]| [y, z, x]), "{}: threefold axis", s.id);
    }
    // A translation, rotation or inversion that swaps the sides: both labyrinths alike, hence relative density 1/2.
    for id in
        ["P", "Schwarz", "CP", "SchwarzN", "D", "SchwarzD", "SD1", "F", "CD", "Y", "C_Y", "PM_Y", "CPM_Y"]
    {
        assert!(symmetric(id, -1.0, |p| p.map(|u| u + 0.5)), "{id}");
    }
    for id in ["Gyroid", "CY", "S"] {
        assert!(symmetric(id, -1.0, |p| p.map(|u| -u)), "{id}");
    }
    assert!(symmetric("W", -1.0, |[x, y, z]| [y, x, z]));
    let mut rng = Rng::new(5);
    for _ in 0..50 {
        let p = [rng.unit(), rng.unit(), rng.unit()];
        assert!((at("PM_Y", p) - at("CPM_Y", p) - 4.0 * at("F", p)).abs() < 1e-12);
    }
}

#[test]
fn bounds_hold_over_boxes() {
    let mut rng = Rng::new(6);
    for s in SURFACES {
        for size in (0..24).map(|i| if i < 20 { 0.2 } else { 2.0 }) {
            let min: [f32; 3] = std::array::from_fn(|_| (rng.unit() * 3.0) as f32);
            let max = min.map(|m| m + (rng.unit() * size) as f32);
            let (low, high) = s.bounds(min.map(f64::from), max.map(f64::from)).unwrap();
            let [x, y, z]: [Vec<f32>; 3] = std::array::from_fn(|a| {
                (0..200).map(|_| min[a] + (max[a] - min[a]) * rng.unit() as f32).collect()
            });
            let mut out = vec![0.0; 200];
            at_points(Level::detect(), s, [&x, &y, &z], CELLS, 0.0, &mut out);
            assert!(out.iter().all(|v| (low..=high).contains(&f64::from(*v))), "{}", s.id);
        }
        assert_eq!(s.bounds([f64::NEG_INFINITY; 3], [f64::INFINITY; 3]), None);
    }
}

#[test]
fn empty_inputs_give_nothing() {
    at_points(Level::detect(), &SURFACES[0], [&[], &[], &[]], CELLS, 0.0, &mut []);
    on_rows(Level::detect(), &SURFACES[0], [&[], &[0.0], &[1.0]], CELLS, 0.0, &mut []);
}
