//! The part of an edge on which a field crosses, narrowed step by step.

/// Two places on an edge, in cells from its lower sample, and the field there: inside (below 0) and not.
#[derive(Clone, Copy)]
pub(super) struct Bracket {
    inside: [f64; 2],
    outside: [f64; 2],
}

impl Bracket {
    /// A whole edge, of whose samples one is inside.
    pub fn new([lower, upper]: [f64; 2]) -> Bracket {
        let ends = [[0.0, lower], [1.0, upper]];
        match lower < 0.0 {
            true => Bracket { inside: ends[0], outside: ends[1] },
            false => Bracket { inside: ends[1], outside: ends[0] },
        }
    }

    /// Narrows it by what the field is at `t`; what is no number says nothing.
    pub fn narrow(&mut self, t: f64, value: f64) {
        if value < 0.0 {
            self.inside = [t, value];
        } else if value >= 0.0 {
            self.outside = [t, value];
        }
    }

    /// Where to look next: where the tangent at `t` crosses if that is between the ends, else where the line between these does, and
    /// halfway where that is no better than an end.
    pub fn next(&self, t: f64, value: f64, slope: f64) -> f64 {
        let ([a, va], [b, vb]) = (self.inside, self.outside);
        let tangent = t - value / slope;
        if tangent > a.min(b) && tangent < a.max(b) {
            return tangent;
        }
        let share = va / (va - vb);
        a + (b - a) * if share > 0.02 && share < 0.98 { share } else { 0.5 }
    }
}
