//! Room for what jobs make: asked when a job is to start, beside what those that run may still write.
//!
//! Each limit is looked at by itself: the disk, the project's quota, its user's. A job that fits beside what is reserved for running jobs
//! starts and reserves what it says that it makes; where nothing is known of that, half of what is left on the disk, which it then keeps
//! to. One that only has to wait for their end is passed over, as for memory. One that would not fit even then is let in: its attempt
//! says why and ends.

use super::running::{Load, Writing};
use crate::blobs::pieces_of;
use crate::core::Core;
use crate::error::Result;
use crate::model::ProjectId;
use crate::store::Room;
use std::path::Path;

/// Bytes of the disk that a job of which nothing is known waits for, as long as others may still leave some.
const SCRAP: u64 = 64 << 20;

/// Something that outputs have to fit into.
#[derive(Debug)]
pub(super) struct Space {
    /// Bytes that are free now.
    free: u64,
    /// Bytes of these that running jobs may still take.
    reserved: u64,
    /// Whose they are; `None`: the disk's.
    quota: Option<Room>,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It starts.
    Now,
    /// It may fit when jobs that run have ended.
    Later,
    /// It does not fit, whatever runs.
    Never,
}

impl Space {
    fn left(&self) -> u64 {
        self.free.saturating_sub(self.reserved)
    }

    /// Of a job whose outputs have so many bytes, or more. Where nothing is known of them, there must be room for something, unless
    /// there is none anyway: it may have none. What others have left of the disk is enough only if it is more than a scrap, to which the
    /// job would be held until it fails.
    fn fit(&self, output: u64) -> Fit {
        let is_scrap = self.quota.is_none() && self.reserved > 0;
        let needed = if output == 0 && is_scrap { SCRAP } else { output.max(1) };
        // What a job has written is gone from the disk when it fails; a quota is never given back by a job that runs.
        let may_grow = self.quota.is_none();
        match needed <= self.left() {
            true => Fit::Now,
            false if self.reserved > 0 && (may_grow || needed <= self.free) => Fit::Later,
            false => Fit::Never,
        }
    }

    /// What is said of outputs that do not fit.
    fn refusal(&self, project: ProjectId, outputs: &str) -> String {
        let what = match self.reserved {
            0 => format!("{outputs} do not fit"),
            reserved => {
                format!("{outputs} do not fit, beside {reserved} bytes that running jobs may still write,")
            }
        };
        match &self.quota {
            Some(room) => room.refusal(project, &what),
            None => format!(
                "{what} on the disk of the data folder, which has room for {} bytes (setting min_free)",
                self.free
            ),
        }
    }
}

/// What becomes of a job that makes so many bytes.
pub(super) fn fit(output: u64, spaces: &[Space]) -> Fit {
    let each = || spaces.iter().map(|space| space.fit(output));
    match each().find(|fit| *fit == Fit::Never) {
        Some(never) => never,
        None => each().find(|fit| *fit == Fit::Later).unwrap_or(Fit::Now),
    }
}

/// Bytes of the disk that are kept for a job that makes so many, one of `slots` that may run at the same time. Where nothing is known of
/// its outputs, half of what is left: the other half is for those that start meanwhile.
pub(super) fn disk_share(output: u64, spaces: &[Space], slots: usize) -> u64 {
    let left = spaces.iter().filter(|space| space.quota.is_none()).map(Space::left).min().unwrap_or(0);
    match output {
        0 if slots > 1 => left.div_ceil(2),
        0 => left,
        known => known,
    }
}

/// All that outputs of a project's job have to fit into, beside what runs.
pub(super) async fn spaces(core: &Core, project: ProjectId, beside: &Load) -> Result<Vec<Space>> {
    let still = |writing: &Writing| {
        let name = format!("{}-{}", writing.id, writing.attempt);
        let folder = |name: &str| match writing.elsewhere {
            None => core.blobs.work_folder(name),
            Some(owner) => core.blobs.work_folder_of(owner, name),
        };
        let written = written(&folder(&name)).saturating_add(written(&folder(&pieces_of(&name))));
        writing.bytes - written.min(writing.bytes)
    };
    let reserved = beside.outputs.iter().map(still).fold(0, u64::saturating_add);
    let mut spaces = vec![Space { free: core.disk_room()?, reserved, quota: None }];
    for room in core.store.rooms(project).await? {
        let reserved = match room.user() {
            Some(user) => beside.output_of_user(user),
            None => beside.output_of_project(project),
        };
        spaces.push(Space { free: room.bytes, reserved, quota: Some(room) });
    }
    Ok(spaces)
}

/// Bytes of the files in an attempt's folder, which may not be there yet or any more.
fn written(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).fold(0, u64::saturating_add)
}

/// A limit for every file that an attempt writes.
pub(super) struct OutputLimit {
    /// Bytes.
    pub(super) bytes: u64,
    /// What is said of a job that would go beyond.
    pub(super) refusal: String,
}

/// The limit beside what else runs now, for a job that makes so many bytes or more and has a share of `disk` bytes; outputs that fit it are
/// measured again when they are published.
pub(super) fn output_limit(spaces: &[Space], project: ProjectId, output: u64, disk: u64) -> OutputLimit {
    let outputs = match output {
        0 => "the outputs of this job".to_owned(),
        bytes => format!("the outputs of this job ({bytes} bytes or more)"),
    };
    let tightest = spaces.iter().min_by_key(|space| space.left());
    if output == 0 && tightest.is_some_and(|space| disk < space.left()) {
        let refusal = format!(
            "{outputs} do not fit on the disk of the data folder, where {disk} bytes are kept for them: the rest is for jobs beside it \
             (setting min_free)"
        );
        return OutputLimit { bytes: disk, refusal };
    }
    OutputLimit {
        bytes: tightest.map_or(u64::MAX, Space::left),
        refusal: tightest.map(|space| space.refusal(project, &outputs)).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
