//! The samples of a brick whose walks are not at their end, close together, so that sixteen of them can be worked on at once.

use super::super::brick::GROUPS;
use crate::simd::{F32x16, LANES};

/// Samples whose walks are not at their end, close together: `N` numbers of each.
pub(super) struct Walkers<const N: usize> {
    pub len: usize,
    numbers: [Vec<f32>; N],
}

impl<const N: usize> Default for Walkers<N> {
    fn default() -> Self {
        // Sixteen are written at a time.
        Walkers { len: 0, numbers: std::array::from_fn(|_| vec![0.0; GROUPS * LANES + LANES]) }
    }
}

impl<const N: usize> Walkers<N> {
    /// Adds the lanes whose bits in `open` are set.
    ///
    /// # Safety
    /// The processor has what `V` needs; no sample is added twice.
    #[inline(always)]
    pub unsafe fn push<V: F32x16>(&mut self, open: u16, numbers: [V; N]) {
        debug_assert!(self.len + LANES <= self.numbers[0].len());
        if open == 0 {
            return;
        }
        for (to, from) in self.numbers.iter_mut().zip(numbers) {
            // SAFETY: there is room for a vector behind the last.
            unsafe { from.compress(open).store(&mut *to.as_mut_ptr().add(self.len).cast()) };
        }
        self.len += open.count_ones() as usize;
    }

    /// Sixteen from number `start` on, of which the last may be left from earlier.
    ///
    /// # Safety
    /// The processor has what `V` needs; `start` is below the length.
    #[inline(always)]
    pub unsafe fn sixteen<V: F32x16>(&self, start: usize) -> [V; N] {
        debug_assert!(start + LANES <= self.numbers[0].len());
        unsafe {
            let mut lanes = [V::splat(0.0); N];
            for (lane, numbers) in lanes.iter_mut().zip(&self.numbers) {
                *lane = V::load(&*numbers.as_ptr().add(start).cast());
            }
            lanes
        }
    }

    /// The bits of those of sixteen from number `start` on that are there.
    pub fn some(&self, start: usize) -> u16 {
        let count = (self.len - start).min(LANES);
        ((1u32 << count) - 1) as u16
    }
}
