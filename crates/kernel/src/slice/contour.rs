//! Contours of a plane: closed, oriented polygons by marching squares.
//!
//! # Promises
//! Vertices lie on the edges between samples, exact for the linear interpolant but for 1/65536 of a cell, by which
//! they are drawn to a sample. Polygons are closed, material on the left, so outer ones run counter-clockwise and
//! holes clockwise, and nested ones alternate. Ambiguous cells follow the bilinear interpolant. Where material reaches
//! the border of the plane, the polygon runs along the border. No two neighbouring points are equal. Polygons may
//! touch where the contour runs through a sample.
//!
//! # Source
//! Maple, "Geometric design and space planning using the marching squares and marching cube algorithms" (2003).

use super::cell::{crossing, pieces, saddle_inside};
use super::simplify::simplify;
use super::{Plane, Polygon};
use crate::monitor::{Cancelled, Monitor};
use crate::regular::is_inside;
use rayon::prelude::*;

/// Rows of cells that one task looks at.
const ROWS_PER_TASK: usize = 32;

/// Cell `x` of its row, and the sides by which the contour enters and leaves.
#[derive(Clone, Copy, Debug)]
struct Piece {
    x: u32,
    from: u8,
    to: u8,
}

/// All contours at `iso`, in the order of their lowest, then leftmost cell.
///
/// Points that lie within `tolerance` mm of the rest are left out (0: only those exactly on a line), and polygons that do not cross without that
/// do not with it.
pub fn contours(
    plane: &Plane,
    iso: f32,
    tolerance: f64,
    monitor: &Monitor,
) -> Result<Vec<Polygon>, Cancelled> {
    if plane.resolution().iter().any(|&n| n < 2) {
        return Ok(Vec::new());
    }
    let (pieces, row_start) = all_pieces(plane, iso, monitor)?;
    let mut seen = vec![false; pieces.len()];
    let mut rings = Vec::new();
    let mut row = 0;
    for first in 0..pieces.len() {
        if first.is_multiple_of(1 << 16) {
            monitor.check()?;
        }
        while row_start[row + 1] <= first {
            row += 1;
        }
        if seen[first] {
            continue;
        }
        let mut points = Vec::new();
        let (mut at, mut y) = (first, row);
        while !seen[at] {
            seen[at] = true;
            let piece = pieces[at];
            points.push(point(plane, iso, piece, y));
            // The next piece starts where this one ends, in the cell beyond that side.
            let x = match piece.to {
                0 => {
                    y -= 1;
                    piece.x
                }
                1 => piece.x + 1,
                2 => {
                    y += 1;
                    piece.x
                }
                _ => piece.x - 1,
            };
            let entered = (piece.to + 2) % 4;
            let cells = &pieces[row_start[y]..row_start[y + 1]];
            let here = cells.partition_point(|p| p.x < x);
            at = row_start[y] + here + usize::from(cells[here].from != entered);
        }
        rings.push(points);
    }
    Ok(simplify(rings, tolerance, monitor)?.into_iter().filter_map(Polygon::new).collect())
}

/// The pieces of all cells, row by row; row `y`'s are `start[y]..start[y + 1]`.
///
/// A ring of samples outside surrounds the plane: cell `(x, y)` has the samples `x - 1`, `x` and `y - 1`, `y`.
fn all_pieces(plane: &Plane, iso: f32, monitor: &Monitor) -> Result<(Vec<Piece>, Vec<usize>), Cancelled> {
    let [_, ny] = plane.resolution();
    let tasks: Vec<usize> = (0..=ny).step_by(ROWS_PER_TASK).collect();
    let done: Vec<(Vec<Piece>, Vec<usize>)> = tasks
        .into_par_iter()
        .map(|from| {
            monitor.check()?;
            let (mut pieces, mut ends) = (Vec::new(), Vec::new());
            for y in from..(from + ROWS_PER_TASK).min(ny + 1) {
                pieces_of_row(plane, iso, y, &mut pieces);
                ends.push(pieces.len());
            }
            Ok((pieces, ends))
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut pieces = Vec::with_capacity(done.iter().map(|(p, _)| p.len()).sum());
    let mut start = vec![0];
    for (some, ends) in done {
        start.extend(ends.iter().map(|e| pieces.len() + e));
        pieces.extend(some);
    }
    Ok((pieces, start))
}

fn pieces_of_row(plane: &Plane, iso: f32, y: usize, to: &mut Vec<Piece>) {
    let [nx, ny] = plane.resolution();
    let low = (y > 0).then(|| plane.row(y - 1));
    let high = (y < ny).then(|| plane.row(y));
    let inside =
        |row: Option<&[f32]>, x: usize| row.is_some_and(|r| x > 0 && x <= nx && is_inside(r[x - 1], iso));
    let (mut left_low, mut left_high) = (false, false);
    for x in 0..=nx {
        let (right_low, right_high) = (inside(low, x + 1), inside(high, x + 1));
        let pattern = u8::from(left_low)
            | u8::from(right_low) << 1
            | u8::from(right_high) << 2
            | u8::from(left_high) << 3;
        if pattern != 0 && pattern != 15 {
            // Both diagonals are inside the plane at a saddle, so all four samples are there.
            let saddle = || match (low, high) {
                (Some(l), Some(h)) => saddle_inside([l[x - 1], l[x], h[x], h[x - 1]], iso),
                _ => false,
            };
            let (found, n) = pieces(pattern, saddle);
            to.extend(found[..n].iter().map(|&[from, to]| Piece { x: x as u32, from, to }));
        }
        (left_low, left_high) = (right_low, right_high);
    }
}

/// Where a piece starts, mm.
fn point(plane: &Plane, iso: f32, piece: Piece, y: usize) -> [f64; 2] {
    let x = piece.x as usize;
    // The two samples of the side, counted with the ring, the lower one first.
    let (a, along) = match piece.from {
        0 => ([x, y], 0),
        1 => ([x + 1, y], 1),
        2 => ([x, y + 1], 0),
        _ => ([x, y], 1),
    };
    let n = plane.resolution()[along];
    let t = match a[along] {
        // Beyond the border: the contour runs through the border's own sample.
        0 => 1.0,
        i if i == n => 0.0,
        i => {
            let value = |at: [usize; 2]| f64::from(plane.row(at[1] - 1)[at[0] - 1]);
            let mut b = a;
            b[along] = i + 1;
            crossing(value(a), value(b), f64::from(iso))
        }
    };
    let mut at = a.map(|i| i as f64 - 1.0);
    at[along] += t;
    plane.position(at)
}
