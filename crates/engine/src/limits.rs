//! Limits on what a project may hold and a job may need.

use crate::data_folder;
use std::path::PathBuf;

/// What is left free of a disk for the ledger, unless the settings say otherwise or the disk is small.
const MIN_FREE: u64 = 64 << 20;

/// Of one project, and of one job, at most.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of its assets, and of its rows in the ledger with their texts.
    pub(crate) bytes: Option<u64>,
    /// The same of all projects of its user.
    pub(crate) user_bytes: Option<u64>,
    /// Jobs that wait.
    pub(crate) waiting: Option<u64>,
    /// Bytes of memory that a job may need.
    pub(crate) memory: u64,
    /// Samples above which it is cut into pieces; `None`: it is not.
    pub(crate) piece_samples: Option<u64>,
    /// The disk that all is written to.
    pub(crate) disk: Option<DiskLimit>,
}

/// The disk of a data folder, and what is kept free of it.
#[derive(Clone, Debug)]
pub(crate) struct DiskLimit {
    pub(crate) data: PathBuf,
    /// Bytes; `None`: 64 MiB, or a twentieth of a small disk.
    pub(crate) min_free: Option<u64>,
}

/// What a job needs, where its inputs are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Bytes of memory at most: of any of its pieces, where it is cut.
    pub(crate) memory: u64,
    /// Bytes of its outputs at least.
    pub(crate) output: u64,
}

impl Limits {
    /// None at all.
    pub(crate) const NONE: Limits = Limits {
        bytes: None,
        user_bytes: None,
        waiting: None,
        memory: u64::MAX,
        piece_samples: None,
        disk: None,
    };

    /// Bytes that may still be written to the disk: what is free, less what is kept free for the ledger.
    pub(crate) fn disk_room(&self) -> std::io::Result<u64> {
        let Some(DiskLimit { data, min_free }) = &self.disk else { return Ok(u64::MAX) };
        let disk = data_folder::disk(data)?;
        let kept = min_free.unwrap_or(MIN_FREE.min(disk.size / 20));
        Ok(disk.free.saturating_sub(kept))
    }

    /// What is wrong with a job that needs so many bytes of memory, if anything is.
    pub(crate) fn too_greedy(&self, needed: u64) -> Option<String> {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        (needed > self.memory).then(|| {
            format!(
                "needs up to {} MiB of memory, the limit is {} MiB (setting memory_limit)",
                mib(needed),
                mib(self.memory)
            )
        })
    }
}
