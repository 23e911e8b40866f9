//! Which edges of polygons cross or touch others than their neighbours.

use crate::monitor::{Cancelled, Monitor};
use std::collections::HashMap;

/// An edge enters so many squares of the grid at most; longer ones make the squares larger.
const SQUARES_PER_EDGE: f64 = 4.0;

/// Share of the lengths at hand that rounding may make of a turn.
const ROUNDING: f64 = 1e-12;

/// The edges, in order, that cross or touch another one elsewhere than in an end of both. Pairs of which neither is `asked` are not looked at.
///
/// A uniform grid of squares finds the pairs; its squares are as large as edges are on average.
pub(super) fn crossings(
    edges: &[[[f64; 2]; 2]],
    asked: impl Fn(u32) -> bool,
    monitor: &Monitor,
) -> Result<Vec<u32>, Cancelled> {
    let length = |e: &[[f64; 2]; 2]| (e[1][0] - e[0][0]).abs() + (e[1][1] - e[0][1]).abs();
    let total: f64 = edges.iter().map(length).sum();
    let size = SQUARES_PER_EDGE * total / edges.len().max(1) as f64;
    if !(size.is_finite() && size > 0.0) {
        return Ok(vec![]);
    }
    let mut squares: HashMap<[i64; 2], Vec<u32>> = HashMap::new();
    for (i, e) in edges.iter().enumerate() {
        if i % 4096 == 0 {
            monitor.check()?;
        }
        each_square(e, size, |square| squares.entry(square).or_default().push(i as u32));
    }
    let mut bad = vec![];
    for (n, i) in (0..edges.len() as u32).filter(|i| asked(*i)).enumerate() {
        if n % 1024 == 0 {
            monitor.check()?;
        }
        each_square(&edges[i as usize], size, |square| {
            for &k in &squares[&square] {
                if k != i && meet(edges[i as usize], edges[k as usize]) {
                    bad.extend([i, k]);
                }
            }
        });
    }
    bad.sort_unstable();
    bad.dedup();
    Ok(bad)
}

/// Calls `each` with every square that the edge may pass: column by column those between its lowest and highest place there, with a hair
/// of room on all sides.
fn each_square([a, b]: &[[f64; 2]; 2], size: f64, mut each: impl FnMut([i64; 2])) {
    let room = 1e-9 * size;
    let (a, b) = if a[0] <= b[0] { (a, b) } else { (b, a) };
    let square = |c: f64| (c / size).floor() as i64;
    let y_at = |x: f64| match b[0] - a[0] {
        w if w > 0.0 => a[1] + (b[1] - a[1]) * ((x - a[0]) / w).clamp(0.0, 1.0),
        _ => a[1],
    };
    for column in square(a[0] - room)..=square(b[0] + room) {
        let (left, right) = (column as f64 * size, (column + 1) as f64 * size);
        let ends = if a[0] == b[0] { [a[1], b[1]] } else { [y_at(left - room), y_at(right + room)] };
        let (low, high) = (ends[0].min(ends[1]) - room, ends[0].max(ends[1]) + room);
        (square(low)..=square(high)).for_each(|row| each([column, row]));
    }
}

/// Whether two edges have a point in common that is not an end of both; in doubt they have.
fn meet([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let apart = |k: usize| a[k].max(b[k]) < c[k].min(d[k]) || c[k].max(d[k]) < a[k].min(b[k]);
    if apart(0) || apart(1) {
        return false;
    }
    let shared = [a, b].iter().filter(|p| **p == c || **p == d).count();
    let [abc, abd, cda, cdb] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
    match shared {
        0 => abc * abd <= 0.0 && cda * cdb <= 0.0,
        // They run on from a common end: apart unless they lie on one line and on one side of it.
        1 => {
            let (p, q) = if a == c || a == d { (a, b) } else { (b, a) };
            let r = if p == c { d } else { c };
            let along = (q[0] - p[0]) * (r[0] - p[0]) + (q[1] - p[1]) * (r[1] - p[1]);
            turn(p, q, r) == 0.0 && along > 0.0
        }
        _ => true,
    }
}

/// Twice the area of a triangle, with its sign; 0 where rounding leaves that open.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    let (u, v) = ([b[0] - a[0], b[1] - a[1]], [c[0] - a[0], c[1] - a[1]]);
    let (x, y) = (u[0] * v[1], u[1] * v[0]);
    let turn = x - y;
    if turn.abs() <= ROUNDING * (x.abs() + y.abs()) { 0.0 } else { turn }
}
