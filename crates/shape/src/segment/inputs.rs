//! What all blocks of a sweep have in common.

use super::kept::KeptValues;
use super::step::Stages;
use fieldstone_kernel::simd::Level;

/// What a segment is evaluated with.
#[derive(Clone, Copy)]
pub(crate) struct SegmentInputs<'a> {
    pub(crate) level: Level,
    pub(crate) stages: &'a Stages,
    pub(crate) kept: &'a KeptValues,
    /// Samples per axis of the grid.
    pub(crate) resolution: [u32; 3],
}
