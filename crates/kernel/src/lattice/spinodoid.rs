//! Spinodoids: random bicontinuous structures whose directions are chosen.
//!
//! # Formula
//! u(p) = √(2/N) Σ cos(2π n·p/λ + γ), solid where u ≤ √2 erf⁻¹(2ρ − 1); the value is u minus that level. The N directions n are uniform on
//! the part of the unit sphere within θ₁, θ₂ or θ₃ of the lines through the x, y and z axis, the phases γ uniform.
//!
//! # Promises
//! Sign only, and abs(∇) ≤ [`Spinodoid::gradient_bound`]. The relative density ρ is that of the infinite structure; a finite part
//! of it deviates at random. Same parameters, same structure: the waves come from SplitMix64 with seed
//! 0x5EED_0F5B_1D0D_A101 (our choice), drawn in order, direction then phase.
//!
//! # Source
//! S. Kumar, S. Tan, L. Zheng, D. M. Kochmann, "Inverse-designed spinodoid metamaterials", npj Comput. Mater. 6 (2020) 73, equations
//! 1 to 4. An angle of 0 leaves its axis out, as there; all angles 0 give the isotropic structure (our choice).

use crate::by_level;
use crate::simd::Level;
use crate::trig::sin_cos_turns;

const SEED: u64 = 0x5EED_0F5B_1D0D_A101;

/// Most waves of one structure.
pub const MAX_WAVES: u32 = 100_000;

/// Parameters that describe no spinodoid.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SpinodoidError {
    /// A cone half-angle out of range.
    #[error("angles must be 0 or between 0.01 and 90 degrees, got {0:?}")]
    Angles([f64; 3]),
    /// A relative density out of range.
    #[error("density must be between 0.001 and 0.999, got {0}")]
    Density(f64),
    /// Too few or too many waves.
    #[error("wave_count must be between 1 and {MAX_WAVES}, got {0}")]
    Waves(i64),
    /// A wavelength that is not a positive length.
    #[error("pore_size must be between 1e-6 and 1e9 mm, got {0}")]
    PoreSize(f64),
}

/// A wave: n/λ (turns per mm) and γ (turns).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wave {
    n: [f32; 3],
    phase: f32,
}

/// A structure, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Spinodoid {
    waves: Vec<Wave>,
    amplitude: f32,
    level: f32,
    pore_size: f64,
}

impl Spinodoid {
    /// `angles`: cone half-angles about x, y, z in degrees, 0 = unused. `density`: the solid's share of the volume. `pore_size`: the wavelength, mm.
    pub fn new(
        angles: [f64; 3],
        density: f64,
        waves: i64,
        pore_size: f64,
    ) -> Result<Spinodoid, SpinodoidError> {
        if !angles.iter().all(|a| *a == 0.0 || (0.01..=90.0).contains(a)) {
            return Err(SpinodoidError::Angles(angles));
        }
        if !(0.001..=0.999).contains(&density) {
            return Err(SpinodoidError::Density(density));
        }
        if !(1..=i64::from(MAX_WAVES)).contains(&waves) {
            return Err(SpinodoidError::Waves(waves));
        }
        if !(1e-6..=1e9).contains(&pore_size) {
            return Err(SpinodoidError::PoreSize(pore_size));
        }
        let mut rng = SplitMix64(SEED);
        let cosines = cone_cosines(angles);
        let waves = (0..waves)
            .map(|_| {
                let n = direction(&mut rng, cosines);
                Wave { n: n.map(|c| (c / pore_size) as f32), phase: rng.unit() as f32 }
            })
            .collect::<Vec<_>>();
        let amplitude = (2.0 / waves.len() as f64).sqrt() as f32;
        let level = (std::f64::consts::SQRT_2 * inverse_erf(2.0 * density - 1.0)) as f32;
        Ok(Spinodoid { waves, amplitude, level, pore_size })
    }

    /// u − level at points (mm); all slices are equally long, or this panics. Works on the calling thread: give it one
    /// block of points at a time.
    pub fn at_points(&self, level: Level, x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        let n = out.len();
        assert!(x.len() == n && y.len() == n && z.len() == n, "one value per point");
        // Pieces that stay in the L1 cache while all waves pass over them.
        for at in (0..n).step_by(1024) {
            let r = at..n.min(at + 1024);
            let out = &mut out[r.clone()];
            out.fill(0.0);
            sum(level, &self.waves, &x[r.clone()], &y[r.clone()], &z[r], out);
            for o in out {
                *o = *o * self.amplitude - self.level;
            }
        }
    }

    /// The level that is subtracted: √2 erf⁻¹(2ρ − 1).
    pub fn level(&self) -> f64 {
        f64::from(self.level)
    }

    /// abs(u) is never greater: √(2N), where all waves agree.
    pub fn greatest(&self) -> f64 {
        (2.0 * self.waves.len() as f64).sqrt() * 1.001
    }

    /// No gradient is longer, per mm: √(2N)·2π/λ, reached only where all waves agree.
    pub fn gradient_bound(&self) -> f64 {
        (2.0 * self.waves.len() as f64).sqrt() * std::f64::consts::TAU / self.pore_size
    }

    /// Directions of the waves, for tests.
    #[cfg(test)]
    fn directions(&self) -> Vec<[f64; 3]> {
        self.waves.iter().map(|w| w.n.map(|c| f64::from(c) * self.pore_size)).collect()
    }
}

by_level! {
    fn sum<'a>(waves: &'a [Wave], x: &'a [f32], y: &'a [f32], z: &'a [f32], out: &mut [f32]) {
        for w in waves {
            let [a, b, c] = w.n;
            let phase = w.phase;
            for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out.iter_mut()) {
                *o += sin_cos_turns(a * x + b * y + c * z + phase).1;
            }
        }
    }
}

/// Cosines of the half-angles, 1 for a cone that is not used.
fn cone_cosines(angles: [f64; 3]) -> [f64; 3] {
    if angles == [0.0; 3] { [0.0; 3] } else { angles.map(cosine) }
}

/// cos of degrees in 0..=90, by its series: the same bits with every mathematics library.
fn cosine(degrees: f64) -> f64 {
    let x = degrees * (std::f64::consts::PI / 180.0);
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..15 {
        term *= -x * x / f64::from((2 * k - 1) * (2 * k));
        sum += term;
    }
    sum
}

/// Uniform on the union of the double cones: a cone by its share of their areas, a direction in it, and one in k accepted where k cones
/// overlap.
fn direction(rng: &mut SplitMix64, cosines: [f64; 3]) -> [f64; 3] {
    let areas = cosines.map(|c| 1.0 - c);
    let total = areas[0] + areas[1] + areas[2];
    loop {
        let pick = rng.unit() * total;
        let axis = if pick < areas[0] {
            0
        } else if pick < areas[0] + areas[1] {
            1
        } else {
            2
        };
        let up = 1.0 - areas[axis] * rng.unit();
        let (u, v) = (2.0 * rng.unit() - 1.0, 2.0 * rng.unit() - 1.0);
        let (r2, side) = (u * u + v * v, rng.unit());
        if areas[axis] == 0.0 || !(1e-6..=1.0).contains(&r2) {
            continue;
        }
        let across = ((1.0 - up * up) / r2).sqrt();
        let mut n = [0.0; 3];
        n[axis] = if side < 0.5 { up } else { -up };
        n[(axis + 1) % 3] = u * across;
        n[(axis + 2) % 3] = v * across;
        let inside = (0..3).filter(|&a| a == axis || (areas[a] > 0.0 && n[a].abs() >= cosines[a])).count();
        if rng.unit() * (inside as f64) < 1.0 {
            return n;
        }
    }
}

/// erf by its Taylor series (Abramowitz and Stegun 1964, 7.1.5); absolute error below 1e-10 for abs(x) ≤ 3.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..80 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// erf⁻¹ for abs(y) ≤ 0.998, by bisection.
fn inverse_erf(y: f64) -> f64 {
    let (mut low, mut high) = (-3.0, 3.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if erf(middle) < y { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Steele, Lea and Flood 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
#[path = "spinodoid_tests.rs"]
mod tests;
