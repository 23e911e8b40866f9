//! Fields made from seeds, that a surface passes through in all the ways that are hard.

use fieldstone_kernel::regular::Rule;
use fieldstone_kernel::testing::Rng;
use fieldstone_kernel::{Monitor, Patch};

/// Samples of something, and where they are.
pub struct Field {
    pub patch: Patch,
    pub samples: Vec<f32>,
}

impl Field {
    /// Of something that has creases, sheets, noise or zeros, cut by the border or not, in cells of any aspect up to 16:1.
    pub fn of_seed(seed: u64) -> Field {
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
    pub fn regular(&self) -> Field {
        let ([nx, ny, nz], mut samples) = (self.n(), self.samples.clone());
        let rule = Rule::new(&self.patch, 0.0).of_surface();
        rule.regularize(&mut samples, [nx, ny], 0..nz, &Monitor::none()).unwrap();
        Field { patch: self.patch, samples }
    }

    /// Samples per axis.
    pub fn n(&self) -> [usize; 3] {
        self.patch.resolution().map(|n| n as usize)
    }

    /// The finest spacing.
    pub fn cell(&self) -> f64 {
        self.patch.spacing().into_iter().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// Where sample `i` is, from the first one.
    pub fn place(&self, i: usize) -> [f64; 3] {
        let ([nx, ny, _], h) = (self.n(), self.patch.spacing());
        let at = [i % nx, i / nx % ny, i / (nx * ny)];
        std::array::from_fn(|a| at[a] as f64 * h[a])
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
