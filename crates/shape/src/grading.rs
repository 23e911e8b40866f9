//! Grading along z: a number that goes from one value to another between two heights.

use crate::params::{Kind, Param, ParamError, Values};

/// A parameter `…_range`.
pub const fn range(name: &'static str) -> Param {
    let doc = "local z where the grading begins and ends, mm";
    Param { name, kind: Kind::Numbers(2), default: Some("[0, 1]"), doc }
}

/// A parameter `…_scale`.
pub const fn scale(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: Kind::Numbers(2), default: Some("[1, 1]"), doc }
}

/// mix(s₀, s₁, t) with t = clamp((z − r₀)/(r₁ − r₀)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grading {
    range: [f64; 2],
    scale: [f64; 2],
}

impl Grading {
    /// 1 everywhere.
    pub const NONE: Grading = Grading { range: [0.0, 1.0], scale: [1.0, 1.0] };

    /// Reads a pair of multipliers, which must be above 0 (`positive`) or at least 0.
    pub fn read(values: &Values, range: &str, scale: &str, positive: bool) -> Result<Grading, ParamError> {
        let grading = Grading { range: values.vector(range), scale: values.vector(scale) };
        let refuse = |name: &str, what: String| Err(ParamError { name: name.to_owned(), what });
        let [a, b] = grading.scale;
        if a.min(b) < 0.0 || (positive && a.min(b) < 1e-6) || a.max(b) > 1e6 {
            let least = if positive { "1e-6" } else { "0" };
            return refuse(scale, format!("expected two numbers from {least} to 1e6, got [{a}, {b}]"));
        }
        if a != b && grading.range[0] == grading.range[1] {
            let [from, to] = grading.range;
            return refuse(range, format!("expected two different heights, got [{from}, {to}]"));
        }
        Ok(if grading.scale == [1.0; 2] { Grading::NONE } else { grading })
    }

    /// Whether it is the same everywhere.
    pub fn is_constant(&self) -> bool {
        self.scale[0] == self.scale[1]
    }

    /// Least and greatest value.
    pub fn extremes(&self) -> [f64; 2] {
        let [a, b] = self.scale;
        [a.min(b), a.max(b)]
    }

    /// The value at height `z`.
    pub fn at(&self, z: f64) -> f64 {
        let [from, to] = self.range;
        let [a, b] = self.scale;
        match a == b {
            true => a,
            false => a + (b - a) * ((z - from) / (to - from)).clamp(0.0, 1.0),
        }
    }

    /// ∫ dz/value from 0 to `z`: the height counted in ungraded cells, so that cells stay connected.
    pub fn phase(&self, z: f64) -> f64 {
        self.since_start(z) - self.since_start(0.0)
    }

    /// The integral from the range's lower end on.
    fn since_start(&self, z: f64) -> f64 {
        let ([a, b], [from, to]) = (self.scale, self.range);
        if a == b {
            return z / a;
        }
        let (low, high, at_low, at_high) = if from < to { (from, to, a, b) } else { (to, from, b, a) };
        if z <= low {
            return (z - low) / at_low;
        }
        // The value is linear between the ends: the integral of its inverse is a logarithm.
        let slope = (at_high - at_low) / (high - low);
        let within = |z: f64| (self.at(z) / at_low).ln() / slope;
        if z <= high { within(z) } else { within(high) + (z - high) / at_high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_the_integral_of_the_inverse() {
        for (range, scale) in [([0.0, 1.0], [1.0, 1.0]), ([-1.0, 2.0], [0.5, 2.0]), ([3.0, 1.0], [2.0, 0.25])]
        {
            let g = Grading { range, scale };
            let (mut sum, steps) = (0.0, 40_000);
            let h = 4.0 / f64::from(steps);
            for i in 0..steps {
                sum += h / g.at(h * (f64::from(i) + 0.5));
            }
            assert!((g.phase(4.0) - sum).abs() < 1e-6, "{g:?}: {} for {sum}", g.phase(4.0));
            assert!(g.phase(0.0) == 0.0 && g.phase(-3.0) < g.phase(-2.9));
        }
    }
}
