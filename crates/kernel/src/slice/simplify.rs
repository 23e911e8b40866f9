//! Fewer points: what lies within a tolerance of the rest goes.
//!
//! # Promises
//! Every point that is left out lies within the tolerance of the edge that replaces it; the points kept are kept as
//! they are. With tolerance 0 only points exactly on the line between their neighbours go.
//!
//! # Limits
//! Polygons are treated one by one: with a tolerance of the order of the gap between two of them they may touch.
//!
//! # Source
//! Douglas and Peucker 1973, with the two farthest ends found by two sweeps.

/// Removes points from a closed polygon.
pub(super) fn simplify(points: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    let straight = without_straight(points);
    if tolerance.is_nan() || tolerance <= 0.0 || straight.len() <= 3 {
        return straight;
    }
    let points = straight;
    // Two points that stay: one far from the first, and one far from that.
    let a = farthest(&points, points[0]);
    let b = farthest(&points, points[a]);
    let (a, b) = (a.min(b), a.max(b));
    if a == b {
        return points;
    }
    // One list that runs from a round to a again, with b inside.
    let around: Vec<[f64; 2]> = points[a..].iter().chain(&points[..=a]).copied().collect();
    let mut keep = vec![false; around.len()];
    (keep[0], keep[b - a]) = (true, true);
    let mut open = vec![(0, b - a), (b - a, around.len() - 1)];
    while let Some((from, to)) = open.pop() {
        let (mut worst, mut at) = (tolerance * tolerance, None);
        for i in from + 1..to {
            let d = distance2(around[i], around[from], around[to]);
            if d > worst {
                (worst, at) = (d, Some(i));
            }
        }
        if let Some(i) = at {
            keep[i] = true;
            open.extend([(from, i), (i, to)]);
        }
    }
    around.iter().zip(&keep).filter_map(|(p, &kept)| kept.then_some(*p)).collect()
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

    #[test]
    fn straight_points_go_and_corners_stay() {
        let square =
            [[1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 2.0], [1.0, 2.0], [0.0, 2.0], [0.0, 1.0], [0.0, 0.0]];
        for turn in 0..square.len() {
            let mut points = square.to_vec();
            points.rotate_left(turn);
            assert_eq!(simplify(&points, 0.0).len(), 4, "{turn}");
        }
        assert!(simplify(&[[1.0, 1.0]; 5], 0.0).len() < 3);
    }

    #[test]
    fn a_circle_keeps_to_its_tolerance() {
        let n = 1000;
        let points: Vec<[f64; 2]> = (0..n)
            .map(|i| std::f64::consts::TAU * f64::from(i) / f64::from(n))
            .map(|t| [10.0 * t.cos(), 10.0 * t.sin()])
            .collect();
        for tolerance in [0.001, 0.01, 0.1] {
            let few = simplify(&points, tolerance);
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
