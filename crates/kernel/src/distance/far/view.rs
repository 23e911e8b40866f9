//! The sites as they are seen from a root box: the nearest one of all to a place, and those that may be nearest in a box.

use super::super::candidates::{Candidates, Limit, Samples, apart2, least_excess, may_matter, most};
use super::sites::{Bounds, Group, Sites};
use crate::simd::{F32x16, LANES};
use std::ops::Range;

/// A site and the square of how far it is.
pub(super) type Nearest = ([f32; 3], f32);

/// The sites, their places counted from `root`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub sites: &'a Sites,
    /// First sample of the root box, in units of the finest spacing.
    pub root: [f32; 3],
}

impl View<'_> {
    /// The corners of a group, seen from the root box.
    #[inline(always)]
    fn corners(&self, group: &Group) -> Bounds {
        group.bounds.map(|c| [c[0] - self.root[0], c[1] - self.root[1], c[2] - self.root[2]])
    }

    /// The same of its blocks.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn blocks<V: F32x16>(&self, group: &Group) -> [[V; 3]; 2] {
        unsafe {
            let mut corners = [[V::splat(0.0); 3]; 2];
            for (to, from) in corners.iter_mut().zip(&group.blocks) {
                for a in 0..3 {
                    to[a] = V::load(&from[a]).sub(V::splat(self.root[a]));
                }
            }
            corners
        }
    }

    /// Squared distance from `p` to the box of a group.
    #[inline(always)]
    fn apart2(&self, group: &Group, p: [f32; 3]) -> f32 {
        let [low, high] = self.corners(group);
        let d = |a: usize| (low[a] - p[a]).max(p[a] - high[a]).max(0.0);
        let [x, y, z] = [d(0), d(1), d(2)];
        x * x + y * y + z * z
    }

    /// The site of a level that is nearest to `p`, of all its sites, and its squared distance.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn nearest<V: F32x16>(&self, l: usize, p: [f32; 3]) -> Nearest {
        let mut best = ([0.0; 3], f32::INFINITY);
        let (mut first, mut least) = (None, f32::INFINITY);
        for group in self.sites.groups(l) {
            let d2 = self.apart2(group, p);
            if d2 < least {
                (first, least) = (Some(group), d2);
            }
        }
        // The nearest group first, so that few others are looked through.
        let Some(first) = first else { return best };
        unsafe { self.look::<V>(first, p, &mut best) };
        for group in self.sites.groups(l) {
            if !std::ptr::eq(group, first) && self.apart2(group, p) < best.1 {
                unsafe { self.look::<V>(group, p, &mut best) };
            }
        }
        best
    }

    /// Looks for a nearer site in a group: first in its nearest block.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn look<V: F32x16>(&self, group: &Group, p: [f32; 3], best: &mut Nearest) {
        let mut apart2 = [0.0; LANES];
        unsafe {
            let [low, high] = self.blocks::<V>(group);
            let mut sum = V::splat(0.0);
            for a in 0..3 {
                let p = V::splat(p[a]);
                let d = low[a].sub(p).max(p.sub(high[a])).max(V::splat(0.0));
                sum = sum.add(d.mul(d));
            }
            sum.store(&mut apart2);
        }
        let nearest = (0..LANES).fold(0, |b, other| if apart2[other] < apart2[b] { other } else { b });
        for b in std::iter::once(nearest).chain((0..LANES).filter(|b| *b != nearest)) {
            if apart2[b] < best.1 {
                unsafe { self.look_in::<V>(group.block(b), p, best) };
            }
        }
    }

    /// Looks for a nearer site among those with these numbers.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn look_in<V: F32x16>(&self, sites: Range<usize>, p: [f32; 3], best: &mut Nearest) {
        for at in sites.clone().step_by(LANES) {
            let mut lanes = [[0.0; LANES]; 4];
            let mut nearer = unsafe {
                let [x, y, z, _] = self.sites.sixteen::<V>(at, self.root);
                let d2 = apart2([x, y, z], p);
                for (to, vector) in lanes.iter_mut().zip([x, y, z, d2]) {
                    vector.store(to);
                }
                d2.less(V::splat(best.1)) & first_lanes(sites.end - at)
            };
            while nearer != 0 {
                let l = nearer.trailing_zeros() as usize;
                nearer &= nearer - 1;
                if lanes[3][l] < best.1 {
                    *best = ([lanes[0][l], lanes[1][l], lanes[2][l]], lanes[3][l]);
                }
            }
        }
    }

    /// Adds the sites of a level that `nearest` does not beat on all samples; `false` as soon as there are more than `many`.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn gather<V: F32x16>(
        &self,
        l: usize,
        nearest: [f32; 3],
        samples: Samples,
        many: usize,
        list: &mut Candidates<4>,
    ) -> bool {
        let (limit, limits) = (most(nearest, samples), unsafe { Limit::<V>::new(nearest, samples) });
        for group in self.sites.groups(l) {
            let [low, high] = self.corners(group);
            if least_excess(low, high, nearest, samples) <= limit {
                unsafe { self.gather_group(group, &limits, list) };
                if list.len() > many {
                    return false;
                }
            }
        }
        true
    }

    /// Adds the sites of a group that the limit lets pass.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn gather_group<V: F32x16>(&self, group: &Group, limit: &Limit<V>, list: &mut Candidates<4>) {
        let mut blocks = unsafe {
            let [low, high] = self.blocks::<V>(group);
            may_matter(low, high, limit)
        };
        while blocks != 0 {
            let sites = group.block(blocks.trailing_zeros() as usize);
            blocks &= blocks - 1;
            for at in sites.clone().step_by(LANES) {
                unsafe {
                    let points = self.sites.sixteen::<V>(at, self.root);
                    let [x, y, z, _] = points;
                    list.push(points, limit.unbeaten([x, y, z]) & first_lanes(sites.end - at));
                }
            }
        }
    }
}

/// The first `n` of sixteen lanes, or all.
#[inline(always)]
pub(super) fn first_lanes(n: usize) -> u16 {
    ((1u32 << n.min(LANES)) - 1) as u16
}
