//! Which pieces of an arrangement have the inside on one side and the outside on the other.
//!
//! Pieces that hang together over edges with two pieces have the same winding numbers on their sides, so one piece of each
//! such region is asked: along a line through it every triangle is met that its winding numbers depend on.

use super::cuts::Arrangement;
use super::exact::Column;
use super::lattice::Lattice;
use super::shells::look_along;
use crate::bvh::Bvh;
use crate::monitor::{Cancelled, Monitor};
use crate::union_find::{Numbering, alone, unite};
use rayon::prelude::*;
use std::cmp::Ordering;

/// The surface.
pub(super) struct Kept {
    /// Corners, counter-clockwise from outside.
    pub triangles: Vec<[u32; 3]>,
    /// For each of them the triangle that it is a piece of.
    pub sources: Vec<u32>,
    /// Pieces that are not on it.
    pub dropped: usize,
}

/// What becomes of a region.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
    /// Kept, and turned round.
    Turned,
}

pub(super) fn kept(
    lattice: &Lattice,
    bvh: &Bvh,
    arrangement: &Arrangement<'_>,
    orientation: i32,
    monitor: &Monitor,
) -> Result<Kept, Cancelled> {
    let region = regions(arrangement);
    monitor.check()?;
    let largest = largest(lattice, arrangement, &region);
    let fates: Vec<Fate> = largest
        .par_iter()
        .map(|&piece| {
            monitor.check()?;
            Ok(fate(lattice, bvh, arrangement, piece as usize, orientation))
        })
        .collect::<Result<_, _>>()?;
    let mut kept = Kept { triangles: Vec::new(), sources: Vec::new(), dropped: 0 };
    for (piece, &r) in arrangement.pieces.iter().zip(&region) {
        let [a, b, c] = piece.corners;
        match fates[r as usize] {
            Fate::Dropped => {
                kept.dropped += 1;
                continue;
            }
            Fate::Kept => kept.triangles.push([a, b, c]),
            Fate::Turned => kept.triangles.push([a, c, b]),
        }
        kept.sources.push(piece.source);
    }
    Ok(kept)
}

/// For each piece its region, numbered in order.
fn regions(arrangement: &Arrangement<'_>) -> Vec<u32> {
    let pieces = &arrangement.pieces;
    let mut edges: Vec<(u32, u32, u32)> = Vec::with_capacity(3 * pieces.len());
    for (i, piece) in pieces.iter().enumerate() {
        for k in 0..3 {
            let (a, b) = (piece.corners[k], piece.corners[(k + 1) % 3]);
            edges.push((a.min(b), a.max(b), i as u32));
        }
    }
    edges.par_sort_unstable();
    let mut parent = alone(pieces.len());
    for run in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let &[(.., a), (.., b)] = run else { continue };
        // Which triangle's pieces are kept where several lie on each other depends on the triangle.
        let [s, t] = [a, b].map(|p| pieces[p as usize].source);
        if s == t || !arrangement.coplanar[s as usize] && !arrangement.coplanar[t as usize] {
            unite(&mut parent, a, b);
        }
    }
    let mut numbers = Numbering::new(pieces.len());
    (0..pieces.len() as u32).map(|i| numbers.of(&mut parent, i).0 as u32).collect()
}

/// For each region the piece that looks largest along its triangle's axis.
fn largest(lattice: &Lattice, arrangement: &Arrangement<'_>, region: &[u32]) -> Vec<u32> {
    let sizes: Vec<f64> = arrangement
        .pieces
        .par_iter()
        .map(|piece| {
            let [u, v] = lattice.triangles[piece.source as usize].axes();
            let [a, b, c] = piece.corners.map(|id| arrangement.points.get(id).approximate());
            (b[u] - a[u]) * (c[v] - a[v]) - (b[v] - a[v]) * (c[u] - a[u])
        })
        .collect();
    let mut best: Vec<u32> = Vec::new();
    for (i, &r) in region.iter().enumerate() {
        match best.get_mut(r as usize) {
            None => best.push(i as u32),
            Some(b) if sizes[i] > sizes[*b as usize] => *b = i as u32,
            _ => {}
        }
    }
    best
}

/// Looks along the axis of the piece's triangle: what is met behind the piece gives the winding number there, and what
/// lies on it the jump.
fn fate(lattice: &Lattice, bvh: &Bvh, arrangement: &Arrangement<'_>, piece: usize, orientation: i32) -> Fate {
    let piece = arrangement.pieces[piece];
    let own = &lattice.triangles[piece.source as usize];
    let corners = piece.corners.map(|id| arrangement.points.get(id));
    let [a, b, c] = &corners;
    // No region is as thin as 2⁻⁴⁰ of a lattice unit but by being flat.
    let Some(column) = Column::inside([a, b, c], own.axes()) else { return Fate::Dropped };
    let (mut above, mut here, mut first) = (0, 0, true);
    let triangle = |t: u32| lattice.triangles[t as usize];
    look_along(bvh, &lattice.grid, &column, &own.plane, triangle, |order, up, t| match order {
        Ordering::Greater => above += up,
        Ordering::Equal => {
            here += up;
            first &= piece.source <= t;
        }
        Ordering::Less => {}
    });
    let faces_up = own.plane.normal[own.plane.axis()] > 0;
    let (inside_above, inside_below) = (above * orientation > 0, (above + here) * orientation > 0);
    if inside_above == inside_below || !first {
        Fate::Dropped
    } else if inside_below == faces_up {
        Fate::Kept
    } else {
        Fate::Turned
    }
}
