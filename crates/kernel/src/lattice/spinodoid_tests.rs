//! Spinodoids: level, isotropy, reproducibility.

use super::*;
use crate::testing::Rng;

fn values(s: &Spinodoid, n: usize, span: f64) -> Vec<f32> {
    let mut rng = Rng::new(3);
    let [x, y, z] = [(); 3].map(|()| (0..n).map(|_| (rng.unit() * span) as f32).collect::<Vec<f32>>());
    let mut out = vec![0.0; n];
    s.at_points(Level::detect(), &x, &y, &z, &mut out);
    out
}

#[test]
fn the_inverse_error_function_inverts() {
    // Abramowitz and Stegun 1964, table 7.1.
    for (x, y) in [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
        assert!((erf(x) - y).abs() < 1e-10);
        assert!((inverse_erf(y) - x).abs() < 1e-7);
    }
    assert!(inverse_erf(0.0).abs() < 1e-15);
    assert!((cosine(60.0) - 0.5).abs() < 1e-15 && cosine(90.0).abs() < 1e-15);
}

#[test]
fn the_solid_part_is_the_density_asked_for() {
    for density in [0.2, 0.3, 0.5, 0.7] {
        let s = Spinodoid::new([0.0; 3], density, 300, 1.0).unwrap();
        let v = values(&s, 40_000, 200.0);
        let solid = v.iter().filter(|v| **v <= 0.0).count() as f64 / v.len() as f64;
        // Four standard deviations of the sampling, and as much for 300 waves not being a Gaussian field.
        assert!((solid - density).abs() < 0.02, "{density}: {solid}");
    }
}

#[test]
fn directions_fill_the_cones_uniformly_and_nothing_else() {
    let s = Spinodoid::new([15.0, 0.0, 40.0], 0.5, 20_000, 2.0).unwrap();
    let (cx, cz) = (cosine(15.0), cosine(40.0));
    let (mut x, mut z) = (0.0, 0.0);
    for n in s.directions() {
        let l = n.iter().map(|c| c * c).sum::<f64>();
        assert!((l - 1.0).abs() < 1e-6);
        let (a, c) = (n[0].abs() >= cx - 1e-6, n[2].abs() >= cz - 1e-6);
        assert!(a || c, "{n:?}");
        x += f64::from(u8::from(a));
        z += f64::from(u8::from(c));
    }
    assert!((x / (x + z) - (1.0 - cx) / (2.0 - cx - cz)).abs() < 0.01);
    // Isotropic: the mean of n nᵀ is a third of the identity. Overlapping cones must not count twice.
    let s = Spinodoid::new([0.0; 3], 0.5, 20_000, 2.0).unwrap();
    for a in 0..3 {
        let m = s.directions().iter().map(|n| n[a] * n[a]).sum::<f64>() / 20_000.0;
        assert!((m - 1.0 / 3.0).abs() < 0.01, "{m}");
        let m = s.directions().iter().map(|n| n[a] * n[(a + 1) % 3]).sum::<f64>() / 20_000.0;
        assert!(m.abs() < 0.01, "{m}");
    }
}

#[test]
fn lamellae_vary_along_their_cone_only() {
    // Waves within 2 degrees of z: nearly no change across x.
    let s = Spinodoid::new([0.0, 0.0, 2.0], 0.5, 100, 1.0).unwrap();
    let line = |axis: usize| {
        let at: Vec<f32> = (0..500).map(|i| i as f32 * 0.01).collect();
        let zero = vec![0.3; 500];
        let mut c = [&zero[..]; 3];
        c[axis] = &at;
        let mut out = vec![0.0; 500];
        s.at_points(Level::detect(), c[0], c[1], c[2], &mut out);
        out.windows(2).map(|w| f64::from((w[1] - w[0]).abs())).sum::<f64>()
    };
    assert!(line(2) > 15.0 * line(0), "{} {}", line(2), line(0));
}

#[test]
fn the_same_structure_every_time_on_every_level_in_any_block() {
    let s = Spinodoid::new([30.0, 30.0, 0.0], 0.4, 50, 1.5).unwrap();
    assert_eq!(s, Spinodoid::new([30.0, 30.0, 0.0], 0.4, 50, 1.5).unwrap());
    let mut rng = Rng::new(5);
    let [x, y, z] = [(); 3].map(|()| (0..1500).map(|_| (rng.unit() * 20.0) as f32).collect::<Vec<f32>>());
    let mut want = vec![0.0; 1500];
    s.at_points(Level::BASELINE, &x, &y, &z, &mut want);
    for level in Level::available() {
        let mut out = vec![0.0; 1500];
        for at in (0..1500).step_by(7) {
            let r = at..1500.min(at + 7);
            s.at_points(level, &x[r.clone()], &y[r.clone()], &z[r.clone()], &mut out[r]);
        }
        assert_eq!(out, want, "{level:?}");
    }
    // Any change of the random sequence or of the arithmetic changes structures that users keep.
    let sum: f64 = want.iter().map(|v| f64::from(*v)).sum();
    assert_eq!(sum, 380.0362973958254);
}

#[test]
fn impossible_parameters_are_refused() {
    let new = Spinodoid::new;
    assert!(matches!(new([-1.0, 0.0, 0.0], 0.5, 10, 1.0), Err(SpinodoidError::Angles(_))));
    assert!(matches!(new([f64::NAN, 0.0, 0.0], 0.5, 10, 1.0), Err(SpinodoidError::Angles(_))));
    assert!(matches!(new([0.0; 3], 1.5, 10, 1.0), Err(SpinodoidError::Density(_))));
    assert!(matches!(new([0.0; 3], 0.5, 0, 1.0), Err(SpinodoidError::Waves(0))));
    assert!(matches!(new([0.0; 3], 0.5, i64::MAX, 1.0), Err(SpinodoidError::Waves(_))));
    assert!(matches!(new([0.0; 3], 0.5, 10, 0.0), Err(SpinodoidError::PoreSize(_))));
    assert!(new([0.01, 0.0, 0.0], 0.5, 1000, 1.0).is_ok());
}
