//! Volumes at a lower resolution, for whoever wants to see something of them soon.

use super::Engine;
use crate::blobs::Layout;
use crate::error::{EngineError, Result};
use crate::model::*;
use bytes::Bytes;
use fieldstone_jobs::maker::MadePatch;
use futures::stream::BoxStream;

/// Samples of a volume, every so manieth on each axis.
pub struct ThinVolume {
    /// The checksum of the whole.
    pub sha256: String,
    /// Bytes of a sample: 1 (int8) or 4 (float32).
    pub sample_bytes: u64,
    /// Samples per axis.
    pub resolution: [u64; 3],
    /// Lowest corner, mm.
    pub offset: [f64; 3],
    /// From the first to the last sample of each axis, mm.
    pub size: [f64; 3],
    /// The samples, x fastest.
    pub samples: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Engine {
    /// Samples 0, `stride`, 2 · `stride`, … of each axis of a volume whose maker has said where its samples are.
    pub async fn thin_volume(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: AssetId,
        stride: u64,
    ) -> Result<ThinVolume> {
        let asset = self.get_asset(caller, project, id).await?;
        let refuse = |what: &str| EngineError::Conflict(format!("asset {id} ({:?}) {what}", asset.filename));
        let Some(patch) = MadePatch::of(&asset.made) else {
            return Err(refuse("is no volume that a job has made: nobody has said where its samples are"));
        };
        let resolution = patch.resolution.map(u64::from);
        let count = resolution.iter().try_fold(1_u64, |all, n| all.checked_mul(*n)).unwrap_or(u64::MAX);
        let sample = [1, 4].into_iter().find(|bytes| count.checked_mul(*bytes) == Some(asset.size));
        let Some(sample) = sample else {
            return Err(refuse("is no volume with one int8 or float32 at each sample"));
        };
        let samples = self.core.blobs.thin(&asset.sha256, Layout { resolution, sample }, stride).await?;
        let last = |n: u64| n.saturating_sub(1) / stride * stride;
        let share = |a: usize| last(resolution[a]) as f64 / resolution[a].saturating_sub(1).max(1) as f64;
        Ok(ThinVolume {
            sha256: asset.sha256,
            sample_bytes: sample,
            resolution: resolution.map(|n| last(n) / stride + 1),
            offset: patch.offset,
            size: std::array::from_fn(|a| patch.size[a] * share(a)),
            samples,
        })
    }
}
