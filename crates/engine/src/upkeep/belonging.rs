//! Whether a folder's ledger is the one that its blobs were stored under: with another, or an older one, what is worth
//! keeping would look like garbage.

use crate::blobs::{LedgerAge, LedgerMark, files, read_mark};
use crate::data_folder::LEDGER;
use crate::error::{EngineError, Result};
use crate::store::Store;
use std::path::Path;

/// Refuses a folder that holds blobs and no ledger, or an empty one.
pub(crate) async fn check_ledger_is_there(data: &Path) -> Result<()> {
    if Store::schema_version(data).await? > 0 {
        return Ok(());
    }
    let stored = match data.join("blobs").exists() {
        true => files::all(data).await?.iter().filter(|file| file.sha256.is_some()).count(),
        false => 0,
    };
    if stored == 0 {
        return Ok(());
    }
    let ledger = data.join(LEDGER);
    let (shown, how) = (ledger.display(), if ledger.exists() { "is empty" } else { "is not there" });
    Err(EngineError::Conflict(format!(
        "{stored} stored files are here, and their ledger {shown} {how}. {ADVICE}"
    )))
}

/// Refuses a ledger that knows less than was known when the folder's blobs were stored.
pub(crate) async fn check_ledger_is_current(data: &Path, store: &Store) -> Result<()> {
    let (Some(noted), found) = (read_mark(data)?, store.age().await?) else { return Ok(()) };
    let ledger = data.join(LEDGER);
    let (shown, stored) = (ledger.display(), noted.blob_rows);
    match found {
        Some(found) if found.ledger == noted.ledger && found.blob_rows >= noted.blob_rows => Ok(()),
        Some(found) if found.ledger == noted.ledger => Err(EngineError::Conflict(format!(
            "the ledger {shown} is older than the files stored beside it: it knows of {} times that files were stored, they \
             of {stored}. {ADVICE}",
            found.blob_rows
        ))),
        _ => Err(EngineError::Conflict(format!(
            "the ledger {shown} is not the one that the files beside it were stored under. {ADVICE}"
        ))),
    }
}

/// Notes beside the blobs that this ledger names them, from now on.
pub(crate) async fn mark(data: &Path, store: &Store) -> Result<LedgerMark> {
    Ok(LedgerMark::write(data, &store.age_or_new().await?)?)
}

/// Notes in a copy of a data folder that the ledger in it names its blobs.
pub(super) fn mark_copy(data: &Path, age: Option<&LedgerAge>) -> Result<()> {
    if let Some(age) = age {
        LedgerMark::write(data, age)?;
    }
    Ok(())
}

const ADVICE: &str = "Put the newest ledger back, or take a whole backup (`fieldstone backup` makes one: a folder of \
    its own). To go on without what it knew, start once with `fieldstone serve --accept-lost-rows`: nothing is deleted, files \
    that no row names are moved to quarantine/ after an hour and stay there for quarantine_days";
