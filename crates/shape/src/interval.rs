//! What a value can be within a block: bounds that let whole blocks and branches go unevaluated.

/// All numbers from `lo` to `hi`; infinite where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Least value.
    pub lo: f32,
    /// Greatest value.
    pub hi: f32,
}

/// Room for the rounding of a chain of `f32` operations, relative to the values' size.
const SLACK: f32 = 1e-5;

impl Interval {
    /// Nothing is known.
    pub const ANY: Interval = Interval { lo: f32::NEG_INFINITY, hi: f32::INFINITY };

    /// From `lo` to `hi`.
    pub fn new(lo: f32, hi: f32) -> Interval {
        Interval { lo, hi }
    }

    /// One value.
    pub fn point(v: f32) -> Interval {
        Interval { lo: v, hi: v }
    }

    /// `centre ± radius`, widened for rounding.
    pub fn around(centre: f32, radius: f32) -> Interval {
        let radius = radius + SLACK * (centre.abs() + radius);
        Interval { lo: centre - radius, hi: centre + radius }
    }

    /// The same widened for rounding.
    pub fn widened(self) -> Interval {
        let by = |v: f32| SLACK * v.abs() + f32::MIN_POSITIVE;
        let (lo, hi) = (self.lo - by(self.lo), self.hi + by(self.hi));
        // After an overflow nothing is known: ∞ − ∞ must not stay in a bound.
        Interval {
            lo: if lo.is_nan() { f32::NEG_INFINITY } else { lo },
            hi: if hi.is_nan() { f32::INFINITY } else { hi },
        }
    }

    /// Whether both ends are finite.
    pub fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// Whether it holds a single value.
    pub fn is_point(self) -> bool {
        self.lo == self.hi
    }

    /// Middle.
    pub fn centre(self) -> f32 {
        0.5 * self.lo + 0.5 * self.hi
    }

    /// Half the width.
    pub fn radius(self) -> f32 {
        0.5 * self.hi - 0.5 * self.lo
    }

    /// -self.
    pub fn negated(self) -> Interval {
        Interval { lo: -self.hi, hi: -self.lo }
    }

    /// |self|.
    pub fn abs(self) -> Interval {
        match (self.lo >= 0.0, self.hi <= 0.0) {
            (true, _) => self,
            (_, true) => self.negated(),
            _ => Interval { lo: 0.0, hi: if -self.lo > self.hi { -self.lo } else { self.hi } },
        }
    }

    /// self + other, widened for rounding.
    pub fn plus(self, other: Interval) -> Interval {
        Interval { lo: self.lo + other.lo, hi: self.hi + other.hi }.widened()
    }

    /// self · factor, widened for rounding.
    pub fn times(self, factor: f32) -> Interval {
        // 0 · ∞ must not become NaN.
        let product = |v: f32| if factor == 0.0 { 0.0 } else { v * factor };
        let (a, b) = (product(self.lo), product(self.hi));
        Interval { lo: if a < b { a } else { b }, hi: if a < b { b } else { a } }.widened()
    }

    /// Smallest interval that holds both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// Bounds of a value in a block, per channel: all three for points, the first for a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds(pub [Interval; 3]);

impl Bounds {
    /// Nothing is known.
    pub const ANY: Bounds = Bounds([Interval::ANY; 3]);

    /// Of a scalar.
    pub fn scalar(interval: Interval) -> Bounds {
        Bounds([interval, Interval::ANY, Interval::ANY])
    }

    /// The scalar's.
    pub fn value(&self) -> Interval {
        self.0[0]
    }

    /// Of points: the middle of their box.
    pub fn centre(&self) -> [f32; 3] {
        self.0.map(Interval::centre)
    }

    /// Of points: half the diagonal of their box.
    pub fn radius(&self) -> f32 {
        let r = self.0.map(Interval::radius);
        (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt()
    }

    /// Of points: whether the box is finite.
    pub fn is_finite(&self) -> bool {
        self.0.iter().all(|i| i.is_finite())
    }

    /// Of a field with `|f(p) − f(q)| ≤ lipschitz·|p − q|` that has `value` at the centre of these points.
    pub fn lipschitz(&self, value: f32, lipschitz: f32) -> Bounds {
        let radius = self.radius() * lipschitz;
        match radius.is_finite() && value.is_finite() {
            true => Bounds::scalar(Interval::around(value, radius)),
            false => Bounds::ANY,
        }
    }
}
