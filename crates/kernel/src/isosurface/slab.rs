//! Whole planes of samples and, for every sample, a bit: inside or not.

use super::lattice::Lattice;
use crate::by_level;
use crate::monitor::{Cancelled, Monitor};
use crate::simd::Level;
use rayon::prelude::*;

by_level! {
    /// Bit `i` of the row tells whether sample `i` is inside: finite and below the isovalue.
    fn classify(samples: &[f32], isovalue: f32, bits: &mut [u64]) {
        let (whole, rest) = samples.as_chunks::<64>();
        for (chunk, word) in whole.iter().zip(bits.iter_mut()) {
            let mut sum = 0u64;
            for i in 0..64 {
                sum |= u64::from((chunk[i] < isovalue) & (chunk[i] >= f32::MIN)) << i;
            }
            *word = sum;
        }
        let mut sum = 0u64;
        for (i, v) in rest.iter().enumerate() {
            sum |= u64::from((*v < isovalue) & (*v >= f32::MIN)) << i;
        }
        // Every row ends with at least one bit that is no sample's.
        bits[whole.len()] = sum;
    }
}

/// The planes that are worked on at once; plane 0 is the last one of the call before, if there was one.
pub(super) struct Slab<'a> {
    pub lattice: &'a Lattice,
    /// Index in the patch of plane 0.
    pub base: usize,
    /// Plane 0, or empty if it is the first of `fresh`.
    carried: &'a [f32],
    fresh: &'a [f32],
    bits: Vec<u64>,
}

/// Words per row: at least one bit more than samples.
pub(super) fn words(nx: usize) -> usize {
    nx / 64 + 1
}

impl<'a> Slab<'a> {
    /// Classifies `fresh`, whole planes; `carried` comes with its bits.
    pub fn new(
        lattice: &'a Lattice,
        base: usize,
        (carried, carried_bits): (&'a [f32], &[u64]),
        fresh: &'a [f32],
        level: Level,
        monitor: &Monitor,
    ) -> Result<Slab<'a>, Cancelled> {
        let ([nx, ..], words) = (lattice.n, words(lattice.n[0]));
        let rows = fresh.len() / nx;
        let mut bits = vec![0u64; carried_bits.len() + rows * words];
        bits[..carried_bits.len()].copy_from_slice(carried_bits);
        const ROWS: usize = 128;
        bits[carried_bits.len()..]
            .par_chunks_mut(ROWS * words)
            .zip(fresh.par_chunks(ROWS * nx))
            .try_for_each(|(bits, samples)| {
                monitor.check()?;
                for (bits, row) in bits.chunks_exact_mut(words).zip(samples.chunks_exact(nx)) {
                    classify(level, row, lattice.isovalue, bits);
                }
                Ok(())
            })?;
        Ok(Slab { lattice, base, carried, fresh, bits })
    }

    /// Planes, the carried one included.
    pub fn planes(&self) -> usize {
        let plane = self.lattice.n[0] * self.lattice.n[1];
        (self.carried.len() + self.fresh.len()) / plane
    }

    /// Samples of row `j` of plane `p`.
    #[inline]
    pub fn row(&self, p: usize, j: usize) -> &'a [f32] {
        let [nx, ny, _] = self.lattice.n;
        let at = (p * ny + j) * nx;
        let from = self.carried.len();
        if at < from { &self.carried[at..at + nx] } else { &self.fresh[at - from..at - from + nx] }
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

    /// Whether every sample of row `j` of plane `p` lies on the patch's border.
    pub fn on_border(&self, p: usize, j: usize) -> bool {
        let [_, ny, nz] = self.lattice.n;
        j == 0 || j == ny - 1 || self.base + p == 0 || self.base + p == nz - 1
    }

    /// The last plane: samples and bits.
    pub fn last(&self) -> (Vec<f32>, Vec<u64>) {
        let [nx, ny, _] = self.lattice.n;
        let plane = nx * ny;
        let samples = if self.fresh.is_empty() { self.carried } else { self.fresh };
        (samples[samples.len() - plane..].to_vec(), self.bits[self.bits.len() - ny * words(nx)..].to_vec())
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
