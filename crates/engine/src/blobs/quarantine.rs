//! Bytes that no row names, kept for a while in a folder for each day before they are deleted.

use super::{Blobs, Sweeping, key};
use crate::data_folder::{make_folder, sync_folder};
use crate::error::Result;
use jiff::ToSpan;
use jiff::civil::Date;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What was deleted for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
}

/// The day of `now`, in UTC.
pub(crate) fn day_of(now: std::time::SystemTime) -> Date {
    let now = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(now).date()
}

impl Blobs {
    fn quarantine_folder(&self) -> PathBuf {
        self.folder().join("quarantine")
    }

    /// Moves a blob that has no row to the quarantine of `today`; whether it was there.
    pub(crate) fn quarantine(&self, sha256: &str, today: Date, _: &Sweeping<'_>) -> Result<bool> {
        let from = self.folder().join(key(sha256)?.as_ref());
        let folder = self.quarantine_folder().join(today.to_string());
        if !folder.exists() {
            make_folder(&folder)?;
        }
        match std::fs::rename(&from, folder.join(sha256)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        }
        sync_folder(&folder)?;
        from.parent().map_or(Ok(()), sync_folder)?;
        Ok(true)
    }

    /// Deletes what has been in quarantine for more than `days` days.
    pub(crate) fn purge_quarantine(&self, today: Date, days: u32) -> Result<Purged> {
        let mut purged = Purged::default();
        let oldest = today.checked_sub(i64::from(days).days()).unwrap_or(Date::MIN);
        for (day, folder) in days_in(&self.quarantine_folder())? {
            if day > oldest {
                continue;
            }
            for file in std::fs::read_dir(&folder)? {
                purged.blobs += 1;
                purged.bytes += file?.metadata()?.len();
            }
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(purged)
    }

    /// Everything in quarantine: the checksum that a file had as a blob, and where it lies.
    pub(crate) fn quarantined(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for (_, folder) in days_in(&self.quarantine_folder())? {
            for file in std::fs::read_dir(&folder)? {
                let file = file?;
                found.push((file.file_name().to_string_lossy().into_owned(), file.path()));
            }
        }
        Ok(found)
    }

    /// Moves a file from quarantine back to its place, unless there is one already; whether it did.
    pub(crate) fn restore(&self, sha256: &str, from: &Path) -> Result<bool> {
        let to = self.local_path(sha256)?;
        if to.exists() {
            return Ok(false);
        }
        self.folders.ready(sha256)?;
        std::fs::rename(from, &to)?;
        to.parent().map_or(Ok(()), sync_folder)?;
        Ok(true)
    }
}

/// The folders of `quarantine` and their days; others are left alone.
fn days_in(quarantine: &Path) -> Result<Vec<(Date, PathBuf)>> {
    let entries = match std::fs::read_dir(quarantine) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    let mut days = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(day) = entry.file_name().to_string_lossy().parse() {
            days.push((day, entry.path()));
        }
    }
    Ok(days)
}
