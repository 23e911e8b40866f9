//! Values that are kept for planes of a grid, because the operators after them need their neighbours.

use super::step::Block;
use crate::interval::Interval;
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use std::collections::HashMap;
use std::ops::Range;

/// Values kept for planes `z` of a grid.
pub(crate) struct KeptPlanes {
    pub(crate) z: Range<u32>,
    pub(crate) channels: Vec<Vec<f32>>,
}

/// Kept values by operator.
pub(crate) type KeptValues = HashMap<usize, KeptPlanes>;

/// Index ranges of a block's rows in values kept for planes `z`.
pub(super) fn for_rows(z: &Range<u32>, n: [u32; 3], block: &Block, mut each: impl FnMut(Range<usize>)) {
    let [nx, ny, _] = n.map(|n| n as usize);
    for k in block[2].clone() {
        for j in block[1].clone() {
            let first = ((k - z.start) as usize * ny + j as usize) * nx + block[0].start as usize;
            each(first..first + block[0].len());
        }
    }
}

impl KeptPlanes {
    /// Least and greatest value in the block; nothing is known where it leaves the planes kept.
    pub(super) fn range(&self, level: Level, n: [u32; 3], block: &Block) -> Interval {
        if self.channels.len() != 1 || block[2].start < self.z.start || block[2].end > self.z.end {
            return Interval::ANY;
        }
        let (mut lo, mut hi) = (f32::INFINITY, f32::NEG_INFINITY);
        for_rows(&self.z, n, block, |row| {
            least_and_greatest(level, &self.channels[0][row], &mut lo, &mut hi)
        });
        // Not-a-number compares with nothing: such a block is looked at.
        if lo <= hi { Interval::new(lo, hi) } else { Interval::ANY }
    }
}

by_level! {
    fn least_and_greatest(values: &[f32], lo: &mut f32, hi: &mut f32) {
        let (mut l, mut h) = (*lo, *hi);
        for v in values {
            l = if *v < l { *v } else { l };
            h = if *v > h { *v } else { h };
        }
        (*lo, *hi) = (l, h);
    }
}
