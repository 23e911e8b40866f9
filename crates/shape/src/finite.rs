//! Samples that are infinite or not a number: found while they are at hand, and told with their place.

use crate::operator::Domain;
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use std::ops::Range;

by_level! {
    /// Whether no value is infinite or not a number.
    pub fn all_finite(values: &[f32]) -> bool {
        // The exponent of those is all ones.
        let mut most = 0;
        for v in values {
            let magnitude = (v.to_bits() & 0x7fff_ffff) as i32;
            most = if magnitude > most { magnitude } else { most };
        }
        most < f32::INFINITY.to_bits() as i32
    }
}

/// The first sample that is not finite, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct NotFinite {
    /// Its index, x fastest.
    pub index: usize,
    /// What it is.
    pub value: f32,
    /// Samples like it, itself included.
    pub count: usize,
}

impl NotFinite {
    /// Among `values`, by index in them; `None` where none is `wrong`.
    pub fn first(values: &[f32], wrong: impl Fn(f32) -> bool) -> Option<NotFinite> {
        let index = values.iter().position(|v| wrong(*v))?;
        let count = values[index..].iter().filter(|v| wrong(**v)).count();
        Some(NotFinite { index, value: values[index], count })
    }

    /// Among samples of a field, the first of which has this index there.
    pub fn among(level: Level, values: &[f32], first: usize) -> Option<NotFinite> {
        if all_finite(level, values) {
            return None;
        }
        let found = NotFinite::first(values, |v| !v.is_finite())?;
        Some(NotFinite { index: first + found.index, ..found })
    }

    /// Of two parts of a field: the first, and both counts.
    pub fn or(self, other: NotFinite) -> NotFinite {
        let first = if other.index < self.index { other } else { self };
        NotFinite { count: self.count + other.count, ..first }
    }

    /// `sample [1, 2, 3] at (0.5, 0, -0.25) is NaN, expected a finite number; 6 more in planes 0 to 15 are not finite`, of samples
    /// of `domain` in the planes `z`.
    pub fn told(&self, domain: &Domain, z: Range<u32>) -> String {
        let [nx, ny, nz] = domain.resolution().map(|n| n as usize);
        let index = [self.index % nx, self.index / nx % ny, self.index / nx / ny].map(|i| i as u32);
        // As many digits as samples have.
        let [x, y, height] = domain.position(index).map(|v| v as f32);
        let mut told =
            format!("sample {index:?} at ({x}, {y}, {height}) is {}, expected a finite number", self.value);
        let more = self.count - 1;
        match z.len() == nz {
            _ if more == 0 => {}
            true => told += &format!("; {more} more are not finite"),
            false => told += &format!("; {more} more in planes {} to {} are not finite", z.start, z.end - 1),
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_and_kind_is_found() {
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN] {
            for at in 0..70 {
                let mut values = vec![f32::MAX; 70];
                values[at] = wrong;
                for level in Level::available() {
                    assert!(all_finite(level, &[f32::MIN, 0.0, -0.0, 1e-45]));
                    let found = NotFinite::among(level, &values, 1000).unwrap();
                    assert!(
                        found.index == 1000 + at
                            && found.value.to_bits() == wrong.to_bits()
                            && found.count == 1
                    );
                }
            }
        }
    }
}
