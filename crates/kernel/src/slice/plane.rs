//! A plane of samples.

use crate::patch::Patch;

/// Samples over a rectangle, x fastest: sample `(i, j)` sits at `offset + spacing * (i, j)`, mm.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    samples: &'a [f32],
    resolution: [usize; 2],
    offset: [f64; 2],
    spacing: [f64; 2],
}

impl<'a> Plane<'a> {
    /// The samples of one z of `patch`; as many as it has in x and y, or this panics.
    pub fn new(patch: &Patch, samples: &'a [f32]) -> Plane<'a> {
        let ([nx, ny, _], [ox, oy, _], [hx, hy, _]) = (patch.resolution(), patch.offset(), patch.spacing());
        let resolution = [nx as usize, ny as usize];
        assert_eq!(samples.len() as u64, u64::from(nx) * u64::from(ny), "one value per sample of the plane");
        Plane { samples, resolution, offset: [ox, oy], spacing: [hx, hy] }
    }

    /// Samples per axis.
    pub(super) fn resolution(&self) -> [usize; 2] {
        self.resolution
    }

    /// Distance of samples.
    pub(super) fn spacing(&self) -> [f64; 2] {
        self.spacing
    }

    /// Row `j`.
    pub(super) fn row(&self, j: usize) -> &'a [f32] {
        &self.samples[j * self.resolution[0]..(j + 1) * self.resolution[0]]
    }

    /// Where a place in units of samples lies, mm.
    pub(super) fn position(&self, at: [f64; 2]) -> [f64; 2] {
        [self.offset[0] + self.spacing[0] * at[0], self.offset[1] + self.spacing[1] * at[1]]
    }
}
