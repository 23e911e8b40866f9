//! Takes away what nobody goes on with: uploads that have expired, and their files.

use crate::blobs::Blobs;
use crate::error::Result;
use crate::model::Timestamp;
use crate::resumable::{FOLDER, ResumableUpload, Writers};
use crate::store::Store;
use std::collections::HashSet;
use std::path::Path;

/// Deletes expired uploads, files that no upload has, and uploads whose files are gone; without `cleans_up` it only forgets what is counted of
/// those that are gone. How many uploads were deleted.
pub(crate) async fn sweep_uploads(
    blobs: &Blobs,
    ledger: &Store,
    writers: &Writers,
    now: Timestamp,
    cleans_up: bool,
) -> Result<usize> {
    // Files and writers first: the row of an upload is there before either.
    let (files, counted) = (files(blobs.folder()).await?, writers.ids());
    let (mut kept, mut ids, mut swept) = (HashSet::new(), HashSet::new(), 0);
    for upload in ledger.every_upload().await? {
        if !cleans_up {
            ids.extend(upload.asset_id.is_none().then_some(upload.id));
            continue;
        }
        if upload.expires <= now || (upload.asset_id.is_none() && !has_bytes(blobs, &upload)) {
            ledger.delete_upload(upload.id).await?;
            swept += 1;
            continue;
        }
        if upload.asset_id.is_none() {
            ids.insert(upload.id);
            kept.insert(upload.file);
        }
    }
    for file in files.difference(&kept).filter(|_| cleans_up) {
        // One that stays is found the next time.
        let _ = std::fs::remove_file(blobs.upload_file(file));
    }
    counted.into_iter().filter(|id| !ids.contains(id)).for_each(|id| writers.forget(id));
    Ok(swept)
}

/// Whether what was noted of it is there; not so in a data folder that was restored from a backup, which has no uploads.
fn has_bytes(blobs: &Blobs, upload: &ResumableUpload) -> bool {
    // Opened, because a network's file system may remember another length of one that is not.
    let found = std::fs::File::open(blobs.upload_file(&upload.file)).and_then(|file| file.metadata());
    upload.received == 0 || found.is_ok_and(|file| file.len() >= upload.received)
}

async fn files(data: &Path) -> Result<HashSet<String>> {
    let folder = data.join(FOLDER);
    let read = move || {
        let entries = std::fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    Ok(tokio::task::spawn_blocking(move || -> std::io::Result<HashSet<String>> { read() }).await??)
}
