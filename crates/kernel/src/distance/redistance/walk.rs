//! From the closest site to the closest point of the zero set: a few steps along it, sixteen samples at once.
//!
//! # Formula
//! At x with value f and gradient g, of the way r to the sample: the tangential part t = r − g (g·r)/g² is where the
//! distance falls, and −f g/g² leads back to the zero set. The first step takes all of t, which is right for
//! a plane; later ones take as much of it as the last step showed to be right (Barzilai and Borwein 1988, the long step).
//!
//! # Promises
//! A distance is taken only to a point that is on the zero set to second order: |f|/|g| before the last correction is
//! at most `NEAR_SURFACE`, and the zero set passes through its cell: where values jump without changing their sign, |f|/|g| is small
//! too. So steps that lead astray cost nothing but the gain. Of a step that ends in another cell half is tried: the result depends on no
//! value but those of the cells that the zero set passes through.

use super::super::brick::{GROUPS, Lane};
use super::field::Field;
use super::search::{Brick, NONE};
use crate::by_level;
use crate::simd::LANES;

/// How far from the zero set, by the gradient, a point may be to be corrected onto it (finest spacings).
const NEAR_SURFACE: f32 = 0.1;
/// Evaluations of the field per sample at most, that at the site included.
const STEPS: usize = 3;
/// A sample is done when what another step can gain is below this (finest spacings).
const ENOUGH: f32 = 1e-4;

/// The field at the sites that are the closest of some sample.
#[derive(Default)]
pub(super) struct AtSites {
    /// For each site of the brick its place in `known`.
    slot: Vec<u16>,
    known: Vec<At>,
}

/// No place yet.
const EMPTY: u16 = u16::MAX;

/// Position, value, gradient.
#[derive(Clone, Copy, Default)]
struct At {
    x: [f32; 3],
    f: f32,
    g: [f32; 3],
}

by_level! {
    /// Replaces the squared distances in `best2` by distances to the zero set, for those samples that found a site.
    pub(super) fn refine(field: &Field, brick: &mut Brick, at: &mut AtSites, base: [usize; 3]) {
        prepare(field, brick, at, base);
        for g in 0..GROUPS {
            let p = brick.samples(g);
            let (mut x, mut f, mut gradient) = ([[0.0; LANES]; 3], [0.0; LANES], [[0.0; LANES]; 3]);
            for l in 0..LANES {
                let which = brick.which[g][l];
                if which != NONE {
                    let known = &at.known[at.slot[which as usize] as usize];
                    f[l] = known.f;
                    for a in 0..3 {
                        x[a][l] = known.x[a];
                        gradient[a][l] = known.g[a];
                    }
                }
            }
            let best2 = walk(field, base, &p, x, f, gradient, &brick.which[g], brick.best2[g]);
            for l in 0..LANES {
                brick.best2[g][l] = best2[l].sqrt();
            }
        }
    }
}

/// Evaluates the field at every site in use.
#[inline(always)]
fn prepare(field: &Field, brick: &Brick, at: &mut AtSites, base: [usize; 3]) {
    at.slot.clear();
    at.slot.resize(brick.sites.len(), EMPTY);
    at.known.clear();
    for group in &brick.which {
        for which in group {
            if *which != NONE && at.slot[*which as usize] == EMPTY {
                at.slot[*which as usize] = at.known.len() as u16;
                at.known.push(At { x: brick.sites.get(*which as usize), ..At::default() });
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
        let (f, g, _) = field.evaluate(base, &mut x);
        for (l, known) in chunk.iter_mut().enumerate() {
            known.f = f[l];
            known.g = [g[0][l], g[1][l], g[2][l]];
        }
    }
}

/// The least squared distance from `p` found on the way from `x`, where the field is `f` with gradient `g`, for those that
/// have a site to begin at.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn walk(
    field: &Field,
    base: [usize; 3],
    p: &[Lane; 3],
    mut x: [Lane; 3],
    mut f: Lane,
    mut g: [Lane; 3],
    which: &Lane,
    mut best2: Lane,
) -> Lane {
    let (mut last_x, mut last_t) = ([[0.0; LANES]; 3], [[0.0; LANES]; 3]);
    // Sites are on the zero set.
    let mut crossed = [1.0; LANES];
    let mut open = which.map(|site| if site == NONE { 0.0 } else { 1.0 });
    for step in 0..STEPS {
        let (mut t, mut normal, mut length) = ([[0.0; LANES]; 3], [[0.0; LANES]; 3], [1.0; LANES]);
        let (mut d2, mut t2, mut on) = ([0.0; LANES], [0.0; LANES], [false; LANES]);
        for l in 0..LANES {
            let r = [p[0][l] - x[0][l], p[1][l] - x[1][l], p[2][l] - x[2][l]];
            let g2 = g[0][l] * g[0][l] + g[1][l] * g[1][l] + g[2][l] * g[2][l];
            let inverse = 1.0 / if g2 > 1e-12 { g2 } else { 1e-12 };
            let along = (g[0][l] * r[0] + g[1][l] * r[1] + g[2][l] * r[2]) * inverse;
            let back = f[l] * inverse;
            for a in 0..3 {
                t[a][l] = r[a] - g[a][l] * along;
                t2[l] += t[a][l] * t[a][l];
                normal[a][l] = g[a][l] * back;
                let d = r[a] + normal[a][l];
                d2[l] += d * d;
            }
            let near = (f[l] * f[l] * inverse <= NEAR_SURFACE * NEAR_SURFACE) & (g2 > 1e-12);
            on[l] = near & (crossed[l] > 0.0);
        }
        for l in 0..LANES {
            let better = on[l] & (d2[l] < best2[l]) & (open[l] > 0.0);
            best2[l] = if better { d2[l] } else { best2[l] };
            // A step of length |t| gains at most |t|²/2d. Whether a sample is done is its own affair, not its neighbours'.
            let more = (t2[l] * t2[l] > 4.0 * ENOUGH * ENOUGH * best2[l]) | !on[l];
            open[l] = if more { open[l] } else { 0.0 };
        }
        if step + 1 == STEPS || open == [0.0; LANES] {
            break;
        }
        if step > 0 {
            for l in 0..LANES {
                let (mut ss, mut sy) = (0.0, 0.0);
                for a in 0..3 {
                    let s = x[a][l] - last_x[a][l];
                    ss += s * s;
                    sy += s * (last_t[a][l] - t[a][l]);
                }
                let long = if sy > ss * 0.25 { ss / sy } else { 4.0 };
                length[l] = if ss > 1e-12 { long } else { 1.0 };
            }
        }
        for a in 0..3 {
            for l in 0..LANES {
                let (from, step) = (x[a][l], length[l] * t[a][l] - normal[a][l]);
                // What is known outside the cells of the zero set may be anything of the right sign.
                let valid = crossed[l] > 0.0;
                x[a][l] = if valid { from + step } else { 0.5 * (last_x[a][l] + from) };
                last_x[a][l] = if valid { from } else { last_x[a][l] };
                last_t[a][l] = if valid { t[a][l] } else { last_t[a][l] };
            }
        }
        (f, g, crossed) = field.evaluate(base, &mut x);
    }
    best2
}
