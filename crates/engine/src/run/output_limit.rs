//! How large the outputs of an attempt may be: what its project, its user and the disk have room for.

use crate::core::Core;
use crate::error::Result;
use crate::model::ProjectId;

/// A limit for every file that an attempt writes.
pub(super) struct OutputLimit {
    /// Bytes.
    pub(super) bytes: u64,
    /// What is said of a job that would go beyond.
    pub(super) refusal: String,
}

/// The limit as it is now; outputs that fit it are measured again when they are published.
pub(super) async fn output_limit(core: &Core, project: ProjectId) -> Result<OutputLimit> {
    let disk = core.disk_room()?;
    let room = core.store.room(project).await?;
    Ok(match room {
        Some(room) if room.bytes <= disk => {
            let refusal = room.refusal(project, "the outputs of this job do not fit");
            OutputLimit { bytes: room.bytes, refusal }
        }
        _ => OutputLimit {
            bytes: disk,
            refusal: format!(
                "the outputs of this job do not fit on the disk of the data folder, which has room for {disk} bytes \
                 (setting min_free)"
            ),
        },
    })
}
