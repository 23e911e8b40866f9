//! The distance to the zero set of a trilinear interpolant, to a ten-thousandth of a cell: cells are halved along every axis until
//! what is left of them cannot hold anything nearer.
//!
//! # Method
//! A part of a cell holds no zero where its eight corners have one sign, for the interpolant is a mean of them. In any other f = L + Q with L the
//! linear function nearest to the corners; so its zeros lie where −L is between the least and the most of Q at the
//! corners: in a slab, and in the box of the part. No zero is nearer than both together. On the edges of a part f is linear and its zeros
//! are exact.

use super::fields::Field;

/// What is found may be too far by this much, in cells of the finest spacing.
const TOLERANCE: f64 = 1e-4;
/// Parts are no smaller than this share of a cell.
const SMALLEST: f64 = 1.0 / 65536.0;

/// A box of which the interpolant's corners are known.
#[derive(Clone, Copy)]
struct Part {
    low: [f64; 3],
    size: [f64; 3],
    /// Bit 0 of the number along x, 1 along y, 2 along z.
    corners: [f64; 8],
    /// Share of a cell along each axis.
    share: f64,
}

/// The surface of a solid whose samples at 0 are decided.
pub struct ZeroSet {
    cells: Vec<Part>,
    /// Samples at 0 beside the solid.
    points: Vec<[f64; 3]>,
    tolerance: f64,
}

impl ZeroSet {
    /// Of a field that is regular.
    pub fn of(field: &Field) -> ZeroSet {
        let (n, h) = (field.n(), field.patch.spacing());
        let value = |at: [usize; 3]| f64::from(field.samples[(at[2] * n[1] + at[1]) * n[0] + at[0]]);
        let (mut cells, mut points) = (vec![], vec![]);
        for i in 0..n[0] * n[1] * n[2] {
            let at = [i % n[0], i / n[0] % n[1], i / (n[0] * n[1])];
            let near = |a: usize| at[a].saturating_sub(1)..(at[a] + 2).min(n[a]);
            let beside_solid = || near(2).any(|z| near(1).any(|y| near(0).any(|x| value([x, y, z]) < 0.0)));
            if value(at) == 0.0 && beside_solid() {
                points.push(field.place(i));
            }
            // Along an axis with one sample a cell is flat.
            if (0..3).all(|a| at[a] + 1 < n[a].max(2)) {
                let corner = |k: usize| value([0, 1, 2].map(|a| (at[a] + (k >> a & 1)).min(n[a] - 1)));
                let part =
                    Part { low: field.place(i), size: h, corners: std::array::from_fn(corner), share: 1.0 };
                cells.extend(part.has_zeros().then_some(part));
            }
        }
        ZeroSet { cells, points, tolerance: TOLERANCE * field.cell() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.points.is_empty()
    }

    /// The distance from `p` to it.
    pub fn distance(&self, p: [f64; 3]) -> f64 {
        let on_edges = self.cells.iter().flat_map(Part::crossings);
        let nearest = on_edges.chain(self.points.iter().copied()).map(|q| apart2(p, q));
        let mut best = nearest.fold(f64::INFINITY, f64::min).sqrt();
        let mut open: Vec<(f64, Part)> = self.cells.iter().map(|c| (c.least(p), *c)).collect();
        // The nearest is looked at first.
        open.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        while let Some((least, part)) = open.pop() {
            if least > best - self.tolerance {
                continue;
            }
            let mut within: Vec<(f64, Part)> =
                part.halves().filter(Part::has_zeros).map(|h| (h.least(p), h)).collect();
            for (_, half) in &within {
                best = half.crossings().map(|q| apart2(p, q).sqrt()).fold(best, f64::min);
            }
            if part.share > SMALLEST {
                within.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
                open.extend(within);
            }
        }
        best
    }
}

impl Part {
    fn has_zeros(&self) -> bool {
        self.corners.iter().any(|c| *c < 0.0) && self.corners.iter().any(|c| *c >= 0.0)
    }

    /// Zeros on its edges.
    fn crossings(&self) -> impl Iterator<Item = [f64; 3]> {
        (0..24).filter_map(|i| {
            let (k, a) = (i / 3, i % 3);
            let (from, to) = (self.corners[k], self.corners[k | 1 << a]);
            (k >> a & 1 == 0 && (from < 0.0) != (to < 0.0)).then(|| {
                let along = |b: usize| if b == a { from / (from - to) } else { (k >> b & 1) as f64 };
                std::array::from_fn(|b| self.low[b] + self.size[b] * along(b))
            })
        })
    }

    /// No zero in it is nearer to `p`.
    fn least(&self, p: [f64; 3]) -> f64 {
        let side = |k: usize, a: usize| if k >> a & 1 == 1 { 1.0 } else { -1.0 };
        let mean = self.corners.iter().sum::<f64>() / 8.0;
        // Half of what f grows by along each axis.
        let slope = [0, 1, 2].map(|a| (0..8).map(|k| side(k, a) * self.corners[k]).sum::<f64>() / 8.0);
        let rest = |k: usize| self.corners[k] - mean - (0..3).map(|a| side(k, a) * slope[a]).sum::<f64>();
        let (least, most) =
            (0..8).map(rest).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), r| (l.min(r), m.max(r)));
        let half = self.size.map(|s| 0.5 * s);
        let seen: [f64; 3] = std::array::from_fn(|a| p[a] - self.low[a] - half[a]);
        let beyond = |from: [f64; 3], low: [f64; 3], high: [f64; 3]| -> f64 {
            (0..3).map(|a| (low[a] - from[a]).max(from[a] - high[a]).max(0.0).powi(2)).sum()
        };
        let box2 = beyond(seen, half.map(|h| -h), half);
        let g: [f64; 3] = std::array::from_fn(|a| if half[a] > 0.0 { slope[a] / half[a] } else { 0.0 });
        let size = apart2(g, [0.0; 3]).sqrt();
        if size < 1e-300 {
            return box2.sqrt();
        }
        let normal = g.map(|g| g / size);
        let slack = 1e-12 * self.corners.iter().fold(0.0f64, |m, c| m.max(c.abs()));
        let (low, high) = ((-mean - most - slack) / size, (-mean - least + slack) / size);
        let height = (0..3).map(|a| normal[a] * seen[a]).sum::<f64>();
        let across = (low - height).max(height - high).max(0.0);
        let along: [f64; 3] = std::array::from_fn(|a| seen[a] - height * normal[a]);
        let ends = |a: usize| (low * normal[a], high * normal[a]);
        let from = std::array::from_fn(|a| -half[a] - ends(a).0.max(ends(a).1));
        let to = std::array::from_fn(|a| half[a] - ends(a).0.min(ends(a).1));
        box2.max(across * across + beyond(along, from, to)).sqrt()
    }

    /// Its eight halves.
    fn halves(&self) -> impl Iterator<Item = Part> {
        let at = |u: [f64; 3]| -> f64 {
            let weight = |k: usize| -> f64 {
                (0..3).map(|a| if k >> a & 1 == 1 { u[a] } else { 1.0 - u[a] }).product()
            };
            (0..8).map(|k| weight(k) * self.corners[k]).sum()
        };
        (0..8).map(move |h: usize| {
            let first = [0, 1, 2].map(|a| 0.5 * (h >> a & 1) as f64);
            Part {
                low: std::array::from_fn(|a| self.low[a] + first[a] * self.size[a]),
                size: self.size.map(|s| 0.5 * s),
                corners: std::array::from_fn(|k| at([0, 1, 2].map(|a| first[a] + 0.5 * (k >> a & 1) as f64))),
                share: 0.5 * self.share,
            }
        })
    }
}

fn apart2(p: [f64; 3], q: [f64; 3]) -> f64 {
    (0..3).map(|a| (p[a] - q[a]).powi(2)).sum()
}
