//! No redistanced sample is farther from the surface than a crossing of a grid edge, which lies on it for certain.
//!
//! Fields are made from seeds: creases, sheets, noise, surfaces that the border cuts, cells of any aspect up to 16:1. `CROSSING_FIELDS=500`
//! tries as many as that.

use fieldstone_kernel::distance::{Reach, redistance, redistance_planes};
use fieldstone_kernel::regular::Rule;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};
use rayon::prelude::*;

/// Cells of the finest spacing that rounding may add.
const ROUNDING: f64 = 1e-3;

struct Field {
    patch: Patch,
    samples: Vec<f32>,
}

impl Field {
    fn of_seed(seed: u64) -> Field {
        let mut rng = Rng::new(seed);
        let aspect = |rng: &mut Rng| if rng.below(3) == 0 { 1.0 } else { 16f64.powf(rng.unit()) };
        let n: [u32; 3] = std::array::from_fn(|_| 2 + rng.below(22) as u32);
        // Once in a while a grid that is flat along an axis.
        let n = if rng.below(16) == 0 { [n[0], 1, n[2]] } else { n };
        let mut spacing = [1.0; 3];
        spacing[rng.below(3)] = aspect(&mut rng);
        spacing[rng.below(3)] = aspect(&mut rng);
        let unit = 10f64.powf(4.0 * rng.unit() - 2.0);
        let size: [f64; 3] = std::array::from_fn(|a| unit * spacing[a] * f64::from(n[a] - 1));
        let offset = size.map(|s| (rng.unit() - 1.0) * s);
        let patch = Patch::new(size, offset, n).unwrap();
        let extent = size.iter().fold(0.0, |m: f64, s| m.max(*s));
        let mut shape = Shape::of(&mut rng, extent);
        let samples = (0..n[0] * n[1] * n[2])
            .map(|i| shape.value(patch.position([i % n[0], i / n[0] % n[1], i / (n[0] * n[1])])) as f32)
            .collect();
        Field { patch, samples }
    }

    /// With zeros inside and outside the solid decided.
    fn regular(&self) -> Field {
        let ([nx, ny, nz], mut samples) = (self.n(), self.samples.clone());
        let rule = Rule::new(&self.patch, 0.0).of_surface();
        rule.regularize(&mut samples, [nx, ny], 0..nz, &Monitor::none()).unwrap();
        Field { patch: self.patch, samples }
    }

    fn n(&self) -> [usize; 3] {
        self.patch.resolution().map(|n| n as usize)
    }

    fn cell(&self) -> f64 {
        self.patch.spacing().into_iter().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min)
    }

    fn place(&self, i: usize) -> [f64; 3] {
        let ([nx, ny, _], h) = (self.n(), self.patch.spacing());
        let at = [i % nx, i / nx % ny, i / (nx * ny)];
        std::array::from_fn(|a| at[a] as f64 * h[a])
    }

    /// Where the linear function between two neighbours, one inside and one not, is zero.
    fn crossings(&self) -> Vec<[f64; 3]> {
        let ([nx, ny, _], h) = (self.n(), self.patch.spacing());
        let strides = [1, nx, nx * ny];
        let mut found = vec![];
        for (i, v) in self.samples.iter().enumerate() {
            let (here, at) = (self.place(i), [i % nx, i / nx % ny, i / (nx * ny)]);
            for a in (0..3).filter(|a| at[*a] + 1 < self.n()[*a]) {
                let (from, to) = (f64::from(*v), f64::from(self.samples[i + strides[a]]));
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
    fn worst(&self, some: &[usize], distances: &[f32], crossings: &[[f64; 3]]) -> f64 {
        let excess = |i: &usize| {
            let d = distances[*i];
            let p = self.place(*i);
            let apart2 = |c: &[f64; 3]| (0..3).map(|a| (c[a] - p[a]).powi(2)).sum::<f64>();
            let nearest = crossings.iter().map(apart2).fold(f64::INFINITY, f64::min).sqrt();
            // Far from the surface an `f32` is no finer than this.
            (f64::from(d.abs()) - nearest * (1.0 + 1e-6)) / self.cell()
        };
        some.par_iter().map(excess).reduce(|| f64::NEG_INFINITY, f64::max)
    }
}

/// Something with a surface, seen in a frame of its own.
struct Shape {
    axes: [[f64; 3]; 3],
    middle: [f64; 3],
    kind: usize,
    size: f64,
    steepness: f64,
    noise: Option<(Rng, f64)>,
}

impl Shape {
    fn of(rng: &mut Rng, extent: f64) -> Shape {
        let turned = rng.below(4) > 0;
        let axes = std::array::from_fn(|a| {
            std::array::from_fn(|b| if turned { rng.unit() - 0.5 } else { f64::from(u8::from(a == b)) })
        });
        let noise = (rng.below(6) == 0).then(|| (Rng::new(rng.next()), 0.5 * rng.unit() * extent));
        Shape {
            axes,
            middle: std::array::from_fn(|_| extent * 0.5 * (rng.unit() - 1.0)),
            kind: rng.below(7),
            size: extent * (0.05 + 0.4 * rng.unit()),
            steepness: 10f64.powf(6.0 * rng.unit() - 3.0),
            noise,
        }
    }

    fn value(&mut self, p: [f64; 3]) -> f64 {
        let d: [f64; 3] = std::array::from_fn(|a| p[a] - self.middle[a]);
        let q = self.axes.map(|x| x[0] * d[0] + x[1] * d[1] + x[2] * d[2]);
        let (s, t) = (self.size, 6.3 / self.size);
        let own = match self.kind {
            0 => q[0].hypot(q[1]).hypot(q[2]) - s,
            1 => q[0].abs().max(q[1].abs()).max(q[2].abs()) - s,
            2 => q[0].abs() - 0.1 * s,
            3 => (q[0].hypot(q[1]) - s).hypot(q[2]) - 0.3 * s,
            4 => (q[0].abs() - 0.7 * s).max(q[1].abs() - 0.2 * s).min(q[1].hypot(q[2]) - 0.5 * s),
            5 => {
                (t * q[0]).sin() * (t * q[1]).cos()
                    + (t * q[1]).sin() * (t * q[2]).cos()
                    + (t * q[2]).sin() * (t * q[0]).cos()
            }
            // Whole numbers: many samples are 0.
            _ => (4.0 * (q[0].max(q[1]) - 0.2 * s) / s).round(),
        };
        let noise = self.noise.as_mut().map_or(0.0, |(rng, most)| *most * (rng.unit() - 0.5));
        self.steepness * (own + noise)
    }
}

#[test]
fn no_sample_is_farther_than_a_crossing() {
    let count: u64 = std::env::var("CROSSING_FIELDS").map_or(64, |v| v.parse().unwrap());
    let (mut with_surface, mut worst_of_all) = (0, f64::NEG_INFINITY);
    for seed in 0..count {
        let field = Field::of_seed(seed);
        let crossings = field.regular().crossings();
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
        let worst = field.worst(&(0..all.len()).collect::<Vec<_>>(), &all, &crossings);
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
        let crossings = field.regular().crossings();
        let some: Vec<_> = (0..all.len()).filter(|i| i % 97 == 0).collect();
        let worst = field.worst(&some, &all, &crossings);
        assert!(worst <= ROUNDING, "{} crossings: {worst} cells beyond one", crossings.len());
    }
}

#[test]
fn fields_of_any_aspect_have_the_same_bits_by_level_and_in_slabs() {
    for seed in 0..32 {
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
        let crossed = !field.regular().crossings().is_empty();
        let band = run(Level::detect(), Reach::Band(width));
        let slab = &slab[nx * ny * (own.start - z.start)..nx * ny * (own.end - z.start)];
        let same = slab.iter().zip(&band[nx * ny * own.start..]).all(|(a, b)| a.to_bits() == *b);
        assert!(same || !crossed, "field {seed}: planes {own:?} differ in a slab");
    }
}
