//! Axis-aligned bounding boxes, model units.

/// A closed axis-aligned box; empty when `min > max` on any axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aabb {
    /// Lowest corner.
    pub min: [f32; 3],
    /// Highest corner.
    pub max: [f32; 3],
}

impl Aabb {
    /// The box that contains nothing: growing it by a point gives that point.
    pub const EMPTY: Aabb = Aabb { min: [f32::INFINITY; 3], max: [f32::NEG_INFINITY; 3] };

    /// The smallest box around `points`; [`Aabb::EMPTY`] for none.
    pub fn around<'a>(points: impl IntoIterator<Item = &'a [f32; 3]>) -> Aabb {
        let mut b = Aabb::EMPTY;
        for p in points {
            b.grow(*p);
        }
        b
    }

    /// Grows the box to contain `p`.
    #[inline]
    pub fn grow(&mut self, p: [f32; 3]) {
        for a in 0..3 {
            // One instruction each, which `f32::min` is not.
            self.min[a] = if p[a] < self.min[a] { p[a] } else { self.min[a] };
            self.max[a] = if p[a] > self.max[a] { p[a] } else { self.max[a] };
        }
    }

    /// The smallest box around both.
    #[inline]
    pub fn union(&self, o: &Aabb) -> Aabb {
        let mut b = *self;
        b.grow(o.min);
        b.grow(o.max);
        b
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        (0..3).any(|a| self.min[a] > self.max[a])
    }

    /// Edge lengths in `f64`, 0 for an empty box.
    pub fn extent(&self) -> [f64; 3] {
        std::array::from_fn(|a| (f64::from(self.max[a]) - f64::from(self.min[a])).max(0.0))
    }

    /// Length of the diagonal.
    pub fn diagonal(&self) -> f64 {
        self.extent().iter().map(|e| e * e).sum::<f64>().sqrt()
    }
}
