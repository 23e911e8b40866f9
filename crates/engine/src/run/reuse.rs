//! Results of earlier jobs given again, if they are still what they were.

use super::patience::Patience;
use super::publish::{Finished, OutputBytes, OutputFile, note};
use super::running::AttemptHandle;
use crate::blobs::{PlacedBlob, Placing};
use crate::core::Core;
use crate::model::*;
use crate::store::DoneWork;
use fieldstone_jobs::{JobEntry, JobError};
use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Hash of all that the result depends on: the type and its revision, the parameters, and the inputs with the names by
/// which parameters and formats know them and with what their makers said of them.
pub(super) fn work_hash(
    entry: &JobEntry,
    params: &IndexMap<String, Value>,
    inputs: &IndexMap<String, Vec<Asset>>,
) -> String {
    let files = |list: &Vec<Asset>| {
        list.iter()
            .map(|file| json!([name_that_counts(file, params), file.sha256, file.made]))
            .collect::<Value>()
    };
    let inputs: Value = inputs.iter().map(|(slot, list)| json!([slot, files(list)])).collect();
    let work = json!([entry.type_name, entry.revision, params, inputs]);
    hex::encode(Sha256::digest(work.to_string()))
}

/// What a file made by a job is called is new each time, and says no more than its extension, which names the format. Unless a parameter
/// refers to the file by its name; one with a backslash may do so in other letters.
fn name_that_counts<'a>(file: &'a Asset, params: &IndexMap<String, Value>) -> &'a str {
    let may_name = |text: &str| text.contains(&file.filename) || text.contains('\\');
    let is_named =
        || params.values().any(|value| value.as_str().map_or_else(|| may_name(&value.to_string()), may_name));
    match file.filename.rsplit_once('.') {
        Some((_, extension)) if file.job_id.is_some() && !is_named() => extension,
        _ => &file.filename,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(job: Option<i64>, filename: &str) -> Asset {
        Asset {
            id: AssetId(1),
            project_id: ProjectId(1),
            job_id: job.map(JobId),
            filename: filename.to_owned(),
            size: 1,
            sha256: "0".repeat(64),
            created: Timestamp(0),
            modified: Timestamp(0),
            made: IndexMap::new(),
        }
    }

    #[test]
    fn a_name_counts_where_somebody_gave_it_or_a_parameter_says_it() {
        let counts = |job, text: Value| {
            let file = file(job, "18eb.ply");
            name_that_counts(&file, &IndexMap::from([("graph".to_owned(), text)])).to_owned()
        };
        assert_eq!(counts(Some(7), json!("{}")), "ply");
        assert_eq!(counts(Some(7), json!(64)), "ply");
        assert_eq!(counts(None, json!("{}")), "18eb.ply");
        for text in
            [json!("[\"18eb.ply\"]"), json!({"path": "18eb.ply"}), json!("[\"\\u0031\\u0038eb.ply\"]")]
        {
            assert_eq!(counts(Some(7), text.clone()), "18eb.ply", "{text}");
        }
    }
}
