//! The right to write an upload, in this process and among servers that share its folder.

use crate::core::Core;
use crate::data_folder::{flocked, private_file};
use crate::error::{EngineError, Result};
use crate::resumable::{ResumableUpload, Turn};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::time::{Duration, Instant};

/// How long a server that writes an upload has to let go of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often that is looked at, and how often it is called upon.
const LOOK: Duration = Duration::from_millis(50);
const CALL: Duration = Duration::from_secs(1);

/// Takes the right to write an upload, calling on whoever has it to let go.
pub(super) async fn turn(core: &Core, upload: &ResumableUpload) -> Result<Turn> {
    let turn = core.writers.turn(upload).await;
    if core.head.is_none() || upload.asset_id.is_some() {
        return Ok(turn);
    }
    Ok(turn.everywhere(everywhere(core, upload).await?))
}

/// The lock of an upload's file, which is made where there is none.
async fn everywhere(core: &Core, upload: &ResumableUpload) -> Result<File> {
    let (begun, mut called) = (Instant::now(), None::<Instant>);
    loop {
        let (path, received) = (core.blobs.upload_file(&upload.file), upload.received);
        let take = move || -> Result<Option<File>> {
            let file = flocked(private_file().open(&path)?, FlockOperation::NonBlockingLockExclusive)?;
            // It was removed meanwhile: what has come of the upload is an asset now, or forgotten.
            if received > 0 && file.as_ref().is_some_and(|file| file.metadata().is_ok_and(|it| it.len() == 0))
            {
                std::fs::remove_file(&path)?;
            }
            Ok(file)
        };
        if let Some(file) = tokio::task::spawn_blocking(take).await?? {
            return Ok(file);
        }
        if begun.elapsed() > PATIENCE {
            let message = format!("another server writes upload {} and does not let go of it", upload.id);
            return Err(EngineError::Busy { message, retry_after_s: PATIENCE.as_secs() });
        }
        if called.is_none_or(|at| at.elapsed() > CALL) {
            called = Some(Instant::now());
            core.store.call_for_upload(upload.id).await?;
        }
        tokio::time::sleep(LOOK).await;
    }
}
