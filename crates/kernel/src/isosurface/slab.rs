//! Whole planes of samples and, for every sample, a bit: inside or not.

use super::lattice::Lattice;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::regular::{Changed, Rule, is_inside};
use crate::simd::Level;
use rayon::prelude::*;
use std::ops::Range;

by_level! {
    /// Bit `i` of the row tells whether sample `i` is inside by itself. Returns whether some may be at the isovalue.
    fn classify(samples: &[f32], rule: Rule, isovalue: f32, bits: &mut [u64]) -> bool {
        let (whole, rest) = samples.as_chunks::<64>();
        let mut near = false;
        for (chunk, word) in whole.iter().zip(bits.iter_mut()) {
            let mut sum = 0u64;
            for i in 0..64 {
                sum |= u64::from(is_inside(chunk[i], isovalue)) << i;
            }
            *word = sum;
            near |= chunk.iter().fold(false, |any, v| any | rule.is_near(*v));
        }
        let mut sum = 0u64;
        for (i, v) in rest.iter().enumerate() {
            sum |= u64::from(is_inside(*v, isovalue)) << i;
            near |= rule.is_near(*v);
        }
        // Every row ends with at least one bit that is no sample's.
        bits[whole.len()] = sum;
        near
    }
}

/// Planes of the calls before that are still needed: the last one that is decided, if there was one, and the one above it, which
/// is decided only once the plane above that is known.
#[derive(Default)]
pub(super) struct Carried {
    samples: Vec<f32>,
    bits: Vec<u64>,
    /// Per row of the undecided plane whether samples may be at the isovalue; of the decided one it is not asked.
    near: Vec<bool>,
    /// Rows of the decided plane that are not those of the samples.
    changed: Vec<Changed>,
    /// Decided planes: 0 or 1.
    pub decided: usize,
}

impl Carried {
    /// Planes, of so many rows each.
    pub fn planes(&self, rows: usize) -> usize {
        self.near.len() / rows
    }
}

/// The planes that are worked on at once; the first ones are carried from the calls before.
pub(super) struct Slab<'a> {
    pub lattice: &'a Lattice,
    /// Index in the patch of plane 0.
    pub base: usize,
    carried: &'a [f32],
    fresh: &'a [f32],
    bits: Vec<u64>,
    near: Vec<bool>,
    /// Rows that are not those of the samples, in order.
    changed: Vec<Changed>,
    /// Planes that are decided.
    planes: usize,
}

/// Words per row: at least one bit more than samples.
pub(super) fn words(nx: usize) -> usize {
    nx / 64 + 1
}

impl<'a> Slab<'a> {
    /// Classifies `fresh`, whole planes behind the carried ones. The first plane is the `base`th of the patch; those from the `end`th on
    /// are not decided.
    pub fn new(
        lattice: &'a Lattice,
        Range { start: base, end }: Range<usize>,
        carried: &'a Carried,
        fresh: &'a [f32],
        level: Level,
        monitor: &Monitor,
    ) -> Result<Slab<'a>, Cancelled> {
        let ([nx, ny, nz], words) = (lattice.n, words(lattice.n[0]));
        let rows = fresh.len() / nx;
        let from = carried.near.len();
        let mut bits = vec![0u64; (from + rows) * words];
        bits[..from * words].copy_from_slice(&carried.bits);
        let mut near = vec![false; from + rows];
        near[..from].copy_from_slice(&carried.near);
        const ROWS: usize = 128;
        bits[from * words..]
            .par_chunks_mut(ROWS * words)
            .zip(near[from..].par_chunks_mut(ROWS))
            .zip(fresh.par_chunks(ROWS * nx))
            .try_for_each(|((bits, near), samples)| {
                monitor.check()?;
                let rows = bits.chunks_exact_mut(words).zip(near).zip(samples.chunks_exact(nx));
                for ((bits, near), row) in rows {
                    *near = classify(level, row, lattice.rule, lattice.isovalue, bits);
                }
                Ok(())
            })?;
        let all = (from + rows) / ny;
        // The last plane waits for the one above it, if there is one.
        let planes = if base + all == nz { all } else { all - 1 }.min(end - base);
        let changed = carried.changed.clone();
        let mut slab = Slab { lattice, base, carried: &carried.samples, fresh, bits, near, changed, planes };
        slab.regularize(carried.decided, all, monitor)?;
        Ok(slab)
    }

    /// Decides the planes from `from` on, which lie below plane `end`.
    fn regularize(&mut self, from: usize, end: usize, monitor: &Monitor) -> Result<(), Cancelled> {
        let ([nx, ny, _], rule) = (self.lattice.n, self.lattice.rule);
        let near = |p: usize, j: usize| self.near[p * ny + j];
        if (from * ny..self.planes * ny).all(|r| !self.near[r]) {
            return Ok(());
        }
        let found = rule.changes([ny, end], from..self.planes, |p, j| self.given(p, j), near, monitor)?;
        for c in &found {
            let words = words(nx);
            let bits = &mut self.bits[(c.p * ny + c.j) * words..][..words];
            for (i, v) in c.row.iter().enumerate() {
                let (word, bit) = (&mut bits[i / 64], 1u64 << (i % 64));
                *word = if is_inside(*v, self.lattice.isovalue) { *word | bit } else { *word & !bit };
            }
        }
        self.changed.extend(found);
        Ok(())
    }

    /// Planes that are decided, the carried one included.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Samples of row `j` of plane `p` as they were given.
    fn given(&self, p: usize, j: usize) -> &'a [f32] {
        let [nx, ny, _] = self.lattice.n;
        let at = (p * ny + j) * nx;
        let from = self.carried.len();
        if at < from { &self.carried[at..at + nx] } else { &self.fresh[at - from..at - from + nx] }
    }

    /// Samples of row `j` of plane `p`, regularised.
    #[inline]
    pub fn row(&self, p: usize, j: usize) -> &[f32] {
        if !self.changed.is_empty()
            && let Ok(at) = self.changed.binary_search_by_key(&(p, j), |c| (c.p, c.j))
        {
            return &self.changed[at].row;
        }
        self.given(p, j)
    }

    /// Bits of row `j` of plane `p`.
    #[inline]
    pub fn bits(&self, p: usize, j: usize) -> &[u64] {
        let words = words(self.lattice.n[0]);
        &self.bits[(p * self.lattice.n[1] + j) * words..][..words]
    }

    /// Values of a cell relative to the isovalue, in the order of its corners.
    pub fn values(&self, i: usize, j: usize, p: usize) -> [f64; 8] {
        std::array::from_fn(|c| self.lattice.relative(self.row(p + (c >> 2), j + (c >> 1 & 1))[i + (c & 1)]))
    }

    /// Values at the ends of the edge along `axis` from sample `cell` of the patch, relative to the isovalue.
    pub fn ends(&self, [i, j, k]: [usize; 3], axis: usize) -> [f64; 2] {
        let at = |by: [usize; 3]| self.row(k + by[2] - self.base, j + by[1])[i + by[0]];
        let upper = [0, 1, 2].map(|a| usize::from(a == axis));
        [at([0; 3]), at(upper)].map(|v| self.lattice.relative(v))
    }

    /// Whether every sample of row `j` of plane `p` lies on the patch's border.
    pub fn on_border(&self, p: usize, j: usize) -> bool {
        let [_, ny, nz] = self.lattice.n;
        j == 0 || j == ny - 1 || self.base + p == 0 || self.base + p == nz - 1
    }

    /// What the next call needs: the last plane that is decided and the one that is not.
    pub fn carry(self) -> Carried {
        let [nx, ny, _] = self.lattice.n;
        let decided = self.planes.min(1);
        let first = self.planes - decided;
        let all = self.near.len() / ny;
        let mut samples = Vec::with_capacity((all - first) * ny * nx);
        for (p, j) in (first..all).flat_map(|p| (0..ny).map(move |j| (p, j))) {
            samples.extend_from_slice(self.given(p, j));
        }
        let changed = self.changed.iter().filter(|c| c.p == first && decided == 1);
        Carried {
            samples,
            bits: self.bits[first * ny * words(nx)..].to_vec(),
            near: self.near[first * ny..].to_vec(),
            changed: changed.map(|c| Changed { p: 0, ..c.clone() }).collect(),
            decided,
        }
    }
}

/// Bit `i + 1` of a row at place `i` of word `w`.
#[inline(always)]
pub(super) fn shifted(bits: &[u64], w: usize) -> u64 {
    let next = if w + 1 < bits.len() { bits[w + 1] } else { 0 };
    bits[w] >> 1 | next << 63
}

/// Ones at the places of word `w` that are below `n`.
#[inline(always)]
pub(super) fn below(n: usize, w: usize) -> u64 {
    match n.saturating_sub(64 * w) {
        0 => 0,
        left @ 1..64 => (1 << left) - 1,
        _ => u64::MAX,
    }
}
