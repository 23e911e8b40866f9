//! From the closest site to the closest point of the zero set: a few steps along it, sixteen samples at once.
//!
//! # Formula
//! At x with value f and gradient g, of the way r to the sample: the tangential part t = r − g (g·r)/g² is where the
//! distance falls, and −f g/g² leads back to the zero set. The first step takes all of t, which is right for
//! a plane; later ones take as much of it as the last step showed to be right (Barzilai and Borwein 1988, the long step).
//!
//! # Promises
//! A distance is taken only to a point that is on the zero set to second order: |f|/|g| before the last correction is
//! at most `NEAR_SURFACE`. So steps that lead astray cost nothing but the gain.

use super::field::{Field, Lane};
use super::search::{BRICK, Brick, GROUPS, PAIRS};
use crate::by_level;
use crate::simd::LANES;

/// How far from the zero set, by the gradient, a point may be to be corrected onto it (finest spacings).
const NEAR_SURFACE: f32 = 0.1;
/// Evaluations of the field per sample.
const STEPS: usize = 3;

by_level! {
    /// Replaces the squared distances in `best2` by distances to the zero set, for those samples that found a site.
    pub(super) fn refine(field: &Field, brick: &mut Brick, base: [usize; 3]) {
        for g in 0..GROUPS {
            let p = [brick.x, brick.y[g % PAIRS], [brick.z[g / PAIRS]; LANES]];
            let mut x = [[0.0; LANES]; 3];
            for l in 0..LANES {
                let site = brick.found[brick.which[g][l] as usize];
                for a in 0..3 {
                    x[a][l] = site[a];
                }
            }
            let best2 = walk(field, base, &p, x, brick.best2[g]);
            let which = &brick.which[g];
            for l in 0..LANES {
                let d2 = if which[l] > 0.0 { best2[l] } else { brick.best2[g][l] };
                brick.best2[g][l] = d2.sqrt();
            }
        }
        debug_assert_eq!(BRICK * BRICK * BRICK, GROUPS * LANES);
    }
}

/// The least squared distance from `p` found on the way from `x`.
#[inline(always)]
fn walk(field: &Field, base: [usize; 3], p: &[Lane; 3], mut x: [Lane; 3], mut best2: Lane) -> Lane {
    let (mut last_x, mut last_t) = ([[0.0; LANES]; 3], [[0.0; LANES]; 3]);
    for step in 0..STEPS {
        let (f, g) = field.evaluate(base, &mut x);
        let (mut t, mut length) = ([[0.0; LANES]; 3], [1.0; LANES]);
        let mut normal = [[0.0; LANES]; 3];
        for l in 0..LANES {
            let r = [p[0][l] - x[0][l], p[1][l] - x[1][l], p[2][l] - x[2][l]];
            let g2 = g[0][l] * g[0][l] + g[1][l] * g[1][l] + g[2][l] * g[2][l];
            let inverse = 1.0 / if g2 > 1e-12 { g2 } else { 1e-12 };
            let along = (g[0][l] * r[0] + g[1][l] * r[1] + g[2][l] * r[2]) * inverse;
            let back = f[l] * inverse;
            let mut d2 = 0.0;
            for a in 0..3 {
                t[a][l] = r[a] - g[a][l] * along;
                normal[a][l] = g[a][l] * back;
                let d = r[a] + normal[a][l];
                d2 += d * d;
            }
            let on = (f[l] * f[l] * inverse <= NEAR_SURFACE * NEAR_SURFACE) & (g2 > 1e-12);
            let better = on & (d2 < best2[l]);
            best2[l] = if better { d2 } else { best2[l] };
        }
        if step + 1 == STEPS {
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
                last_x[a][l] = x[a][l];
                last_t[a][l] = t[a][l];
                x[a][l] += length[l] * t[a][l] - normal[a][l];
            }
        }
    }
    best2
}
