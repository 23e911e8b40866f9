//! Blobs whose bytes are not what their names say: found wherever one is read, until they are whole again.

use crate::data_folder::private_file;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where damage is noted in a data folder, until a backup has told of it.
const NOTED: &str = "damage.log";
/// What the note is called then.
const TOLD: &str = "damage.log.told";

/// Damaged blobs that this process knows of.
pub(crate) struct Damage {
    known: Mutex<BTreeSet<String>>,
    noted: PathBuf,
}

impl Damage {
    /// None is known yet of the blobs in `data`.
    pub(super) fn new(data: &Path) -> Damage {
        Damage { known: Mutex::default(), noted: data.join(NOTED) }
    }

    /// Notes a damaged blob and tells the log, once.
    pub(crate) fn found(&self, sha256: &str, what: &str) {
        if self.lock().insert(sha256.to_owned()) {
            tracing::error!("blob {sha256} is damaged: {what}; the same bytes uploaded again replace it");
            if let Err(e) = self.note(sha256, what) {
                tracing::warn!("cannot note the damage in {}: {e}", self.noted.display());
            }
        }
    }

    /// Notes that a blob is whole.
    pub(crate) fn healed(&self, sha256: &str) {
        if self.lock().remove(sha256) {
            tracing::info!("blob {sha256} is whole again");
        }
    }

    /// What a read of a blob to its end says of it: whether it is whole.
    pub(crate) fn judge(&self, sha256: &str, read: std::io::Result<(String, u64)>) -> bool {
        match read {
            Ok((found, _)) if found == sha256 => {
                self.healed(sha256);
                return true;
            }
            Ok((found, _)) => self.found(sha256, &format!("its bytes have the checksum sha256:{found}")),
            Err(e) => self.found(sha256, &format!("it cannot be read: {e}")),
        }
        false
    }

    /// Forgets a blob that nobody needs any more.
    pub(crate) fn deleted(&self, sha256: &str) {
        self.lock().remove(sha256);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.lock().len() as u64
    }

    /// Adds a line to the file of damage that no backup has told of yet.
    fn note(&self, sha256: &str, what: &str) -> std::io::Result<()> {
        let now = jiff::Timestamp::now().strftime("%FT%TZ");
        let line = format!("{now} blob {sha256} was damaged: {what}\n");
        private_file().append(true).open(&self.noted)?.write_all(line.as_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Damage found in `data` since a backup last told of it, a line each.
pub(crate) fn noted_damage(data: &Path) -> std::io::Result<Vec<String>> {
    match std::fs::read_to_string(data.join(NOTED)) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Puts the note aside once it has been told; on a disk that nobody can write to it is told again.
pub(crate) fn damage_told(data: &Path) {
    if let Err(e) = std::fs::rename(data.join(NOTED), data.join(TOLD)) {
        tracing::debug!("the note of damage cannot be put aside: {e}");
    }
}
