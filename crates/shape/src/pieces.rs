//! A plan's planes in pieces that can be computed apart from each other, on other machines: the values are the same, bit by bit.
//!
//! What a value is may depend on what is computed together with it, where nobody sees the difference: blocks far from the
//! surface are told by their bounds, and what is kept is computed for a whole slab. So pieces are cut where blocks or slabs end, and
//! so is what is computed beyond them.

use crate::plan::Plan;
use std::ops::Range;

/// Pieces begin at multiples of so many planes. Blocks of samples fit in between, and whoever reads beyond a piece reads no more.
pub const PIECE_STEP: u32 = 8;

impl Plan {
    /// All planes in pieces of at most so many samples, or of as few as can be. One range where they cannot be cut.
    pub fn pieces(&self, samples: u64) -> Vec<Range<u32>> {
        let [nx, ny, nz] = self.resolution();
        let step = if self.keeps() { self.slab } else { PIECE_STEP };
        if step == 0 || nz <= step || !self.volumes.is_empty() || !self.slabs_see_their_neighbours_alone() {
            return std::iter::once(0..nz).collect();
        }
        let most = (samples / (u64::from(nx) * u64::from(ny)).max(1)).clamp(1, nz.into()) as u32;
        let count = nz.div_ceil((most / step).max(1) * step);
        // As even as can be.
        let planes = nz.div_ceil(step).div_ceil(count) * step;
        (0..nz).step_by(planes as usize).map(|z| z..(z + planes).min(nz)).collect()
    }

    /// The ranges that are computed one after the other for a piece: it and [`PIECE_STEP`] planes or more on both sides, where there are
    /// so many. Each value is what it is when [`Plan::slabs`] are computed.
    pub fn slabs_around(&self, piece: &Range<u32>) -> Vec<Range<u32>> {
        let (from, to) = (piece.start.saturating_sub(PIECE_STEP), piece.end.saturating_add(PIECE_STEP));
        let part = |z: Range<u32>| if self.keeps() { z } else { z.start.max(from)..z.end.min(to) };
        self.slabs().filter(|z| z.start < to && from < z.end).map(part).collect()
    }

    /// Whether all that is read of an input beyond a piece has been computed once a whole slab beside it has.
    fn slabs_see_their_neighbours_alone(&self) -> bool {
        let reach = self.halo.iter().zip(&self.cells).map(|(h, c)| h.saturating_add(*c)).max();
        let fits = reach.unwrap_or(0).saturating_add(PIECE_STEP) <= self.slab;
        !self.keeps() || (fits && self.slab.is_multiple_of(PIECE_STEP))
    }

    /// The same plan in slabs of so many planes.
    pub fn in_slabs_of(self, planes: u32) -> Plan {
        Plan { slab: planes, ..self }
    }
}
