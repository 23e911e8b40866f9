//! The thickness at one sample: from it down to the surface, and from the other side up to it.

use super::place::{HALO, ThinKind};
use crate::vector::{Vector, cross, dot, norm, scale, sub};

/// How far apart the normals of a wall's two sides must be: the cosine of 162°. Sides that meet at a greater angle make an edge.
const OPPOSED: f64 = -0.95;
/// The same around what is thin in two directions, which is rarely hit in its middle: the cosine of 145°.
const OPPOSED_AROUND: f64 = -0.82;
/// Thinner than this many cells is rounding.
const LEAST_CELLS: f64 = 0.01;
/// Thicker than this many cells is thick.
const MOST_CELLS: f64 = 1.98;
/// Steps to the other side at most.
const STEPS: usize = 4;
/// The same where no sample on the way is on the other side of the surface.
const STEPS_LOST: usize = 2;
/// How far beside a wall is looked whether it goes on, in cells.
const BESIDE: f64 = 3.0;
/// Cosine and sine of eight angles over half a turn.
const AROUND: [[f64; 2]; 8] = [
    [1.0, 0.0],
    [0.924, 0.383],
    [0.707, 0.707],
    [0.383, 0.924],
    [0.0, 1.0],
    [-0.383, 0.924],
    [-0.707, 0.707],
    [-0.924, 0.383],
];
/// What is farther from the surface than this many cells is off the wall, or in a body that the wall belongs to.
const OFF: f64 = 0.85;

/// A measurement that came out thin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub kind: ThinKind,
    /// Thin in two directions at least.
    pub around: bool,
    /// The sample that was asked.
    pub sample: [u32; 3],
    pub at: [f64; 3],
    /// The samples on either side, in the world.
    pub ends: [[f64; 3]; 2],
    pub thickness: f64,
    pub cell: f64,
    pub lost: bool,
    /// The cosine between the normals: the nearer to −1, the more the measurement is one across the middle.
    pub cosine: f64,
}

impl Found {
    /// Numbers of [`Found::words`].
    pub const WORDS: usize = 18;

    /// As numbers, exactly.
    pub fn words(&self) -> [u64; Found::WORDS] {
        let kind = match self.kind {
            ThinKind::Wall => 0,
            ThinKind::Strut => 1,
            ThinKind::Gap => 2,
        };
        let [a, b] = self.ends;
        let reals = [&self.at[..], &a, &b, &[self.thickness, self.cell, self.cosine]].concat();
        let whole = [kind, u64::from(self.around), u64::from(self.lost)];
        let whole = whole.into_iter().chain(self.sample.map(u64::from));
        let mut all = whole.chain(reals.into_iter().map(f64::to_bits));
        std::array::from_fn(|_| all.next().expect("6 whole numbers and 12 reals"))
    }

    /// The other way round.
    pub fn of_words(words: &[u64; Found::WORDS]) -> Option<Found> {
        let [kind, around, lost, x, y, z] = *words.first_chunk()?;
        let kind = *[ThinKind::Wall, ThinKind::Strut, ThinKind::Gap].get(usize::try_from(kind).ok()?)?;
        let real = |i: usize| f64::from_bits(words[6 + i]);
        let vector = |i: usize| [real(i), real(i + 1), real(i + 2)];
        let whole = |v: u64| u32::try_from(v).ok();
        Some(Found {
            kind,
            around: flag(around)?,
            sample: [whole(x)?, whole(y)?, whole(z)?],
            at: vector(0),
            ends: [vector(3), vector(6)],
            thickness: real(9),
            cell: real(10),
            lost: flag(lost)?,
            cosine: real(11),
        })
    }
}

/// A number as yes or no.
pub(super) fn flag(word: u64) -> Option<bool> {
    (word < 2).then_some(word == 1)
}

/// Samples of the planes that are at hand.
pub(super) struct Window<'a> {
    pub n: [usize; 3],
    /// Which plane of the grid the first one is.
    pub first: usize,
    pub planes: Vec<&'a [f32]>,
    pub isovalue: f32,
}

impl Window<'_> {
    #[inline]
    pub fn row(&self, y: usize, z: usize) -> &[f32] {
        &self.planes[z - self.first][y * self.n[0]..][..self.n[0]]
    }

    #[inline(always)]
    fn at(&self, [x, y, z]: [usize; 3]) -> f64 {
        self.relative(self.planes[z - self.first][y * self.n[0] + x])
    }

    #[inline(always)]
    fn relative(&self, v: f32) -> f64 {
        f64::from(v) - f64::from(self.isovalue)
    }

    /// The trilinear interpolant at a place of the window, in cells.
    fn between(&self, cells: Vector) -> f64 {
        let low = cells.map(|c| c as usize);
        let corner = |c: usize| {
            let (mut p, mut weight) = (low, 1.0);
            for a in 0..3 {
                let share = cells[a] - low[a] as f64;
                let upper = c >> a & 1 == 1;
                weight *= if upper { share } else { 1.0 - share };
                p[a] += usize::from(upper);
            }
            if weight > 0.0 { weight * self.at(p) } else { 0.0 }
        };
        (0..8).map(corner).sum()
    }

    /// The value at an inner sample, and how the field rises from there along each axis, both turned by `sign`: told by the neighbour on the far
    /// side alone where a wall may be between the sample and that on the near side.
    #[inline(always)]
    fn rise(&self, [x, y, z]: [usize; 3], sign: f64) -> (f64, Vector) {
        let (nx, z) = (self.n[0], z - self.first);
        let i = y * nx + x;
        let [below, plane, above] = [self.planes[z - 1], self.planes[z], self.planes[z + 1]];
        let here = sign * self.relative(plane[i]);
        let beside = [[plane[i - 1], plane[i + 1]], [plane[i - nx], plane[i + nx]], [below[i], above[i]]];
        let rise = beside.map(|pair| {
            let [low, high] = pair.map(|v| sign * self.relative(v) - here);
            let central = 0.5 * (high - low);
            // Through a wall the field would have sunk by twice the value here at least: else there is none on this axis.
            match here <= central.abs() {
                true if central > 0.0 => high,
                true => -low,
                false => central,
            }
        });
        (here, rise)
    }

    /// Whether all neighbours of a sample exist.
    #[inline]
    fn is_inner(&self, p: [usize; 3]) -> bool {
        (0..3).all(|a| p[a] >= 1 && p[a] + 1 < self.n[a])
    }
}

/// Where samples are in the world.
pub(super) struct Frame {
    origin: [f64; 3],
    steps: [[f64; 3]; 3],
    /// Rows of the inverse of the matrix whose columns are the steps: world to samples.
    inverse: [[f64; 3]; 3],
    /// The inverse times its transposed: from a field's rises along the steps to its gradient, in samples.
    metric: [[f64; 3]; 3],
}

/// a + times · b.
#[inline]
fn plus(a: Vector, b: Vector, times: f64) -> Vector {
    [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]]
}

/// Beside the surface: which way it lies and how far.
struct Side {
    /// Away from the surface, unit.
    normal: Vector,
    distance: f64,
    /// The field's rise per model unit, away from the surface.
    slope: f64,
}

impl Frame {
    pub fn new(origin: Vector, steps: [Vector; 3]) -> Frame {
        let [a, b, c] = steps;
        let volume = dot(a, cross(b, c));
        let inverse = [cross(b, c), cross(c, a), cross(a, b)].map(|r| scale(r, 1.0 / volume));
        let metric = inverse.map(|r| inverse.map(|c| dot(r, c)));
        Frame { origin, steps, inverse, metric }
    }

    pub fn is_regular(&self) -> bool {
        self.inverse.iter().flatten().chain(&self.origin).all(|v| v.is_finite())
    }

    fn position(&self, p: [usize; 3]) -> Vector {
        let mut at = self.origin;
        for a in 0..3 {
            at = plus(at, self.steps[a], p[a] as f64);
        }
        at
    }

    /// A direction of the world as the nearest of the 26 to a sample's neighbours.
    #[inline]
    fn direction(&self, n: Vector) -> [isize; 3] {
        nearest(self.inverse.map(|r| dot(r, n)))
    }

    /// The width of a cell in this direction.
    fn cell(&self, n: Vector) -> f64 {
        let u = self.inverse.map(|r| dot(r, n));
        1.0 / norm(u)
    }

    /// How the surface lies as seen from sample `p`. `sign` turns values so that they rise away from the surface.
    #[inline]
    fn side(&self, window: &Window, p: [usize; 3], sign: f64) -> Option<Side> {
        if !window.is_inner(p) {
            return None;
        }
        let (here, rise) = window.rise(p, sign);
        let mut gradient = [0.0; 3];
        for a in 0..3 {
            gradient = plus(gradient, self.inverse[a], rise[a]);
        }
        let steep = norm(gradient);
        if !(steep > 0.0 && steep.is_finite()) {
            return None;
        }
        let normal = scale(gradient, 1.0 / steep);
        // Along the way to the farther neighbour the field of a round surface rises evenly too.
        let away = self.direction(normal);
        let step = self.step(away);
        let slope = (sign * window.at(moved(p, away, 1)) - here) / dot(step, normal);
        (slope > 0.0).then(|| Side { normal, distance: here / slope, slope })
    }

    fn step(&self, direction: [isize; 3]) -> Vector {
        let mut step = [0.0; 3];
        for a in 0..3 {
            step = plus(step, self.steps[a], direction[a] as f64);
        }
        step
    }

    /// The thickness of what lies between sample `p` and the first sample of its sign across the surface, if it is less than two cells.
    pub fn measure(&self, window: &Window, p: [usize; 3]) -> Option<Found> {
        let value = window.at(p);
        let sign = if value < 0.0 { -1.0 } else { 1.0 };
        // Most samples have nothing across the surface: that is asked first.
        let (_, rise) = window.rise(p, sign);
        let towards = nearest(self.metric.map(|r| -dot(r, rise)));
        let (end, first) = across(window, p, towards, sign)?;
        let mut near = self.side(window, p, sign)?;
        let lost = first.is_none();
        for steps in 1..=end {
            // Between two samples of one sign the wall may be before or behind any sample on the way.
            if lost || steps == end {
                let q = moved(p, towards, steps as isize);
                if let Some(mut far) = self.side(window, q, sign)
                    && dot(near.normal, far.normal) < OPPOSED_AROUND
                {
                    if let Some(first) = first {
                        self.between(&mut near, towards, value, first);
                        let before = window.at(moved(q, towards, -1));
                        self.between(&mut far, towards, window.at(q), before);
                    }
                    let found = self.found(window, [p, q], [&near, &far], sign, lost);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    /// The surface is where the values between two samples have their zero, if that is nearer.
    fn between(&self, side: &mut Side, along: [isize; 3], value: f64, other: f64) {
        let step = dot(self.step(along), side.normal).abs();
        side.distance = side.distance.min(value / (value - other) * step);
    }

    fn found(
        &self,
        window: &Window,
        samples: [[usize; 3]; 2],
        sides: [&Side; 2],
        sign: f64,
        lost: bool,
    ) -> Option<Found> {
        let ends = samples.map(|p| self.position(p));
        let [n, m] = sides.map(|s| s.normal);
        let feet = [0, 1].map(|i| plus(ends[i], sides[i].normal, -sides[i].distance));
        let apart = sub(n, m);
        let thickness = dot(sub(feet[0], feet[1]), apart) / (1.0 - dot(n, m));
        let across = scale(apart, 1.0 / norm(apart));
        let cell = self.cell(across);
        if !(thickness > LEAST_CELLS * cell && thickness < MOST_CELLS * cell) {
            return None;
        }
        let at = [0, 1, 2].map(|a| 0.5 * (feet[0][a] + feet[1][a]));
        let slope = 0.5 * sign * (sides[0].slope + sides[1].slope);
        let around = match self.beside(window, samples[0], at, across, slope) {
            Beside::Edge => return None,
            Beside::Sheet if dot(n, m) > OPPOSED => return None,
            beside => beside == Beside::Rod,
        };
        let kind = match (sign > 0.0, around) {
            (false, _) => ThinKind::Gap,
            (true, true) => ThinKind::Strut,
            (true, false) => ThinKind::Wall,
        };
        let sample = samples[0].map(|v| v as u32);
        Some(Found { kind, around, sample, at, ends, thickness, cell, lost, cosine: dot(n, m) })
    }

    /// What the thin place is a part of, told from sixteen places around it across the thickness. Looks no farther than the grid goes,
    /// and [`HALO`] planes from the asked sample `p`.
    fn beside(&self, window: &Window, p: [usize; 3], at: Vector, across: Vector, slope: f64) -> Beside {
        let least = (0..3).min_by(|a, b| across[*a].abs().total_cmp(&across[*b].abs())).unwrap_or(0);
        let mut axis = [0.0; 3];
        axis[least] = 1.0;
        let u = cross(across, axis);
        let u = scale(u, 1.0 / norm(u));
        let v = cross(across, u);
        let mut off = 0;
        for [i, k] in AROUND {
            let cells_off = [1.0, -1.0].map(|side| {
                let along = plus(scale(u, side * i), v, side * k);
                let cell = self.cell(along);
                let beside = sub(plus(at, along, BESIDE * cell), self.origin);
                let sample = |a: usize| {
                    let reach = if a == 2 { HALO } else { window.n[a] };
                    let (least, most) = (p[a].saturating_sub(reach), (p[a] + reach).min(window.n[a] - 1));
                    dot(self.inverse[a], beside).clamp(least as f64, most as f64)
                };
                window.between([sample(0), sample(1), sample(2)]) / (slope * cell)
            });
            if cells_off.iter().any(|c| *c > OFF) && cells_off.iter().any(|c| *c < -OFF) {
                return Beside::Edge;
            }
            off += cells_off.iter().filter(|c| **c > OFF).count();
        }
        if off > AROUND.len() { Beside::Rod } else { Beside::Sheet }
    }
}

/// What a thin place belongs to.
#[derive(PartialEq)]
enum Beside {
    /// A wall: it goes on beside the place.
    Sheet,
    /// A strut or a speck: most of what lies beside it is of the asked sample's sign.
    Rod,
    /// The edge of a body.
    Edge,
}

#[inline]
fn moved(p: [usize; 3], by: [isize; 3], times: isize) -> [usize; 3] {
    [0, 1, 2].map(|a| p[a].wrapping_add_signed(by[a] * times))
}

/// A direction in samples as the nearest of the 26 to a sample's neighbours: below tan 22.5° of the greatest a component rather stays.
#[inline(always)]
fn nearest(u: Vector) -> [isize; 3] {
    let least = 0.414 * u[0].abs().max(u[1].abs()).max(u[2].abs());
    u.map(|v| isize::from(v > least) - isize::from(v < -least))
}

/// How many steps it is to the first sample of this sign across the surface, and the value of the first step if that is of the
/// other sign. Without any of the other sign: as many steps as are looked at.
fn across(window: &Window, p: [usize; 3], towards: [isize; 3], sign: f64) -> Option<(usize, Option<f64>)> {
    // Steps to the last inner sample.
    let room = |a: usize| match towards[a] {
        1 => window.n[a] - 2 - p[a],
        -1 => p[a] - 1,
        _ => STEPS,
    };
    let room = room(0).min(room(1)).min(room(2));
    let row = window.n[0] as isize;
    let (mut i, mut z) = (p[1] * window.n[0] + p[0], p[2] - window.first);
    let mut first = None;
    for steps in 1..=STEPS {
        if steps > room {
            return None;
        }
        i = i.wrapping_add_signed(towards[1] * row + towards[0]);
        z = z.wrapping_add_signed(towards[2]);
        let value = window.relative(window.planes[z][i]);
        let same = (value < 0.0) == (sign < 0.0);
        match (same, first) {
            (false, None) if steps == 1 => first = Some(value),
            // The surface begins behind a sample that is asked itself.
            (false, None) => return None,
            (false, Some(_)) => {}
            (true, Some(_)) => return Some((steps, first)),
            (true, None) if steps == STEPS_LOST => return Some((steps, None)),
            (true, None) => {}
        }
    }
    None
}
