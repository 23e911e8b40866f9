//! From the nearest crossing to the nearest point of the zero set: a few steps along it, sixteen samples at once.
//!
//! # Formula
//! At x with gradient g, of the way r to the sample, the tangential part t = r − g (g·r)/g² is where the
//! distance falls. The first step takes all of t, which is right for a plane; later ones take as much of it as the last step
//! showed to be right (Barzilai and Borwein 1988, the long step). Where a step ends, one of Newton's leads back to the zero set.
//!
//! # Promises
//! No distance exceeds that to the nearest crossing. One is taken only to a point that is on the zero set of its cell up to
//! [`ON_SURFACE`], and the zero set passes through the cell: where values jump without changing their sign, |f|/|g| is small
//! too. So steps that lead astray cost nothing but the gain. Of a step that ends in another cell half is tried: the result depends on no
//! value but those of the cells that the zero set passes through.

use super::super::brick::{GROUPS, Lane};
use super::candidates::Candidates;
use super::field::{Field, Landing};
use super::search::{Brick, NONE};
use crate::by_level;
use crate::simd::LANES;

/// How far from the zero set, by the gradient, a point may be that counts as on it (finest spacings).
const ON_SURFACE: f32 = 1e-3;
/// Steps per sample at most.
const STEPS: usize = 2;
/// A sample is done when what another step can gain is below this (finest spacings).
const ENOUGH: f32 = 1e-4;

/// The field at the crossings that are the nearest of some sample.
#[derive(Default)]
pub(super) struct AtCrossings {
    /// For each candidate of the brick its place in `known`.
    slot: Vec<u16>,
    known: Vec<At>,
}

/// No place yet.
const EMPTY: u16 = u16::MAX;

/// Position and gradient.
#[derive(Clone, Copy, Default)]
struct At {
    x: [f32; 3],
    g: [f32; 3],
}

by_level! {
    /// Replaces the squared distances in `best2` by distances to the zero set, for those samples that found a crossing.
    pub(super) fn refine(field: &Field, brick: &mut Brick, candidates: &Candidates, at: &mut AtCrossings, base: [usize; 3]) {
        prepare(field, brick, candidates, at, base);
        for g in 0..GROUPS {
            let p = brick.samples(g);
            let (mut x, mut gradient) = ([[0.0; LANES]; 3], [[0.0; LANES]; 3]);
            let mut open = [0.0; LANES];
            for l in 0..LANES {
                let which = brick.which[g][l];
                if which != NONE {
                    let known = &at.known[at.slot[which as usize] as usize];
                    open[l] = 1.0;
                    for a in 0..3 {
                        x[a][l] = known.x[a];
                        gradient[a][l] = known.g[a];
                    }
                }
            }
            let best2 = walk(field, base, &p, x, gradient, open, brick.best2[g]);
            for l in 0..LANES {
                brick.best2[g][l] = best2[l].sqrt();
            }
        }
    }
}

/// Evaluates the gradient at every crossing in use.
#[inline(always)]
fn prepare(field: &Field, brick: &Brick, candidates: &Candidates, at: &mut AtCrossings, base: [usize; 3]) {
    at.slot.clear();
    at.slot.resize(candidates.len(), EMPTY);
    at.known.clear();
    for group in &brick.which {
        for which in group {
            if *which != NONE && at.slot[*which as usize] == EMPTY {
                at.slot[*which as usize] = at.known.len() as u16;
                at.known.push(At { x: candidates.get(*which as usize), ..At::default() });
            }
        }
    }
    for chunk in at.known.chunks_mut(LANES) {
        let mut x = [[0.0; LANES]; 3];
        for (l, known) in chunk.iter().enumerate() {
            for a in 0..3 {
                x[a][l] = known.x[a];
            }
        }
        let g = field.gradient(base, &x);
        for (l, known) in chunk.iter_mut().enumerate() {
            known.g = [g[0][l], g[1][l], g[2][l]];
        }
    }
}

/// The part of the way from `x` to `p` that is tangential to the zero set, and its squared length.
#[inline(always)]
fn tangential(p: &[Lane; 3], x: &[Lane; 3], g: &[Lane; 3], g2: &Lane) -> ([Lane; 3], Lane) {
    let (mut t, mut t2) = ([[0.0; LANES]; 3], [0.0; LANES]);
    for l in 0..LANES {
        let r = [p[0][l] - x[0][l], p[1][l] - x[1][l], p[2][l] - x[2][l]];
        let along = (g[0][l] * r[0] + g[1][l] * r[1] + g[2][l] * r[2]) / g2[l];
        for a in 0..3 {
            t[a][l] = r[a] - g[a][l] * along;
            t2[l] += t[a][l] * t[a][l];
        }
    }
    (t, t2)
}

/// The squared distance from `p` to `x`.
#[inline(always)]
fn distance2(p: &[Lane; 3], x: &[Lane; 3]) -> Lane {
    let mut d2 = [0.0; LANES];
    for a in 0..3 {
        for l in 0..LANES {
            let d = p[a][l] - x[a][l];
            d2[l] += d * d;
        }
    }
    d2
}

/// The least squared distance from `p` found on the way from the crossings `x`, where the gradient is `g`, for those that are
/// open (1, not 0).
#[inline(always)]
fn walk(
    field: &Field,
    base: [usize; 3],
    p: &[Lane; 3],
    mut x: [Lane; 3],
    g: [Lane; 3],
    mut open: Lane,
    mut best2: Lane,
) -> Lane {
    let mut g2 = [0.0; LANES];
    for l in 0..LANES {
        let square = g[0][l] * g[0][l] + g[1][l] * g[1][l] + g[2][l] * g[2][l];
        g2[l] = if square > 1e-12 { square } else { 1e-12 };
    }
    let (mut t, mut t2) = tangential(p, &x, &g, &g2);
    let (mut last_x, mut length, mut astray) = (x, [1.0; LANES], [false; LANES]);
    for step in 0..STEPS {
        for l in 0..LANES {
            // A step of length |t| gains at most |t|²/2d. Whether a sample is done is its own affair, not its neighbours'.
            let more = (t2[l] * t2[l] > 4.0 * ENOUGH * ENOUGH * best2[l]) | astray[l];
            open[l] = if more { open[l] } else { 0.0 };
        }
        if open == [0.0; LANES] {
            break;
        }
        let mut moved = x;
        for a in 0..3 {
            for l in 0..LANES {
                moved[a][l] += length[l] * t[a][l];
            }
        }
        let (from, from_t) = (x, t);
        x = moved;
        let Landing { f, g, g2, crossed } = field.land(base, &mut x);
        let d2 = distance2(p, &x);
        for l in 0..LANES {
            let on = (f[l] * f[l] <= ON_SURFACE * ON_SURFACE * g2[l]) & (crossed[l] > 0.0);
            let better = on & (d2[l] < best2[l]) & (open[l] > 0.0);
            best2[l] = if better { d2[l] } else { best2[l] };
            astray[l] = !on;
        }
        if step + 1 == STEPS {
            break;
        }
        (t, t2) = tangential(p, &x, &g, &g2);
        for l in 0..LANES {
            let (mut ss, mut sy) = (0.0, 0.0);
            for a in 0..3 {
                let s = x[a][l] - from[a][l];
                ss += s * s;
                sy += s * (from_t[a][l] - t[a][l]);
            }
            let long = if sy > ss * 0.25 { ss / sy } else { 4.0 };
            length[l] = if ss > 1e-12 { long } else { 1.0 };
            // What is known outside the cells of the zero set may be anything of the right sign.
            let valid = crossed[l] > 0.0;
            length[l] = if valid { length[l] } else { 0.0 };
            for a in 0..3 {
                x[a][l] = if valid { x[a][l] } else { 0.5 * (last_x[a][l] + from[a][l] + from_t[a][l]) };
                last_x[a][l] = if valid { from[a][l] } else { last_x[a][l] };
            }
        }
    }
    best2
}
