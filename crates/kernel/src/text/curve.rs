//! Lines and circular arcs in the plane: distance to them, and where they cross.
//!
//! Nothing here calls a sine: arcs go by directions, so that the bits do not depend on a library.

/// A point or a vector of the plane.
pub(super) type Point = [f64; 2];

pub(super) fn plus(a: Point, b: Point, s: f64) -> Point {
    [a[0] + s * b[0], a[1] + s * b[1]]
}

pub(super) fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

pub(super) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// Above 0 where b is to the left of a.
pub(super) fn cross(a: Point, b: Point) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// A quarter turn to the left.
pub(super) fn left(a: Point) -> Point {
    [-a[1], a[0]]
}

pub(super) fn norm(a: Point) -> f64 {
    dot(a, a).sqrt()
}

pub(super) fn unit(a: Point) -> Point {
    let n = norm(a);
    [a[0] / n, a[1] / n]
}

/// A piece of a stroke or of an outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Curve {
    /// From one point to another; both may be the same.
    Line(Point, Point),
    /// Part of a circle, of at most half a turn.
    Arc {
        centre: Point,
        radius: f64,
        /// Unit vectors to both ends; it runs from the first to the left to the second.
        ends: [Point; 2],
    },
}

impl Curve {
    /// Half of a circle, to the left from the direction `from`.
    pub fn half_circle(centre: Point, radius: f64, from: Point) -> Curve {
        Curve::Arc { centre, radius, ends: [from, [-from[0], -from[1]]] }
    }

    pub fn ends(&self) -> [Point; 2] {
        match *self {
            Curve::Line(a, b) => [a, b],
            Curve::Arc { centre, radius, ends } => ends.map(|e| plus(centre, e, radius)),
        }
    }

    /// The same `scale` times as large, and then shifted.
    pub fn placed(&self, scale: f64, shift: Point) -> Curve {
        let place = |p: Point| plus(shift, p, scale);
        match *self {
            Curve::Line(a, b) => Curve::Line(place(a), place(b)),
            Curve::Arc { centre, radius, ends } => {
                Curve::Arc { centre: place(centre), radius: radius * scale, ends }
            }
        }
    }

    /// Unsigned distance from a point.
    pub fn distance(&self, p: Point) -> f64 {
        match *self {
            Curve::Line(a, b) => {
                let (along, q) = (minus(b, a), minus(p, a));
                let length2 = dot(along, along);
                let t = if length2 > 0.0 { (dot(q, along) / length2).clamp(0.0, 1.0) } else { 0.0 };
                norm(plus(q, along, -t))
            }
            Curve::Arc { centre, radius, ends } => {
                let q = minus(p, centre);
                if cross(ends[0], q) >= 0.0 && cross(q, ends[1]) >= 0.0 {
                    return (norm(q) - radius).abs();
                }
                let [a, b] = ends.map(|e| norm(plus(q, e, -radius)));
                if a < b { a } else { b }
            }
        }
    }

    /// Least and greatest coordinates.
    pub fn bounds(&self) -> [Point; 2] {
        let [a, b] = self.ends();
        let (mut low, mut high) = ([a[0].min(b[0]), a[1].min(b[1])], [a[0].max(b[0]), a[1].max(b[1])]);
        if let Curve::Arc { centre, radius, ends } = *self {
            for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
                let mut to = [0.0; 2];
                to[axis] = sign;
                if cross(ends[0], to) >= 0.0 && cross(to, ends[1]) >= 0.0 {
                    let extreme = centre[axis] + sign * radius;
                    low[axis] = low[axis].min(extreme);
                    high[axis] = high[axis].max(extreme);
                }
            }
        }
        [low, high]
    }

    /// How far along it a point is that lies on it: grows from 0 at its beginning to [`Curve::whole`] at its end.
    pub fn place(&self, p: Point) -> f64 {
        match *self {
            Curve::Line(a, b) => dot(minus(p, a), unit(minus(b, a))),
            Curve::Arc { centre, ends, .. } => {
                // One minus the cosine grows up to half a turn; what rounding puts beyond either end is at that end.
                let to = unit(minus(p, centre));
                match cross(ends[0], to) >= 0.0 {
                    true => 1.0 - dot(ends[0], to),
                    false => 1.0 - dot(ends[0], to).signum(),
                }
            }
        }
    }

    /// The place of its end.
    pub fn whole(&self) -> f64 {
        self.place(self.ends()[1])
    }

    /// The part between two points that lie on it, in their order.
    pub fn part(&self, from: Point, to: Point) -> Curve {
        match *self {
            Curve::Line(..) => Curve::Line(from, to),
            Curve::Arc { centre, radius, .. } => {
                Curve::Arc { centre, radius, ends: [from, to].map(|p| unit(minus(p, centre))) }
            }
        }
    }

    /// Half way along it.
    pub fn middle(&self) -> Point {
        match *self {
            Curve::Line(a, b) => plus(a, minus(b, a), 0.5),
            Curve::Arc { centre, radius, ends: [a, b] } => {
                // The sum of both directions vanishes where they are opposite; their difference never does there.
                let between = if dot(a, b) > 0.0 { plus(a, b, 1.0) } else { left(minus(a, b)) };
                let towards = if cross(a, between) < 0.0 { [-between[0], -between[1]] } else { between };
                plus(centre, unit(towards), radius)
            }
        }
    }

    /// Where the line or circle that it is a part of crosses that of another; touching counts, within `slack`.
    pub fn crossings(&self, other: &Curve, slack: f64, mut found: impl FnMut(Point)) {
        match (*self, *other) {
            (Curve::Line(a, b), Curve::Line(c, d)) => {
                let (u, v) = (minus(b, a), minus(d, c));
                let across = cross(u, v);
                // Those that are parallel meet at their ends or nowhere.
                if across.abs() > 1e-12 * norm(u) * norm(v) {
                    found(plus(a, u, cross(minus(c, a), v) / across));
                }
            }
            (Curve::Line(a, b), Curve::Arc { centre, radius, .. })
            | (Curve::Arc { centre, radius, .. }, Curve::Line(a, b)) => {
                let u = unit(minus(b, a));
                let foot = plus(a, u, dot(minus(centre, a), u));
                two(foot, u, radius, norm(minus(centre, foot)), slack, found);
            }
            (Curve::Arc { centre, radius, .. }, Curve::Arc { centre: other, radius: second, .. }) => {
                let (u, apart) = (unit(minus(other, centre)), norm(minus(other, centre)));
                if apart <= slack {
                    return;
                }
                let along = 0.5 * (apart + (radius - second) * (radius + second) / apart);
                two(plus(centre, u, along), left(u), radius, along.abs(), slack, found);
            }
        }
    }
}

/// The points of a circle on a chord that goes through `foot`, `away` from its centre.
fn two(foot: Point, along: Point, radius: f64, away: f64, slack: f64, mut found: impl FnMut(Point)) {
    if away > radius + slack {
        return;
    }
    let half = ((radius - away) * (radius + away)).max(0.0).sqrt();
    found(plus(foot, along, half));
    found(plus(foot, along, -half));
}
