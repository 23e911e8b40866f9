//! Redistance against the zero set of the interpolant itself: on creases, in thin walls, where the surface meets the grid's border, and in
//! cells that are flat. `LOOKED_AT=1500` and `--nocapture` print the table of docs/algorithms/redistance.md; `EXACT_FIELDS=500`
//! tries so many fields made from seeds.

mod common;

use common::fields::Field;
use common::zero_set::ZeroSet;
use fieldstone_kernel::distance::{Reach, redistance};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};
use rayon::prelude::*;

/// Samples that are looked at, unless `LOOKED_AT` says otherwise.
const LOOKED_AT: usize = 100;

/// Of a field at a point.
type Value = fn([f64; 3]) -> f64;

fn counted(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |v| v.parse().unwrap())
}

/// Of some samples the errors, and how far they are from the zero set, in cells of the finest spacing.
fn errors(field: &Field, count: usize) -> Vec<(f64, f64)> {
    let zero_set = ZeroSet::of(&field.regular());
    if zero_set.is_empty() {
        return vec![];
    }
    let mut distances = field.samples.clone();
    redistance(&mut distances, &field.patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
    let mut rng = Rng::new(5);
    let looked_at: Vec<_> = (0..count).map(|_| rng.below(distances.len())).collect();
    let error = |i: &usize| {
        let truth = zero_set.distance(field.place(*i));
        ((f64::from(distances[*i].abs()) - truth) / field.cell(), truth / field.cell())
    };
    looked_at.par_iter().map(error).collect()
}

/// The mean of errors within 3 cells and everywhere, the most and the least.
fn summed_up(errors: &[(f64, f64)]) -> [f64; 4] {
    let near: Vec<f64> = errors.iter().filter(|(_, d)| *d < 3.0).map(|(e, _)| e.abs()).collect();
    let all: Vec<f64> = errors.iter().map(|(e, _)| e.abs()).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (most, least) = errors.iter().fold((0.0f64, 0.0f64), |(m, l), (e, _)| (m.max(*e), l.min(*e)));
    [mean(&near), mean(&all), most, least]
}

fn sampled(n: [u32; 3], field: Value) -> Field {
    let patch = Patch::new([2.0; 3], [-1.0; 3], n).unwrap();
    let index = |i: u32| [i % n[0], i / n[0] % n[1], i / (n[0] * n[1])];
    let samples = (0..n[0] * n[1] * n[2]).map(|i| field(patch.position(index(i))) as f32).collect();
    Field { patch, samples }
}

fn ball(p: [f64; 3]) -> f64 {
    (p[0] - 0.013).hypot(p[1] + 0.027).hypot(p[2] - 0.041) - 0.7
}

fn ball_over_the_border(p: [f64; 3]) -> f64 {
    (p[0] - 0.5).hypot(p[1] + 0.7).hypot(p[2] - 0.8) - 0.7
}

fn turned_box(p: [f64; 3]) -> f64 {
    let q = [
        0.6 * p[0] + 0.8 * p[1],
        -0.48 * p[0] + 0.36 * p[1] + 0.8 * p[2],
        0.64 * p[0] - 0.48 * p[1] + 0.6 * p[2],
    ];
    let d = [q[0].abs() - 0.6, q[1].abs() - 0.5, q[2].abs() - 0.4];
    let outside = d.map(|d| d.max(0.0));
    outside[0].hypot(outside[1]).hypot(outside[2]) + d[0].max(d[1]).max(d[2]).min(0.0)
}

fn gyroid(p: [f64; 3]) -> f64 {
    let [(sx, cx), (sy, cy), (sz, cz)] = p.map(|c| (6.0 * c).sin_cos());
    sx * cy + sy * cz + sz * cx
}

fn small_balls(p: [f64; 3]) -> f64 {
    p.map(|c| (2.0 * c).fract().abs() - 0.5).into_iter().fold(0.0, f64::hypot) - 0.11
}

fn sliver(p: [f64; 3]) -> f64 {
    let q = 0.6 * p[0] + 0.64 * p[1] + 0.48 * p[2];
    q.abs() - 0.05 * (p[0] + 0.9)
}

/// Name, field, samples per axis, and the most that the mean and the greatest error may be, in cells of the finest spacing.
const CASES: [(&str, Value, [u32; 3], f64, f64); 8] = [
    ("ball", ball, [33, 33, 33], 0.002, 0.04),
    ("ball over the border", ball_over_the_border, [33, 33, 33], 0.002, 0.05),
    ("turned box", turned_box, [33, 33, 33], 0.003, 0.15),
    ("gyroid", gyroid, [33, 33, 33], 0.003, 0.07),
    ("small balls", small_balls, [33, 33, 33], 0.04, 0.3),
    ("sliver", sliver, [33, 33, 33], 0.012, 0.25),
    ("ball, cells 4:1", ball, [49, 49, 13], 0.003, 0.05),
    ("turned box, cells 16:1", turned_box, [65, 65, 5], 0.006, 0.1),
];

#[test]
fn errors_on_creases_in_thin_walls_at_borders_and_in_flat_cells_are_small() {
    for (name, value, coarse, mean, greatest) in CASES {
        for n in [coarse, coarse.map(|n| 2 * n - 1)] {
            let errors = errors(&sampled(n, value), counted("LOOKED_AT", LOOKED_AT));
            let [near, all, most, least] = summed_up(&errors);
            println!("| {name} | {n:?} | {near:.4} | {all:.4} | {most:.3} |");
            let small = near < mean && all < mean && most < greatest;
            assert!(small, "{name} {n:?}: {near} {all} {most}");
            assert!(least > -0.003, "{name} {n:?}: {least} cells too near");
        }
    }
}

#[test]
fn distances_of_any_field_are_those_to_its_zero_set() {
    let mut every = vec![];
    for seed in 0..counted("EXACT_FIELDS", 40) as u64 {
        let errors = errors(&Field::of_seed(seed), 64);
        let [_, mean, most, least] = summed_up(&errors);
        assert!(most < 1.5 && least > -0.003, "field {seed}: {most} too far, {least} too near, mean {mean}");
        every.extend(errors);
    }
    let [near, all, most, least] = summed_up(&every);
    let share = every.iter().filter(|(e, _)| *e > 0.05).count() as f64 / every.len() as f64;
    println!(
        "{} samples: mean {near:.5} within 3 cells, {all:.5} everywhere, at most {most:.4} too far and {least:.4} too near, \
         {share:.4} of them more than 0.05 too far",
        every.len()
    );
    assert!(every.len() > 1000 && near < 0.0025 && all < 0.0025 && share < 0.01, "{near} {all} {share}");
}
