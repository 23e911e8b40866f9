//! Fewer points: what lies within a tolerance of the rest goes.
//!
//! # Promises
//! Every point that is left out lies within the tolerance of the edge that replaces it; the points kept are kept as
//! they are. With tolerance 0 only points exactly on the line between their neighbours go. No edge that replaces points crosses or touches another
//! edge, of its own polygon or another's, none passes over another polygon, and none turns its own inside out: where one would, it is given
//! back its farthest point until none does. So islands and holes smaller than the tolerance stay, as triangles at least.
//!
//! # Source
//! Douglas and Peucker 1973, with the two farthest ends found by two sweeps; crossings are mended as by Saalfeld 1999.

use super::crossings::crossings;
use super::polygon::signed_area;
use crate::monitor::{Cancelled, Monitor};

/// A closed polygon whose first point is kept, and which of its points are.
struct Ring {
    /// The last joins the first.
    points: Vec<[f64; 2]>,
    keep: Vec<bool>,
}

/// Removes points from closed polygons, which do not cross. They stay in their order.
pub(super) fn simplify(
    polygons: Vec<Vec<[f64; 2]>>,
    tolerance: f64,
    monitor: &Monitor,
) -> Result<Vec<Vec<[f64; 2]>>, Cancelled> {
    let straight = polygons.into_iter().map(|p| without_straight(&p));
    if tolerance.is_nan() || tolerance <= 0.0 {
        return Ok(straight.collect());
    }
    let mut rings: Vec<Ring> = straight.map(|points| Ring::new(points, tolerance)).collect();
    loop {
        monitor.check()?;
        // Edges, and of each its ring and first and last point there.
        let (mut edges, mut of) = (vec![], vec![]);
        for (r, ring) in rings.iter().enumerate() {
            ring.each_edge(|from, to| {
                edges.push([ring.points[from], ring.points[to % ring.points.len()]]);
                of.push((r, from, to));
            });
        }
        let free = |i: u32| of[i as usize].2 - of[i as usize].1 > 1;
        let mut bad = crossings(&edges, free, monitor)?;
        let inside_out: Vec<bool> = rings.iter().map(Ring::is_inside_out).collect();
        let firsts = Firsts::new(&rings);
        bad.extend((0..of.len() as u32).filter(|&i| {
            let (r, from, to) = of[i as usize];
            free(i) && (inside_out[r] || firsts.any_between(r, &rings[r], from, to))
        }));
        bad.sort_unstable();
        bad.dedup();
        bad.retain(|&i| free(i));
        if bad.is_empty() {
            return Ok(rings.iter().map(Ring::kept).collect());
        }
        for i in bad {
            let (r, from, to) = of[i as usize];
            let (at, _) = rings[r].worst(from, to);
            rings[r].keep[at] = true;
        }
    }
}

impl Ring {
    /// As few points as the tolerance allows, two of them far from each other.
    fn new(mut points: Vec<[f64; 2]>, tolerance: f64) -> Ring {
        let n = points.len();
        if n <= 3 {
            return Ring { points, keep: vec![true; n] };
        }
        let a = farthest(&points, points[0]);
        points.rotate_left(a);
        let b = farthest(&points, points[0]);
        let mut ring = Ring { points, keep: vec![false; n] };
        (ring.keep[0], ring.keep[b]) = (true, true);
        let mut open = vec![(0, b), (b, n)];
        while let Some((from, to)) = open.pop() {
            let (at, d) = ring.worst(from, to);
            if d > tolerance * tolerance {
                ring.keep[at] = true;
                open.extend([(from, at), (at, to)]);
            }
        }
        ring
    }

    /// The point between two (of a ring gone round, `to` may be its length) that is farthest from the edge between them, and its squared distance.
    fn worst(&self, from: usize, to: usize) -> (usize, f64) {
        let [a, b] = [self.points[from], self.points[to % self.points.len()]];
        let mut worst = (from + 1, 0.0);
        for i in from + 1..to {
            let d = distance2(self.points[i], a, b);
            if d > worst.1 {
                worst = (i, d);
            }
        }
        worst
    }

    /// Calls `each` with the first and last point of every edge between kept points.
    fn each_edge(&self, mut each: impl FnMut(usize, usize)) {
        if self.points.len() < 3 {
            return;
        }
        let kept = (0..self.points.len()).filter(|i| self.keep[*i]);
        let mut from = 0;
        for to in kept.skip(1).chain([self.points.len()]) {
            each(from, to);
            from = to;
        }
    }

    fn kept(&self) -> Vec<[f64; 2]> {
        self.points.iter().zip(&self.keep).filter_map(|(p, &kept)| kept.then_some(*p)).collect()
    }

    /// Whether its kept points enclose nothing or run round it the other way than all.
    fn is_inside_out(&self) -> bool {
        signed_area(&self.kept()) * signed_area(&self.points) <= 0.0
    }
}

/// A point of every ring, by x.
struct Firsts(Vec<([f64; 2], usize)>);

impl Firsts {
    fn new(rings: &[Ring]) -> Firsts {
        let with_points = rings.iter().enumerate().filter(|(_, r)| !r.points.is_empty());
        let mut firsts: Vec<([f64; 2], usize)> = with_points.map(|(i, r)| (r.points[0], i)).collect();
        firsts.sort_unstable_by(|a, b| a.0[0].total_cmp(&b.0[0]));
        Firsts(firsts)
    }

    /// Whether one of another ring than `own`, which is number `r`, lies between an edge and what it replaces.
    fn any_between(&self, r: usize, own: &Ring, from: usize, to: usize) -> bool {
        let n = own.points.len();
        let at = |i: usize| own.points[if i == n { 0 } else { i }];
        let range = |k: usize| {
            (from..=to)
                .map(|i| at(i)[k])
                .fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], c| [l.min(c), h.max(c)])
        };
        let ([left, right], [low, high]) = (range(0), range(1));
        let first = self.0.partition_point(|(p, _)| p[0] < left);
        let near = self.0[first..].iter().take_while(|(p, _)| p[0] <= right);
        near.filter(|(p, ring)| *ring != r && (low..=high).contains(&p[1])).any(|([x, y], _)| {
            let next = |i: usize| if i == to { at(from) } else { at(i + 1) };
            let crossed = (from..=to).map(|i| (at(i), next(i))).filter(|(a, b)| {
                (a[1] > *y) != (b[1] > *y) && *x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
            });
            crossed.count() % 2 == 1
        })
    }
}

/// Without repeated points and points on the line between their neighbours.
fn without_straight(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::with_capacity(points.len());
    for &p in points {
        while let [.., before, last] = kept[..]
            && between(before, last, p)
        {
            kept.pop();
        }
        if kept.last() != Some(&p) {
            kept.push(p);
        }
    }
    // Where the ends meet.
    let mut from = 0;
    loop {
        match kept[from..] {
            [first, .., before, last] if last == first || between(before, last, first) => _ = kept.pop(),
            [first, second, .., last] if between(last, first, second) => from += 1,
            _ => break,
        }
    }
    kept.drain(..from);
    kept
}

/// Whether `p` lies exactly on the way from `a` to `b`.
fn between(a: [f64; 2], p: [f64; 2], b: [f64; 2]) -> bool {
    let (u, v) = ([p[0] - a[0], p[1] - a[1]], [b[0] - p[0], b[1] - p[1]]);
    u[0] * v[1] == u[1] * v[0] && u[0] * v[0] + u[1] * v[1] >= 0.0
}

fn farthest(points: &[[f64; 2]], from: [f64; 2]) -> usize {
    let d = |p: &[f64; 2]| (p[0] - from[0]) * (p[0] - from[0]) + (p[1] - from[1]) * (p[1] - from[1]);
    let mut best = 0;
    for i in 1..points.len() {
        if d(&points[i]) > d(&points[best]) {
            best = i;
        }
    }
    best
}

/// Squared distance of `p` from the segment `a`–`b`.
fn distance2(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (e, v) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length2 = e[0] * e[0] + e[1] * e[1];
    let t = if length2 > 0.0 { ((v[0] * e[0] + v[1] * e[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let q = [v[0] - t * e[0], v[1] - t * e[1]];
    q[0] * q[0] + q[1] * q[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(points: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
        simplify(vec![points.to_vec()], tolerance, &Monitor::none()).unwrap().remove(0)
    }

    #[test]
    fn a_hole_near_the_outline_stays_inside_and_a_gap_stays_open() {
        // A square with a bulge upwards that holds a small hole, and a square above that follows the bulge.
        let outer = vec![[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [5.0, 9.8], [4.0, 9.8], [0.0, 9.0]];
        let hole = vec![[4.4, 9.5], [4.5, 9.6], [4.6, 9.5]];
        let above = vec![[0.0, 9.2], [4.0, 9.9], [5.0, 9.9], [9.0, 9.2], [9.0, 19.0], [0.0, 19.0]];
        let all = vec![outer.clone(), hole.clone(), above.clone()];
        let found = simplify(all, 1.0, &Monitor::none()).unwrap();
        assert_eq!(found[1].len(), 3);
        assert!(signed_area(&found[1]) < 0.0 && signed_area(&found[0]) > 81.0);
        // Alone each loses its bulge.
        assert_eq!((one(&outer, 1.0).len(), one(&above, 1.0).len()), (4, 4));
    }

    #[test]
    fn straight_points_go_and_corners_stay() {
        let square =
            [[1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 2.0], [1.0, 2.0], [0.0, 2.0], [0.0, 1.0], [0.0, 0.0]];
        for turn in 0..square.len() {
            let mut points = square.to_vec();
            points.rotate_left(turn);
            assert_eq!(one(&points, 0.0).len(), 4, "{turn}");
        }
        assert!(one(&[[1.0, 1.0]; 5], 0.0).len() < 3);
    }

    #[test]
    fn a_circle_keeps_to_its_tolerance() {
        let n = 1000;
        let points: Vec<[f64; 2]> = (0..n)
            .map(|i| std::f64::consts::TAU * f64::from(i) / f64::from(n))
            .map(|t| [10.0 * t.cos(), 10.0 * t.sin()])
            .collect();
        for tolerance in [0.001, 0.01, 0.1] {
            let few = one(&points, tolerance);
            let worst = points
                .iter()
                .map(|&p| {
                    let edges = few.iter().zip(few.iter().cycle().skip(1));
                    edges.map(|(&a, &b)| distance2(p, a, b)).fold(f64::INFINITY, f64::min).sqrt()
                })
                .fold(0.0, f64::max);
            assert!(worst <= tolerance, "{worst} > {tolerance}");
            // The sagitta of n equal arcs is r(1 - cos(pi/n)); bisecting needs at most twice as many.
            let fewest = std::f64::consts::PI / (1.0 - tolerance / 10.0).acos();
            assert!((few.len() as f64) < 2.5 * fewest, "{} points, {fewest} would do", few.len());
        }
    }
}
