//! Sine and cosine in single precision, as straight arithmetic that the compiler turns into vectors.
//!
//! # Formula
//! The angle is reduced to the nearest quarter turn, and one odd and one even minimax polynomial (degree 7 and 8) give the
//! rest. [`sin_cos_turns`] reduces exactly, because subtracting an integer from a float loses nothing; [`sin_cos`] subtracts
//! π/2 in four pieces of 8, 8, 8 and 24 bits, so that the first three products are exact (Cody and Waite, "Software Manual for
//! the Elementary Functions", 1980).
//!
//! # Promises
//! | function | argument | largest absolute error |
//! |---|---|---|
//! | [`sin_cos_turns`] | abs(u) ≤ 2²⁰ turns | 1.3e-7 of the sine of exactly 2πu |
//! | [`sin_cos`] | abs(x) ≤ 1e5 rad | 1.3e-7 of the sine of exactly x |
//!
//! Beyond those ranges, and for infinities and NaN, both still return finite values of magnitude at most 1.001.
//! Same bits on every SIMD level: nothing is fused, no table, no library call.

/// Adding and subtracting this rounds to the nearest integer, whose lowest bits it leaves in the mantissa.
const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³

const FRAC_PI_2_PARTS: [f32; 4] = [1.5703125, 4.825592e-4, 1.266_598_7e-6, 9.920_936e-10];

/// Quarter turns, given by the low bits of `q`, rotate (sin, cos) of the remainder into place.
#[inline(always)]
fn place(q: u32, s: f32, c: f32) -> (f32, f32) {
    let (a, b) = if q & 1 == 0 { (s, c) } else { (c, s) };
    (
        f32::from_bits(a.to_bits() ^ ((q & 2) << 30)),
        f32::from_bits(b.to_bits() ^ ((q.wrapping_add(1) & 2) << 30)),
    )
}

/// A remainder outside ±`limit` (an argument beyond the documented range, or NaN) is brought back to it.
#[inline(always)]
fn clamp(r: f32, limit: f32) -> f32 {
    let r = if r > -limit { r } else { -limit };
    if r < limit { r } else { limit }
}

/// (sin x, cos x), x in radians.
#[inline(always)]
pub fn sin_cos(x: f32) -> (f32, f32) {
    let m = x * std::f32::consts::FRAC_2_PI + ROUND;
    let k = m - ROUND;
    let [p1, p2, p3, p4] = FRAC_PI_2_PARTS;
    let r = clamp((((x - k * p1) - k * p2) - k * p3) - k * p4, 0.8);
    let u = r * r;
    let s = r + (r * u) * (-0.166_666_64 + u * (0.008_332_749 + u * -1.958_800_8e-4));
    let c = 1.0 - 0.5 * u + (u * u) * (0.041_666_664 + u * (-0.001_388_830_4 + u * 2.454_804e-5));
    place(m.to_bits(), s, c)
}

/// (sin 2πu, cos 2πu), u in turns: the phase of a lattice is a coordinate over a cell size, and a whole number of cells changes
/// nothing, to the last bit.
#[inline(always)]
pub fn sin_cos_turns(u: f32) -> (f32, f32) {
    let q = 4.0 * u;
    let m = q + ROUND;
    let r = clamp(q - (m - ROUND), 0.51);
    let v = r * r;
    let s = r * (1.570_796_4 + v * (-0.645_963_5 + v * (0.079_680_23 + v * -0.004_602_177)));
    let c = 1.0 + v * (-1.233_700_5 + v * (0.253_670_72 + v * (-0.020_875_422 + v * 9.435_288e-4)));
    place(m.to_bits(), s, c)
}

/// The angle of (x, y) in −π ..= π, radians; 0 at the origin. Largest absolute error 4e-7 for finite arguments below 1e38.
///
/// # Source
/// Minimax polynomial of degree 17 for atan on 0..=1 (Remez), the rest by symmetry.
#[inline(always)]
pub fn atan2(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ay > ax;
    let (most, least) = if steep { (ay, ax) } else { (ax, ay) };
    let a = if most > 0.0 { least / most } else { 0.0 };
    let u = a * a;
    let high = -0.075_336_78 + u * (0.043_039_39 + u * (-0.016_283_022 + u * 0.002_903_556));
    let low = -0.333_330_93 + u * (0.199_930_55 + u * (-0.142_071_34 + u * (0.106_546_78 + u * high)));
    let p = a + (a * u) * low;
    let p = if steep { std::f32::consts::FRAC_PI_2 - p } else { p };
    let p = if x < 0.0 { std::f32::consts::PI - p } else { p };
    if y < 0.0 { -p } else { p }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    fn worst(f: impl Fn(f32) -> (f32, f32), scale: f64, range: f64) -> f64 {
        let mut rng = Rng::new(7);
        let mut worst = 0.0f64;
        for i in 0..400_000 {
            let wide = if i % 2 == 0 { range } else { range.min(4.0) };
            let x = ((rng.unit() * 2.0 - 1.0) * wide) as f32;
            let (s, c) = f(x);
            // The oracle's own argument is reduced exactly first: a whole turn is 1/`scale` of the unit.
            let exact = if scale == 1.0 { f64::from(x) } else { (f64::from(x) % 1.0) * scale };
            worst = worst.max((f64::from(s) - exact.sin()).abs()).max((f64::from(c) - exact.cos()).abs());
        }
        worst
    }

    #[test]
    fn the_error_stays_below_what_is_documented() {
        let tau = std::f64::consts::TAU;
        let turns = worst(sin_cos_turns, tau, 1_048_576.0);
        let radians = worst(sin_cos, 1.0, 1e5);
        println!("turns {turns:e} radians {radians:e}");
        assert!(turns < 1.3e-7, "{turns:e}");
        assert!(radians < 1.3e-7, "{radians:e}");
    }

    #[test]
    fn quarter_turns_are_exact() {
        for k in -8i32..=8 {
            let (s, c) = sin_cos_turns(k as f32 * 0.25);
            let want = [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][k.rem_euclid(4) as usize];
            assert_eq!((s, c), want, "{k}");
        }
        assert_eq!(sin_cos_turns(1.375), sin_cos_turns(0.375));
        assert_eq!(sin_cos_turns(-7.625), sin_cos_turns(0.375));
    }

    #[test]
    fn angles_agree_with_the_library() {
        let mut rng = Rng::new(8);
        let mut worst = 0.0f64;
        for _ in 0..200_000 {
            let (x, y) = ((rng.unit() - 0.5) as f32, ((rng.unit() - 0.5) * rng.unit()) as f32);
            worst = worst.max((f64::from(atan2(y, x)) - f64::from(y).atan2(f64::from(x))).abs());
            worst = worst.max((f64::from(atan2(x, y)) - f64::from(x).atan2(f64::from(y))).abs());
        }
        println!("{worst:e}");
        assert!(worst < 4e-7, "{worst:e}");
        assert_eq!(atan2(0.0, 0.0), 0.0);
        assert_eq!(atan2(0.0, -1.0), std::f32::consts::PI);
        assert_eq!(atan2(-2.0, 0.0), -std::f32::consts::FRAC_PI_2);
    }

    #[test]
    fn any_argument_gives_finite_values() {
        for x in
            [1e6, -1e9, 3e38, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-40, -0.0]
        {
            for (s, c) in [sin_cos(x), sin_cos_turns(x)] {
                assert!(s.abs() <= 1.001 && c.abs() <= 1.001, "{x}: {s} {c}");
            }
        }
    }
}
