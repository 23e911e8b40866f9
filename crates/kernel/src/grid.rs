//! Samples on a patch.

use crate::patch::Patch;

/// One `f32` per sample of a patch, x fastest, then y, then z.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    patch: Patch,
    samples: Vec<f32>,
}

impl Grid {
    /// `samples.len()` must be the patch's sample count, or this panics.
    pub fn new(patch: Patch, samples: Vec<f32>) -> Grid {
        assert_eq!(samples.len() as u64, patch.sample_count(), "one value per sample of the patch");
        Grid { patch, samples }
    }

    /// Where the samples are.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// The values.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The values, to be changed in place.
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples
    }

    /// The values alone.
    pub fn into_samples(self) -> Vec<f32> {
        self.samples
    }
}
