//! Whether a triangle lies between two neighbouring planes of samples, at a glance.

/// How far beside its index a plane still counts as met, for rounding.
pub(super) const SLACK: f64 = 1e-3;

/// The planes of samples along one axis.
#[derive(Clone, Copy)]
pub(super) struct Between {
    offset: f32,
    per_unit: f32,
    /// By how much the index of a place may be wrong, and twice [`SLACK`].
    error: f32,
}

impl Between {
    /// Of `n` planes `spacing` apart from `offset` on.
    pub fn of(offset: f64, spacing: f64, n: u32) -> Between {
        let (first, per_unit) = (offset as f32, (1.0 / spacing) as f32);
        let farthest = offset.abs().max((offset + spacing * f64::from(n)).abs());
        if !(per_unit.is_normal() && farthest < 1e37) {
            return Between { offset: 0.0, per_unit: 0.0, error: 1.0 };
        }
        // Eight roundings, of places as far away as the grid's are.
        let rounding = 8.0 * f64::from(f32::EPSILON) * (farthest / spacing + f64::from(n));
        Between { offset: first, per_unit, error: (2.0 * SLACK + rounding) as f32 }
    }

    /// Whether no plane passes between the three coordinates, nor within [`SLACK`] of them; false where that is not certain.
    #[inline(always)]
    pub fn holds(&self, [a, b, c]: [f32; 3]) -> bool {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let (low, high) = (if c < low { c } else { low }, if c > high { c } else { high });
        let index = |x: f32| (x - self.offset) * self.per_unit + 1.0;
        // Below the first plane all is 0; far above the last one numbers may be wrong, and none is a plane's.
        (index(low) - self.error) as u32 == (index(high) + self.error) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    #[test]
    fn what_is_between_planes_meets_none_and_most_of_it_is_seen() {
        let mut rng = Rng::new(7);
        let (mut seen, mut all) = (0, 0);
        for round in 0..200_000 {
            let n = 1 + rng.below(300) as u32;
            let spacing = 10f64.powf(rng.unit() * 8.0 - 4.0);
            let offset = (rng.unit() - 0.5) * spacing * if round % 4 == 0 { 1e6 } else { 600.0 };
            let middle = (rng.unit() * 1.4 - 0.2) * f64::from(n);
            let reach = if round % 3 == 0 { f64::from(n) } else { 0.3 };
            let mut any = || (offset + spacing * (middle + reach * (rng.unit() - 0.5))) as f32;
            let t = [any(), any(), any()];
            let indices = t.map(|x| (f64::from(x) - offset) / spacing);
            let low = indices.into_iter().fold(f64::INFINITY, f64::min) - SLACK;
            let high = indices.into_iter().fold(f64::NEG_INFINITY, f64::max) + SLACK;
            let meets = (0..n).any(|i| (low..=high).contains(&f64::from(i)));
            let holds = Between::of(offset, spacing, n).holds(t);
            assert!(!(holds && meets), "{t:?} {offset} {spacing} {n}");
            if !meets && round % 4 != 0 {
                all += 1;
                seen += usize::from(holds);
            }
        }
        assert!(seen * 10 > all * 9, "{seen} of {all}");
    }

    #[test]
    fn where_planes_are_one_or_nowhere_nothing_is_certain() {
        for (offset, spacing) in [(0.0, 0.0), (1e38, 1.0), (0.0, 1e-40), (0.0, 1e300)] {
            assert!(!Between::of(offset, spacing, 5).holds([0.4, 0.5, 0.6]), "{offset} {spacing}");
        }
    }
}
