//! The inputs of an attempt: where they lie, and whether they are what they were.

use crate::blobs::Blobs;
use crate::core::Core;
use crate::error::Result;
use crate::model::{Asset, Job};
use fieldstone_jobs::{Input, JobError};
use indexmap::IndexMap;

/// Inputs are read where they lie: blobs never change.
pub(super) fn places(blobs: &Blobs, job: &Job) -> Result<IndexMap<String, Vec<Input>>> {
    let input = |asset: &Asset| {
        Ok(Input {
            path: blobs.local_path(&asset.sha256)?,
            filename: asset.filename.clone(),
            checksum: format!("sha256:{}", asset.sha256),
            made: asset.made.clone(),
        })
    };
    let slot = |(slot, list): (&String, &Vec<Asset>)| {
        Ok((slot.clone(), list.iter().map(input).collect::<Result<_>>()?))
    };
    job.inputs.assets.iter().map(slot).collect()
}

/// Reads every input once, before the job does: geometry computed from rotten bytes would look like any other.
pub(super) async fn check(core: &Core, job: &Job) -> Result<(), JobError> {
    for (slot, list) in &job.inputs.assets {
        for asset in list {
            if !core.blobs.is_sound(&asset.sha256).await.map_err(anyhow::Error::from)? {
                return Err(JobError::Invalid(format!(
                    "input {slot}: the stored bytes of asset {} ({:?}) are damaged or missing; upload them again",
                    asset.id, asset.filename
                )));
            }
        }
    }
    Ok(())
}
