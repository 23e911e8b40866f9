//! Results of earlier jobs given again, if they are still what they were.

use super::patience::Patience;
use super::publish::{Finished, OutputBytes, OutputFile, note};
use super::running::AttemptHandle;
use crate::blobs::{PlacedBlob, Placing};
use crate::core::Core;
use crate::model::*;
use crate::store::DoneWork;
use fieldstone_jobs::JobError;

/// What this job would bring, where another of its project did the same work and its outputs are whole.
pub(super) async fn reuse<'a>(
    core: &'a Core,
    job: &Job,
    work: &str,
    handle: &AttemptHandle,
) -> Result<Option<Finished<'a>>, JobError> {
    let patience = Patience::new(handle);
    let Some(done) = same_work(core, job, work).await? else { return Ok(None) };
    for asset in done.outputs.assets.values().flatten() {
        let is_sound = loop {
            match core.blobs.is_sound(&asset.sha256).await {
                Ok(is_sound) => break is_sound,
                Err(e) => patience.again(e).await.map_err(anyhow::Error::from)?,
            }
        };
        if !is_sound {
            let (file, from) = (&asset.filename, done.job);
            let text = format!("job {from} did the same work, but its {file:?} is damaged: it is done again");
            note(core, job.id, job.attempt, LogLevel::Warning, vec![text]).await;
            return Ok(None);
        }
    }
    // From here on nothing is swept: blobs that are found keep their places until they have their new rows.
    let placing = core.blobs.placing().await.map_err(anyhow::Error::from)?;
    let found = same_work(core, job, work).await?.filter(|now| now.job == done.job);
    Ok(found.map(|done| finished(done, work.to_owned(), placing)))
}

async fn same_work(core: &Core, job: &Job, work: &str) -> Result<Option<DoneWork>, JobError> {
    Ok(core.store.same_work(job.project_id, work).await.map_err(anyhow::Error::from)?)
}

/// The outputs of a job that did this work.
fn finished(done: DoneWork, work: String, placing: Placing<'_>) -> Finished<'_> {
    let outputs = done.outputs.assets.into_iter().flat_map(|(slot, list)| {
        list.into_iter().map(move |asset| OutputFile {
            slot: slot.clone(),
            extension: asset.filename.rsplit_once('.').map_or("bin", |(_, e)| e).to_owned(),
            bytes: OutputBytes::Placed(PlacedBlob { sha256: asset.sha256, size: asset.size }),
        })
    });
    Finished {
        assets: outputs.collect(),
        params: done.outputs.params,
        work,
        from: Some((done.job, placing)),
        _folder: None,
    }
}
