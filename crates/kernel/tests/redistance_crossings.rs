//! No redistanced sample is farther from the surface than a crossing of a grid edge, which lies on it for certain.
//!
//! Fields are made from seeds: creases, sheets, noise, surfaces that the border cuts, cells of any aspect up to 16:1. `CROSSING_FIELDS=500`
//! tries as many as that.

mod common;

use common::fields::Field;
use fieldstone_kernel::distance::{Reach, redistance, redistance_planes};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};
use rayon::prelude::*;

/// Cells of the finest spacing that rounding may add.
const ROUNDING: f64 = 1e-3;

/// Where the linear function between two neighbours, one inside and one not, is zero.
fn crossings(field: &Field) -> Vec<[f64; 3]> {
    let ([nx, ny, _], h) = (field.n(), field.patch.spacing());
    let strides = [1, nx, nx * ny];
    let mut found = vec![];
    for (i, v) in field.samples.iter().enumerate() {
        let (here, at) = (field.place(i), [i % nx, i / nx % ny, i / (nx * ny)]);
        for a in (0..3).filter(|a| at[*a] + 1 < field.n()[*a]) {
            let (from, to) = (f64::from(*v), f64::from(field.samples[i + strides[a]]));
            if (from < 0.0) != (to < 0.0) {
                let mut there = here;
                there[a] += h[a] * from / (from - to);
                found.push(there);
            }
        }
    }
    found
}

/// How much farther some samples are than a crossing at most, in cells of the finest spacing.
fn worst(field: &Field, some: &[usize], distances: &[f32], crossings: &[[f64; 3]]) -> f64 {
    let excess = |i: &usize| {
        let d = distances[*i];
        let p = field.place(*i);
        let apart2 = |c: &[f64; 3]| (0..3).map(|a| (c[a] - p[a]).powi(2)).sum::<f64>();
        let nearest = crossings.iter().map(apart2).fold(f64::INFINITY, f64::min).sqrt();
        // Far from the surface an `f32` is no finer than this.
        (f64::from(d.abs()) - nearest * (1.0 + 1e-6)) / field.cell()
    };
    some.par_iter().map(excess).reduce(|| f64::NEG_INFINITY, f64::max)
}

fn counted(otherwise: u64) -> u64 {
    std::env::var("CROSSING_FIELDS").map_or(otherwise, |v| v.parse().unwrap())
}

#[test]
fn no_sample_is_farther_than_a_crossing() {
    let count = counted(64);
    let (mut with_surface, mut worst_of_all) = (0, f64::NEG_INFINITY);
    for seed in 0..count {
        let field = Field::of_seed(seed);
        let crossings = crossings(&field.regular());
        if crossings.is_empty() {
            continue;
        }
        with_surface += 1;
        let run = |reach| {
            let mut out = field.samples.clone();
            redistance(&mut out, &field.patch, reach, Level::detect(), &Monitor::none()).unwrap();
            out
        };
        let all = run(Reach::Everywhere);
        let worst = worst(&field, &(0..all.len()).collect::<Vec<_>>(), &all, &crossings);
        worst_of_all = worst_of_all.max(worst);
        assert!(worst <= ROUNDING, "field {seed}, {:?}: {worst} cells beyond a crossing", field.patch);
        let width = 2.5 * field.cell();
        for (a, b) in all.iter().zip(run(Reach::Band(width))) {
            let cut = a.clamp(-width as f32, width as f32);
            assert_eq!(cut.to_bits(), b.to_bits(), "field {seed}: {a} became {b} in a band");
        }
    }
    println!(
        "{with_surface} of {count} fields have a surface; at most {worst_of_all:.1e} cells beyond a crossing"
    );
    assert!(with_surface > count / 2, "{with_surface} of {count} fields have a surface");
}

#[test]
fn neither_is_one_in_a_grid_full_of_surface() {
    let mut rng = Rng::new(3);
    let patch = Patch::new([1.0; 3], [0.0; 3], [45, 39, 41]).unwrap();
    for share in [0.5, 0.03] {
        let sign = |rng: &mut Rng| if rng.unit() < share { -1.0 } else { 1.0 };
        let samples = (0..45 * 39 * 41).map(|_| (sign(&mut rng) * (0.1 + rng.unit())) as f32).collect();
        let field = Field { patch, samples };
        let mut all = field.samples.clone();
        redistance(&mut all, &patch, Reach::Everywhere, Level::detect(), &Monitor::none()).unwrap();
        let crossings = crossings(&field.regular());
        let some: Vec<_> = (0..all.len()).filter(|i| i % 97 == 0).collect();
        let worst = worst(&field, &some, &all, &crossings);
        assert!(worst <= ROUNDING, "{} crossings: {worst} cells beyond one", crossings.len());
    }
}

#[test]
fn fields_of_any_aspect_have_the_same_bits_by_level_and_in_slabs() {
    for seed in 0..counted(32) {
        let field = Field::of_seed(seed);
        let ([nx, ny, nz], h) = (field.n(), field.patch.spacing());
        let run = |level, reach| {
            let mut out = field.samples.clone();
            redistance(&mut out, &field.patch, reach, level, &Monitor::none()).unwrap();
            out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let everywhere = run(Level::BASELINE, Reach::Everywhere);
        for level in Level::available() {
            assert!(run(level, Reach::Everywhere) == everywhere, "field {seed}, {level:?}");
        }
        let (width, own) = (1.7 * h[2], nz / 3..(nz / 3 + 2).min(nz));
        let halo = (width / h[2].max(1e-30)).ceil() as usize + 3;
        let z = own.start.saturating_sub(halo)..(own.end + halo).min(nz);
        let mut slab = field.samples[nx * ny * z.start..nx * ny * z.end].to_vec();
        let planes = z.start as u32..z.end as u32;
        redistance_planes(
            &mut slab,
            &field.patch,
            planes,
            Reach::Band(width),
            Level::detect(),
            &Monitor::none(),
        )
        .unwrap();
        let crossed = !crossings(&field.regular()).is_empty();
        let band = run(Level::detect(), Reach::Band(width));
        let slab = &slab[nx * ny * (own.start - z.start)..nx * ny * (own.end - z.start)];
        let same = slab.iter().zip(&band[nx * ny * own.start..]).all(|(a, b)| a.to_bits() == *b);
        assert!(same || !crossed, "field {seed}: planes {own:?} differ in a slab");
    }
}
