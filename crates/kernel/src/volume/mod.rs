//! Volumes: samples of a box, of one to four channels.

use crate::patch::Patch;

/// Samples on a patch, a `Vec` per channel, x fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    patch: Patch,
    channels: Vec<Vec<f32>>,
}

impl Volume {
    /// One to four channels, each with the patch's sample count, or this panics.
    pub fn new(patch: Patch, channels: Vec<Vec<f32>>) -> Volume {
        assert!((1..=4).contains(&channels.len()), "one to four channels");
        assert!(channels.iter().all(|c| c.len() as u64 == patch.sample_count()), "one value per sample");
        Volume { patch, channels }
    }

    /// Where the samples are.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// The samples by channel.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }
}
