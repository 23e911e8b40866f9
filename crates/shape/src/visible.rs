//! What a consumer can see of a value: how far from zero, and how many cells beside what it sees.

/// What a consumer can see of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visible {
    /// Values outside ±band may be any value outside it of the same sign. Infinite: every value counts.
    pub band: f32,
    /// A value also counts when one up to this many cells away is inside the band.
    pub cells: u32,
}

impl Visible {
    /// Every value counts.
    pub const ALL: Visible = Visible { band: f32::INFINITY, cells: 0 };
    /// The zero set and the samples next to it count.
    pub const SURFACE: Visible = Visible { band: 0.0, cells: 1 };

    /// With a band wider by `by`.
    pub fn widened(self, by: f64) -> Visible {
        // One part in a million for rounding on the way.
        Visible { band: ((f64::from(self.band) + by) * 1.000_001) as f32, ..self }
    }

    /// Of a distance field on a grid of this spacing: farthest value that counts, model units.
    pub fn reach(self, spacing: [f64; 3]) -> f64 {
        let diagonal = spacing.iter().map(|h| h * h).sum::<f64>().sqrt();
        f64::from(self.band) + f64::from(self.cells) * diagonal
    }

    /// Whatever either needs.
    pub fn or(self, other: Visible) -> Visible {
        Visible { band: self.band.max(other.band), cells: self.cells.max(other.cells) }
    }
}
