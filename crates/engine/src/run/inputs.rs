//! The inputs of an attempt: files of this machine that are what they were.

use super::patience::Patience;
use super::running::AttemptHandle;
use crate::blobs::LocalBlob;
use crate::core::Core;
use crate::model::{Asset, Job};
use fieldstone_jobs::{Input, JobError};
use indexmap::IndexMap;
use std::path::PathBuf;

/// Inputs as a ticket names them. Where they are is told by [`bring`].
pub(super) fn named(job: &Job) -> IndexMap<String, Vec<Input>> {
    let input = |asset: &Asset| Input {
        path: PathBuf::new(),
        filename: asset.filename.clone(),
        checksum: format!("sha256:{}", asset.sha256),
        made: asset.made.clone(),
    };
    let slot = |(slot, list): (&String, &Vec<Asset>)| (slot.clone(), list.iter().map(input).collect());
    job.inputs.assets.iter().map(slot).collect()
}

/// Reads every input once, before the job does: geometry computed from rotten bytes would look like any other. They stay where
/// they are as long as what is answered.
pub(super) async fn bring(
    core: &Core,
    job: &Job,
    inputs: &mut IndexMap<String, Vec<Input>>,
    handle: &AttemptHandle,
) -> Result<Vec<LocalBlob>, JobError> {
    let (patience, mut brought) = (Patience::new(handle), Vec::new());
    for (slot, list) in &job.inputs.assets {
        for (asset, input) in list.iter().zip(inputs.get_mut(slot).into_iter().flatten()) {
            let copy = loop {
                match core.blobs.sound_copy(&asset.sha256).await {
                    Ok(copy) => break copy,
                    Err(e) => patience.again(e).await.map_err(anyhow::Error::from)?,
                }
            };
            let Some(blob) = copy else {
                return Err(JobError::Invalid(format!(
                    "input {slot}: the stored bytes of asset {} ({:?}) are damaged or missing; upload them again",
                    asset.id, asset.filename
                )));
            };
            blob.path().clone_into(&mut input.path);
            brought.push(blob);
        }
    }
    Ok(brought)
}
