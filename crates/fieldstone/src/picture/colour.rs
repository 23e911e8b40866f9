//! Colours of a signed distance: blues inside, oranges outside, one flat tint per band of distance.
//!
//! # Source
//! The sequences `Blues` and `Oranges` of ColorBrewer 2.0 (Brewer, Harrower 2003): even steps of lightness,
//! told apart by readers with any of the common colour vision deficiencies.

use super::canvas::{Rgb, mix};

/// Near the surface first.
const BLUES: [Rgb; 6] =
    [[158, 202, 225], [107, 174, 214], [66, 146, 198], [33, 113, 181], [8, 81, 156], [8, 48, 107]];
const ORANGES: [Rgb; 6] =
    [[255, 245, 235], [254, 230, 206], [253, 208, 162], [253, 174, 107], [241, 147, 66], [217, 105, 28]];

/// Lines, axes and text.
pub const INK: Rgb = [33, 37, 41];
/// Secondary text.
pub const GREY: Rgb = [105, 112, 119];
/// The paper.
pub const PAPER: Rgb = [255, 255, 255];

/// The bands of one side of the surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// Width of a band, mm.
    pub width: f32,
    /// Bands, at least 1.
    pub count: i32,
}

impl Side {
    /// Bands of a round width, about `count` of them, that cover 0..=`reach` (mm).
    fn covering(reach: f32, count: f32) -> Side {
        let width = round_length((reach / count).max(f32::MIN_POSITIVE * 1e3));
        Side { width, count: (reach / width).ceil().clamp(1.0, 100.0) as i32 }
    }
}

/// How distances map to tints. Each side has its own width: a thin part in a large box has both.
#[derive(Clone, Copy, Debug)]
pub struct Bands {
    /// Negative distances.
    pub inside: Side,
    /// Positive distances.
    pub outside: Side,
}

impl Bands {
    /// Bands that cover `least..=greatest` (mm).
    pub fn covering(least: f32, greatest: f32) -> Bands {
        Bands { inside: Side::covering(-least, 7.0), outside: Side::covering(greatest, 12.0) }
    }

    /// The side that `distance` is on.
    pub fn side(&self, distance: f32) -> Side {
        if distance < 0.0 { self.inside } else { self.outside }
    }

    /// The band that `distance` (mm) lies in: 0 is the first outside, -1 the first inside.
    pub fn index(&self, distance: f32) -> i32 {
        let band = (distance / self.side(distance).width).floor() as i32;
        band.clamp(-self.inside.count, self.outside.count - 1)
    }

    /// Tint of a band.
    pub fn tint(&self, index: i32) -> Rgb {
        match index < 0 {
            true => ramp(&BLUES, -1 - index, self.inside.count),
            false => ramp(&ORANGES, index, self.outside.count),
        }
    }
}

fn ramp(stops: &[Rgb; 6], step: i32, steps: i32) -> Rgb {
    let at = step as f32 / (steps - 1).max(5) as f32 * 5.0;
    let low = (at.floor() as usize).min(4);
    mix(stops[low], stops[low + 1], at - low as f32)
}

/// The nearest of 1, 2, 5, 10, … (any power of ten) to `length`, in the sense of ratios.
pub fn round_length(length: f32) -> f32 {
    let decade = 10f32.powf(length.log10().floor());
    let nearest = |a: &&f32, b: &&f32| (*a / length).ln().abs().total_cmp(&(*b / length).ln().abs());
    let candidates = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade);
    *candidates.iter().min_by(nearest).expect("four candidates")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_to_1_2_5() {
        for (given, expected) in
            [(0.9, 1.0), (1.3, 1.0), (1.6, 2.0), (3.9, 5.0), (26.0, 20.0), (0.0021, 0.002)]
        {
            assert!((round_length(given) / expected - 1.0).abs() < 1e-5, "{given}: {}", round_length(given));
        }
    }

    #[test]
    fn both_sides_have_bands_even_when_the_field_has_one_sign() {
        let b = Bands::covering(1.0, 24.0);
        assert_eq!((b.inside.count, b.outside), (1, Side { width: 2.0, count: 12 }));
        assert_eq!([b.index(-0.1), b.index(0.1), b.index(99.0), b.index(-99.0)], [-1, 0, 11, -1]);
        assert_ne!(b.tint(-1), b.tint(0));
    }
}
