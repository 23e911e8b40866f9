//! Look-ups against formulas that a trilinear interpolant reproduces, and against its definition.

use super::*;
use crate::testing::Rng;

fn volume(samples: Samples, resolution: [u32; 3], offset: [f64; 3], size: [f64; 3]) -> Volume {
    Volume::new(samples, resolution, offset, size, &Monitor::none()).unwrap()
}

fn positions(resolution: [u32; 3], offset: [f64; 3], size: [f64; 3]) -> Vec<[f64; 3]> {
    let [nx, ny, nz] = resolution;
    let all = (0..nx * ny * nz).map(|i| [i % nx, i / nx % ny, i / nx / ny]);
    all.map(|i| {
        std::array::from_fn(|a| {
            let step = if resolution[a] > 1 { size[a] / f64::from(resolution[a] - 1) } else { 0.0 };
            offset[a] + step * f64::from(i[a])
        })
    })
    .collect()
}

/// Trilinear in x, y, z.
fn formula(p: [f64; 3]) -> f64 {
    1.0 + 2.0 * p[0] - p[1] + 0.5 * p[2] + 0.25 * p[0] * p[1] * p[2]
}

#[test]
fn trilinear_functions_are_reproduced_and_grow_with_the_distance_outside() {
    let (resolution, offset, size) = ([5, 4, 19], [-1.0, 2.0, 0.5], [2.0, 3.0, 4.0]);
    let values = positions(resolution, offset, size).into_iter().map(|p| formula(p) as f32).collect();
    let v = volume(Samples::Float(values), resolution, offset, size);
    let mut rng = Rng::new(4);
    let p: [Vec<f32>; 3] = std::array::from_fn(|a| {
        (0..3000).map(|_| (offset[a] + size[a] * (2.0 * rng.unit() - 0.5)) as f32).collect()
    });
    let mut out = vec![0.0; 3000];
    v.sample(Level::detect(), &p[0], &p[1], &p[2], &mut [&mut out]);
    for i in 0..3000 {
        let q = [0, 1, 2].map(|a| f64::from(p[a][i]));
        let near: [f64; 3] = std::array::from_fn(|a| q[a].clamp(offset[a], offset[a] + size[a]));
        let apart = (0..3).map(|a| (q[a] - near[a]).powi(2)).sum::<f64>().sqrt();
        let exact = formula(near) + apart;
        assert!((f64::from(out[i]) - exact).abs() < 2e-5, "{q:?}: {} for {exact}", out[i]);
    }
    for level in Level::available() {
        for size in [1, 7, 3000] {
            let mut again = vec![0.0; 3000];
            for from in (0..3000).step_by(size) {
                let r = from..(from + size).min(3000);
                let [x, y, z] = p.each_ref().map(|c| &c[r.clone()]);
                v.sample(level, x, y, z, &mut [&mut again[r.clone()]]);
            }
            assert!(again == out, "{level:?}, blocks of {size}");
        }
    }
}

#[test]
fn bytes_and_vectors_are_decoded_and_clamped() {
    let byte = volume(Samples::Byte(vec![-127, 127]), [2, 1, 1], [0.0; 3], [1.0, 0.0, 0.0]);
    let mut out = [0.0; 3];
    byte.sample(Level::detect(), &[0.0, 0.75, 3.0], &[0.0; 3], &[0.0; 3], &mut [&mut out]);
    assert_eq!(out, [-1.0, 0.5, 3.0]);
    let pair = volume(Samples::Vec2(vec![[0.0, 4.0], [1.0, 8.0]]), [2, 1, 1], [0.0; 3], [1.0, 0.0, 0.0]);
    let [mut a, mut b] = [[0.0; 2]; 2];
    pair.sample(Level::detect(), &[0.25, 3.0], &[0.0; 2], &[0.0; 2], &mut [&mut a, &mut b]);
    assert_eq!((a, b), ([0.25, 1.0], [5.0, 8.0]));
}

#[test]
fn ranges_hold_and_are_narrow() {
    let mut rng = Rng::new(6);
    let (resolution, offset, size) = ([33, 20, 17], [-1.0, -1.0, -1.0], [2.0; 3]);
    let values: Vec<f32> = positions(resolution, offset, size)
        .into_iter()
        .map(|p| ((p[0] * p[0] + p[1] * p[1] + p[2] * p[2]).sqrt() - 0.6 + 0.02 * rng.unit()) as f32)
        .collect();
    let v = volume(Samples::Float(values), resolution, offset, size);
    let mut told = 0;
    for _ in 0..300 {
        let centre: [f64; 3] = std::array::from_fn(|_| 3.0 * rng.unit() - 1.5);
        let half = 0.2 * rng.unit();
        let over = Aabb { min: centre.map(|c| (c - half) as f32), max: centre.map(|c| (c + half) as f32) };
        let [low, high] = v.range(&over);
        told += usize::from(low > 0.0 || high < 0.0);
        let p: [Vec<f32>; 3] = std::array::from_fn(|a| {
            (0..50).map(|_| (centre[a] + half * (2.0 * rng.unit() - 1.0)) as f32).collect()
        });
        let mut out = vec![0.0; 50];
        v.sample(Level::detect(), &p[0], &p[1], &p[2], &mut [&mut out]);
        assert!(out.iter().all(|v| (low..=high).contains(v)), "{low} {high} {out:?}");
    }
    assert!(told > 150, "only {told} of 300 boxes lie on one side");
}

#[test]
fn samples_that_do_not_fill_the_box_are_refused() {
    let new = |count, resolution, size| {
        Volume::new(Samples::Float(vec![0.0; count]), resolution, [0.0; 3], size, &Monitor::none())
    };
    let message = new(7, [2; 3], [1.0; 3]).unwrap_err().to_string();
    assert_eq!(message, "7 samples for a volume of 2×2×2");
    let message = new(8, [2; 3], [1.0, -1.0, 1.0]).unwrap_err().to_string();
    assert_eq!(message, "volume size on axis y is -1, expected a finite number of at least 0");
    assert!(new(0, [0, 1, 1], [1.0; 3]).is_err());
    assert!(new(8, [u32::MAX; 3], [1.0; 3]).is_err());
}

/// Gradients at these points.
fn gradients(v: &Volume, points: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let p: [Vec<f32>; 3] = std::array::from_fn(|a| points.iter().map(|p| p[a]).collect());
    let mut out: [Vec<f32>; 3] = std::array::from_fn(|_| vec![9.0; points.len()]);
    v.gradient(Level::detect(), p.each_ref().map(|p| &p[..]), out.each_mut().map(|o| &mut o[..]));
    (0..points.len()).map(|i| [out[0][i], out[1][i], out[2][i]]).collect()
}

#[test]
fn gradients_are_exact_of_linear_functions_and_at_samples_of_parabolas() {
    let (resolution, offset, size) = ([5, 4, 19], [-1.0, 2.0, 0.5], [2.0, 3.0, 4.0]);
    let of = |f: &dyn Fn([f64; 3]) -> f64| {
        let values = positions(resolution, offset, size).into_iter().map(|p| f(p) as f32).collect();
        volume(Samples::Float(values), resolution, offset, size)
    };
    let linear = of(&|p| 2.0 * p[0] - p[1] + 0.5 * p[2]);
    let mut rng = Rng::new(5);
    // Half of the points are outside the box; 1500 of them are more than a block.
    let random = |a: usize, rng: &mut Rng| (offset[a] + size[a] * (2.0 * rng.unit() - 0.5)) as f32;
    let points: Vec<[f32; 3]> = (0..1500).map(|_| std::array::from_fn(|a| random(a, &mut rng))).collect();
    for (g, p) in gradients(&linear, &points).iter().zip(&points) {
        let exact = [2.0, -1.0, 0.5];
        assert!((0..3).all(|a| (g[a] - exact[a]).abs() < 2e-5), "{g:?} at {p:?}");
    }
    // x²: exact at samples, those on the faces too.
    let square = of(&|p| p[0] * p[0]);
    let at = [[-0.5, 2.0, 0.5], [0.5, 4.0, 2.0], [1.0, 3.0, 2.0], [7.0, 3.0, 2.0], [-1.0, 3.0, 2.0]];
    let found: Vec<f32> = gradients(&square, &at).iter().map(|g| g[0]).collect();
    assert_eq!(found, [-1.0, 1.0, 2.0, 2.0, -2.0]);
}

#[test]
fn gradients_along_an_axis_of_one_sample_are_zero() {
    let v = volume(Samples::Float(vec![1.0, 3.0]), [1, 2, 1], [0.0; 3], [0.0, 4.0, 0.0]);
    assert_eq!(gradients(&v, &[[0.0, 1.0, 0.0], [1.0, 9.0, -1.0]]), [[0.0, 0.5, 0.0]; 2]);
}
