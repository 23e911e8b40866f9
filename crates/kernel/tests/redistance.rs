//! Redistance against closed forms: error near the surface and everywhere, signs, convergence, bands.

use fieldstone_kernel::distance::{Reach, RedistanceError, redistance};
use fieldstone_kernel::simd::Level;
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
        assert!((a.clamp(-0.15, 0.15) - b).abs() < 1e-5, "{a} became {b}");
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

#[test]
fn levels_and_threads_give_the_same_bits() {
    let (patch, samples, _) = bent(33, ball);
    let run = |level| {
        let mut out = samples.clone();
        redistance(&mut out, &patch, Reach::Everywhere, level, &Monitor::none()).unwrap();
        out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    let reference = run(Level::Baseline);
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
