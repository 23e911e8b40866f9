//! Redistance against closed forms: error near the surface and everywhere, signs, convergence, bands.

use fieldstone_kernel::distance::{Reach, RedistanceError, redistance, redistance_planes};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};

type Distance = fn([f64; 3]) -> f64;

fn ball(p: [f64; 3]) -> f64 {
    ((p[0] - 0.013).powi(2) + (p[1] + 0.027).powi(2) + (p[2] - 0.041).powi(2)).sqrt() - 0.7
}

fn torus(p: [f64; 3]) -> f64 {
    let q = p[0].hypot(p[1]) - 0.55;
    q.hypot(p[2] - 0.01) - 0.23
}

/// The samples of a distance bent by a function that grows three times as fast at 0, and the truth.
fn bent(n: u32, distance: Distance) -> (Patch, Vec<f32>, Vec<f64>) {
    let patch = Patch::new([2.0; 3], [-1.0; 3], [n, n, n]).unwrap();
    let index = |i: u32| [i % n, i / n % n, i / (n * n)];
    let truth: Vec<f64> = (0..n * n * n).map(|i| distance(patch.position(index(i)))).collect();
    let samples = truth.iter().map(|d| (1.5 * ((2.0 * d).exp() - 1.0)) as f32).collect();
    (patch, samples, truth)
}

/// Mean error in cells, near (3 cells) and everywhere; the greatest near; flipped signs.
fn errors(n: u32, distance: Distance) -> (f64, f64, f64, usize) {
    let (patch, mut samples, truth) = bent(n, distance);
    let before: Vec<bool> = samples.iter().map(|v| *v < 0.0).collect();
    redistance(&mut samples, &patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
    let h = patch.spacing()[0];
    let off: Vec<f64> = samples.iter().zip(&truth).map(|(v, d)| (f64::from(*v) - d).abs() / h).collect();
    let near: Vec<f64> = off.iter().zip(&truth).filter(|(_, d)| d.abs() < 3.0 * h).map(|(e, _)| *e).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let flipped = before.iter().zip(&samples).filter(|(was, v)| **was != (**v < 0.0)).count();
    (mean(&near), mean(&off), near.iter().copied().fold(0.0, f64::max), flipped)
}

#[test]
fn errors_are_below_a_hundredth_of_a_cell_and_fall_with_the_cell() {
    for (name, distance) in [("ball", ball as Distance), ("torus", torus)] {
        let (coarse, everywhere, _, flipped) = errors(64, distance);
        println!("{name} 64: near {coarse:.5}, everywhere {everywhere:.5} cells");
        let (near, all, worst, flipped_too) = errors(128, distance);
        println!("{name} 128: near {near:.5}, everywhere {all:.5}, worst near {worst:.4} cells");
        assert!(near < 0.01 && all < 0.01 && worst < 0.05, "{name}: {near} {all} {worst}");
        // Errors in mm are of second order, so in cells of first.
        assert!(near < 0.6 * coarse && all < 0.6 * everywhere, "{name}: {near} {all}");
        assert!(flipped == 0 && flipped_too == 0, "{name}: {flipped} {flipped_too} signs");
    }
}

#[test]
fn a_band_is_the_same_inside_and_cut_off_outside() {
    let (patch, samples, _) = bent(40, torus);
    let run = |reach| {
        let mut out = samples.clone();
        redistance(&mut out, &patch, reach, Level::detect(), &Monitor::none()).unwrap();
        out
    };
    let (all, band) = (run(Reach::Everywhere), run(Reach::Band(0.15)));
    for (a, b) in all.iter().zip(&band) {
        assert_eq!(a.clamp(-0.15, 0.15).to_bits(), b.to_bits(), "{a} became {b}");
    }
}

#[test]
fn values_that_jump_without_changing_sign_are_no_surface() {
    let (patch, samples, _) = bent(40, torus);
    let run = |mut values: Vec<f32>, reach| {
        redistance(&mut values, &patch, reach, Level::detect(), &Monitor::none()).unwrap();
        values
    };
    // Away from the surface only the sign is left, as where an evaluator passes over blocks that nobody sees.
    for (far, constant) in [(0.3, 1e-6), (0.3, 1e6), (1.0, 1e-20), (1.0, f32::INFINITY)] {
        let jumps: Vec<f32> =
            samples.iter().map(|v| if v.abs() > far { constant.copysign(*v) } else { *v }).collect();
        for reach in [Reach::Everywhere, Reach::Band(0.4)] {
            let (want, got) = (run(samples.clone(), reach), run(jumps.clone(), reach));
            let worst = want.iter().zip(&got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // A tenth of a cell.
            assert!(worst < 0.1 * 2.0 / 39.0, "{constant} beyond {far}, {reach:?}: off by {worst}");
        }
    }
}

/// Fields with many sites at one distance (symmetric ones) and such that the zero set comes and goes within cells.
fn awkward() -> Vec<(Patch, Vec<f32>)> {
    let patch = Patch::new([2.0, 1.7, 2.3], [-1.0, -0.85, -1.15], [21, 35, 27]).unwrap();
    let of = |f: &mut dyn FnMut([f64; 3]) -> f64| -> Vec<f32> {
        let index = |i: u32| [i % 21, i / 21 % 35, i / (21 * 35)];
        (0..21 * 35 * 27).map(|i| f(patch.position(index(i))) as f32).collect()
    };
    let mut rng = Rng::new(7);
    let gyroid = |p: [f64; 3]| {
        let [(sx, cx), (sy, cy), (sz, cz)] = p.map(|c| (4.0 * c).sin_cos());
        sx * cy + sy * cz + sz * cx
    };
    vec![
        (patch, of(&mut |p| p[0].hypot(p[1]).hypot(p[2]) - 0.6)),
        (patch, of(&mut |p| (p[2].abs() - 0.3).max(p[0].abs() - 0.5))),
        (patch, of(&mut |p| 3.0 * gyroid(p))),
        (patch, of(&mut |p| gyroid(p) + 0.6 * rng.unit())),
    ]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn slabs_have_the_bits_of_the_whole_field() {
    let width = 0.2;
    for (n, (patch, samples)) in awkward().into_iter().enumerate() {
        let mut whole = samples.clone();
        redistance(&mut whole, &patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
        whole.iter_mut().for_each(|v| *v = v.clamp(-width as f32, width as f32));
        let (plane, halo) = (21 * 35, (width / patch.spacing()[2]).ceil() as u32 + 3);
        for (from, to) in [(0, 1), (3, 4), (5, 12), (8, 16), (13, 22), (26, 27)] {
            let z = u32::saturating_sub(from, halo)..(to + halo).min(27);
            let mut slab = samples[plane * z.start as usize..plane * z.end as usize].to_vec();
            let reach = Reach::Band(width);
            redistance_planes(&mut slab, &patch, z.clone(), reach, Level::detect(), &Monitor::none())
                .unwrap();
            let own = &slab[plane * (from - z.start) as usize..plane * (to - z.start) as usize];
            let expected = &whole[plane * from as usize..plane * to as usize];
            assert!(bits(own) == bits(expected), "field {n}, planes {from}..{to}");
        }
    }
}

#[test]
fn only_signs_count_away_from_the_cells_that_the_surface_crosses() {
    let mut rng = Rng::new(8);
    for (n, (patch, samples)) in awkward().into_iter().enumerate() {
        // A cell with a zero sample counts as crossed.
        let sign = |v: f32| i32::from(v > 0.0) - i32::from(v < 0.0);
        let at = |x: usize, y: usize, z: usize| sign(samples[(z * 35 + y) * 21 + x]);
        let around = |c: usize, n: usize| c.saturating_sub(1)..=(c + 1).min(n - 1);
        let mut other = samples.clone();
        for (i, v) in other.iter_mut().enumerate() {
            let (x, y, z) = (i % 21, i / 21 % 35, i / (21 * 35));
            let mut near = around(x, 21).flat_map(|x| around(y, 35).map(move |y| (x, y)));
            if near.all(|(x, y)| around(z, 27).all(|z| at(x, y, z) == sign(*v) && *v != 0.0)) {
                *v = (10f64.powf(8.0 * rng.unit() - 4.0) as f32).copysign(*v);
            }
        }
        let run = |mut values: Vec<f32>| {
            redistance(&mut values, &patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
            bits(&values)
        };
        assert!(run(samples) == run(other), "field {n}");
    }
}

#[test]
fn levels_and_threads_give_the_same_bits() {
    let (patch, samples, _) = bent(33, ball);
    let run = |level| {
        let mut out = samples.clone();
        redistance(&mut out, &patch, Reach::Everywhere, level, &Monitor::none()).unwrap();
        out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    let reference = run(Level::BASELINE);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for level in Level::available() {
        assert!(run(level) == reference, "{level:?}");
        assert!(one.install(|| run(level)) == reference, "{level:?} on one thread");
    }
}

#[test]
fn what_has_no_distances_is_said_or_refused() {
    let patch = Patch::new([1.0; 3], [0.0; 3], [4, 4, 4]).unwrap();
    let run = |samples: &mut [f32], monitor: &Monitor| {
        redistance(samples, &patch, Reach::Everywhere, Level::detect(), monitor)
    };
    let mut full = [-2.0; 64];
    run(&mut full, &Monitor::none()).unwrap();
    assert!(full.iter().all(|v| (*v + 3f32.sqrt()).abs() < 1e-5), "{full:?}");
    for (width, expected) in [(0.5, 0.5), (9.0, 3f32.sqrt())] {
        let mut empty = [2.0; 64];
        redistance(&mut empty, &patch, Reach::Band(width), Level::detect(), &Monitor::none()).unwrap();
        assert!(empty.iter().all(|v| (v - expected).abs() < 1e-5), "{empty:?}");
    }
    let mut broken = [1.0; 64];
    broken[21] = f32::NAN;
    assert_eq!(run(&mut broken, &Monitor::none()), Err(RedistanceError::NotANumber { at: [1, 1, 1] }));
    assert!(matches!(
        run(&mut [1.0; 63], &Monitor::none()),
        Err(RedistanceError::SampleCount { given: 63, .. })
    ));
    let cancelled = Monitor::new(std::sync::Arc::new(true.into()), |_| ());
    assert!(matches!(run(&mut [1.0; 64], &cancelled), Err(RedistanceError::Cancelled(_))));
}
