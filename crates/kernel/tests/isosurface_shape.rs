//! The isosurface has the topology of the trilinear interpolant and converges to smooth surfaces.

use fieldstone_kernel::isosurface::{Options, isosurface};
use fieldstone_kernel::measure::{Moments, Topology, moments, parts, topology};
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::testing::interpolant::Interpolant;
use fieldstone_kernel::{Monitor, Patch, TriMesh};

fn mesh_of(samples: &[f32], patch: &Patch) -> TriMesh {
    isosurface(samples, patch, &Options::default(), &Monitor::none()).unwrap()
}

/// Components of the closed surface and its Euler characteristic.
fn kind(samples: &[f32], n: [usize; 3]) -> (usize, i64) {
    let patch = Patch::new(n.map(|n| n as f64 - 1.0), [0.0; 3], n.map(|n| n as u32)).unwrap();
    let found: Topology = topology(&mesh_of(samples, &patch), &Monitor::none()).unwrap();
    assert!(found.is_closed_manifold());
    (found.components, found.euler)
}

/// The trilinear interpolant of a grid with `m` cells in place of each.
fn refined(samples: &[f32], n: [usize; 3], m: usize) -> (Vec<f32>, [usize; 3]) {
    let fine = n.map(|n| (n - 1) * m + 1);
    let mut out = Vec::with_capacity(fine.iter().product());
    for z in 0..fine[2] {
        for y in 0..fine[1] {
            for x in 0..fine[0] {
                let at = |v: usize, n: usize| {
                    let i = (v / m).min(n - 2);
                    (i, (v - i * m) as f64 / m as f64)
                };
                let ((i, u), (j, v), (k, w)) = (at(x, n[0]), at(y, n[1]), at(z, n[2]));
                let s = |a, b, c| f64::from(samples[((k + c) * n[1] + j + b) * n[0] + i + a]);
                let line = |b, c| s(0, b, c) * (1.0 - u) + s(1, b, c) * u;
                let square = |c| line(0, c) * (1.0 - v) + line(1, c) * v;
                out.push((square(0) * (1.0 - w) + square(1) * w) as f32);
            }
        }
    }
    (out, fine)
}

/// Whether the coarse mesh is like that of the interpolant finely sampled; necks thinner than the finest samples stay
/// undecided.
fn agrees(samples: &[f32], n: [usize; 3]) -> bool {
    let coarse = kind(samples, n);
    [13, 32, 101].into_iter().any(|m| {
        let (fine, size) = refined(samples, n, m);
        kind(&fine, size) == coarse
    })
}

#[test]
fn every_sign_case_has_the_topology_of_the_trilinear_interpolant() {
    let mut rng = Rng::new(11);
    let mut cells = 0;
    let mut undecided = 0;
    for case in 0..=255u32 {
        let ambiguous = [case, 255 - case].iter().all(|c| c.count_ones() >= 2);
        for _ in 0..if ambiguous { 10 } else { 1 } {
            let samples: Vec<f32> = (0..8)
                .map(|c| {
                    let v = (0.05 + rng.unit().powi(2)) as f32;
                    if case >> c & 1 == 1 { -v } else { v }
                })
                .collect();
            cells += 1;
            undecided += usize::from(!agrees(&samples, [2; 3]));
        }
    }
    assert_eq!(undecided, 0, "of {cells}");
}

#[test]
fn small_noise_has_the_topology_of_the_trilinear_interpolant() {
    let mut rng = Rng::new(12);
    let mut undecided = 0;
    for _ in 0..60 {
        let samples: Vec<f32> = (0..27).map(|_| (rng.unit() * 2.0 - 1.0) as f32).collect();
        undecided += usize::from(!agrees(&samples, [3; 3]));
    }
    assert_eq!(undecided, 0, "of 60");
}

#[test]
fn tunnels_are_found_in_the_interior() {
    // Two opposite corners inside, no face ambiguous. On the diagonal the interpolant is
    // -a ((1-t)³ + t³) + 3 b t (1-t), at the middle (3 b - a) / 4: joined when a > 3 b.
    for turn in 0..4 {
        for (a, components) in [(2.9, 2), (3.1, 1)] {
            let corners = [turn, 7 - turn];
            let samples: Vec<f32> = (0..8).map(|c| if corners.contains(&c) { -a } else { 1.0 }).collect();
            assert_eq!(kind(&samples, [2; 3]), (components, 2 * components as i64), "{turn} {a}");
            let outside: Vec<f32> = samples.iter().map(|v| -v).collect();
            let euler = if components == 1 { 0 } else { 2 };
            assert_eq!(kind(&outside, [2; 3]), (1, euler), "{turn} {a}, turned inside out");
        }
    }
}

#[test]
fn any_samples_enclose_the_volume_of_their_interpolant_within_its_bound() {
    let mut rng = Rng::new(13);
    for round in 0..400 {
        let n: [u32; 3] = std::array::from_fn(|_| 2 + rng.below(7) as u32);
        let smooth = [1.0, 0.3, 0.03][round % 3];
        let direction: [f64; 3] = std::array::from_fn(|_| rng.unit() - 0.5);
        let patch = Patch::new(n.map(|n| f64::from(n) * 0.1), [0.3; 3], n).unwrap();
        let count = patch.sample_count() as u32;
        let place = |i: u32| patch.position([i % n[0], i / n[0] % n[1], i / n[0] / n[1]]);
        let plane = |p: [f64; 3]| (0..3).map(|a| direction[a] * (p[a] - 0.6)).sum::<f64>();
        let samples: Vec<f32> =
            (0..count).map(|i| (plane(place(i)) + smooth * (rng.unit() - 0.5)) as f32).collect();
        let mesh = mesh_of(&samples, &patch);
        let volume =
            moments(&mesh, &Monitor::none()).unwrap().volume / patch.spacing().iter().product::<f64>();
        let inside = Interpolant::new(&samples, &patch).inside();
        assert!((volume - inside.volume).abs() <= inside.bound + 1e-5, "{volume} {inside:?} of {samples:?}");
        let facing = Interpolant::new(&samples, &patch).facing(&mesh, 0.5);
        assert_eq!((facing.flipped, facing.inward), (0, 0), "{facing:?} of {n:?} {samples:?}");
    }
}

fn sampled(n: u32, half: f64, f: impl Fn([f64; 3]) -> f64) -> (Vec<f32>, Patch) {
    let patch = Patch::new([2.0 * half; 3], [-half; 3], [n; 3]).unwrap();
    let mut samples = Vec::with_capacity(patch.sample_count() as usize);
    for k in 0..n {
        for j in 0..n {
            samples.extend((0..n).map(|i| f(patch.position([i, j, k])) as f32));
        }
    }
    (samples, patch)
}

fn measured(n: u32, half: f64, f: impl Fn([f64; 3]) -> f64) -> Moments {
    let (samples, patch) = sampled(n, half, f);
    moments(&mesh_of(&samples, &patch), &Monitor::none()).unwrap()
}

/// Halving the cell must quarter the error (of what is measured against `exact`), give or take.
fn assert_second_order(name: &str, coarse: f64, fine: f64, exact: f64) {
    let (a, b) = ((coarse / exact - 1.0).abs(), (fine / exact - 1.0).abs());
    assert!(b < 3e-3 && b < a / 3.0, "{name}: error {a} became {b}");
}

#[test]
fn balls_and_tori_converge_with_the_square_of_the_cell() {
    let pi = std::f64::consts::PI;
    let ball = |p: [f64; 3]| (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]).sqrt() - 0.83;
    let [a, b] = [33, 65].map(|n| measured(n, 1.0, ball));
    assert_second_order("ball volume", a.volume, b.volume, 4.0 / 3.0 * pi * 0.83f64.powi(3));
    assert_second_order("ball area", a.area, b.area, 4.0 * pi * 0.83 * 0.83);
    let torus = |p: [f64; 3]| (p[0].hypot(p[1]) - 0.6).hypot(p[2]) - 0.27;
    let [a, b] = [33, 65].map(|n| measured(n, 1.0, torus));
    assert_second_order("torus volume", a.volume, b.volume, 2.0 * pi * pi * 0.6 * 0.27 * 0.27);
    assert_second_order("torus area", a.area, b.area, 4.0 * pi * pi * 0.6 * 0.27);
    assert!(b.centroid.iter().all(|c| c.abs() < 1e-5));
}

fn gyroid(p: [f64; 3], k: f64) -> f64 {
    let [(sx, cx), (sy, cy), (sz, cz)] = p.map(|c| (k * c).sin_cos());
    sx * cy + sy * cz + sz * cx
}

#[test]
fn a_gyroid_cell_is_closed_by_the_border_and_is_half_full() {
    let k = std::f64::consts::TAU;
    let half: Vec<Moments> = [17, 33, 65].map(|n| measured(n, 0.5, |p| gyroid(p, k))).into();
    for m in &half {
        assert!((m.volume - 0.5).abs() < 1e-3, "{}", m.volume);
    }
    // Off the level 0: the solid fraction of {gyroid < 0.6} by counting points of a shifted fine grid.
    let n = 200;
    let at = |i: usize| (i as f64 + 0.5) / n as f64 - 0.5;
    let count: usize =
        (0..n * n * n).filter(|&i| gyroid([at(i % n), at(i / n % n), at(i / n / n)], k) < 0.6).count();
    let fraction = count as f64 / (n * n * n) as f64;
    let [a, b] = [17, 33].map(|n| measured(n, 0.5, |p| gyroid(p, k) - 0.6));
    assert_second_order("gyroid volume", a.volume, b.volume, fraction);
    // Richardson: successive differences of the area shrink by four.
    let ratio = (half[1].area - half[0].area) / (half[2].area - half[1].area);
    assert!((3.0..5.0).contains(&ratio), "{ratio}");
    let (samples, patch) = sampled(33, 0.5, |p| gyroid(p, k));
    let found = parts(&mesh_of(&samples, &patch), &Monitor::none()).unwrap();
    assert_eq!(found.cavities, 0);
}
