//! How far and how steeply an operator's values can go, told from its parameters alone.
//!
//! # Why
//! A mesh sees the samples beside its surface. Of a distance these are small, so the operands of a boolean count near zero
//! only. A surface lattice is no distance: beside its surface it may have any value up to its slope times the cell's diagonal, and
//! there the other operand counts as far down.

use crate::params::Values;
use crate::visible::Visible;

/// What is known of the values of an operator; infinite where nothing is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// No value is less.
    pub least: f64,
    /// No value is greater.
    pub greatest: f64,
    /// Values differ by no more than this per mm; of points: how much farther apart they are than on the grid.
    pub slope: f64,
}

impl Extent {
    /// Nothing is known.
    pub const ANY: Extent =
        Extent { least: f64::NEG_INFINITY, greatest: f64::INFINITY, slope: f64::INFINITY };

    /// Values of at most this magnitude.
    pub fn within(most: f64, slope: f64) -> Extent {
        Extent { least: -most, greatest: most, slope }
    }

    /// −self.
    pub fn negated(self) -> Extent {
        Extent { least: -self.greatest, greatest: -self.least, slope: self.slope }
    }

    /// The lesser of self and other.
    pub fn or(self, other: Extent) -> Extent {
        Extent {
            least: self.least.min(other.least),
            greatest: self.greatest.min(other.greatest),
            slope: self.slope.max(other.slope),
        }
    }

    /// self · factor.
    pub fn times(self, factor: f64) -> Extent {
        let product = |v: f64| if factor == 0.0 { 0.0 } else { v * factor };
        let (a, b) = (product(self.least), product(self.greatest));
        Extent { least: a.min(b), greatest: a.max(b), slope: product(self.slope).abs() }
    }

    /// self + other.
    pub fn plus(self, other: Extent) -> Extent {
        Extent {
            least: self.least + other.least,
            greatest: self.greatest + other.greatest,
            slope: self.slope + other.slope,
        }
    }

    /// |self|.
    pub fn abs(self) -> Extent {
        let most = self.least.abs().max(self.greatest.abs());
        Extent { least: 0.0, greatest: most, slope: self.slope }
    }
}

/// The extent of operators that know nothing of theirs.
pub fn unknown(_: &Values, _: &[Extent]) -> Extent {
    Extent::ANY
}

/// What a union can see of an input when its values are seen as `visible` on a grid of this spacing, and the other input is `other`:
/// where a neighbour is inside the band the least of the two may be as great as the other gets to be there.
pub fn beside(visible: Visible, spacing: [f64; 3], other: Extent) -> Visible {
    let own = visible.reach(spacing) - f64::from(visible.band);
    // Distances change by no more than the way does, which is counted in cells already.
    if own == 0.0 || other.slope <= 1.0 {
        return visible;
    }
    let more = ((other.slope - 1.0) * own).min(other.greatest - f64::from(visible.band));
    Visible { band: visible.band + more.max(0.0) as f32, ..visible }
}
