//! Bricks of 8×8×8 samples, worked on sixteen at a time, and the beams of them that the tasks of a grid are.

use crate::simd::LANES;

/// Samples along an edge of a brick.
pub(super) const BRICK: usize = 8;
/// Groups of sixteen samples in a brick.
pub(super) const GROUPS: usize = BRICK * BRICK * BRICK / LANES;

/// Sixteen numbers that are worked on together.
pub(super) type Lane = [f32; LANES];

/// So many rows of so many planes of the grid (fewer at its end): what one task writes.
pub(super) struct Beam<'a> {
    /// Index of the first row along y.
    pub y: u32,
    /// Index of the first row along z.
    pub z: u32,
    /// For each z the rows of that plane, one after the other.
    pub planes: Vec<&'a mut [f32]>,
}

/// Cuts the grid into beams along x, `width` × `width` rows each.
pub(super) fn beams(samples: &mut [f32], [nx, ny, nz]: [usize; 3], width: usize) -> Vec<Beam<'_>> {
    let mut beams = Vec::with_capacity(ny.div_ceil(width) * nz.div_ceil(width));
    for (k, slab) in samples.chunks_mut(nx * ny * width).enumerate() {
        let first = beams.len();
        for plane in slab.chunks_mut(nx * ny) {
            for (j, rows) in plane.chunks_mut(nx * width).enumerate() {
                if beams.len() <= first + j {
                    let (y, z) = ((j * width) as u32, (k * width) as u32);
                    beams.push(Beam { y, z, planes: Vec::with_capacity(width) });
                }
                beams[first + j].planes.push(rows);
            }
        }
    }
    beams
}
