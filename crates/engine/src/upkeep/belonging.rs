//! Whether a folder's ledger is the one that its blobs were stored under: with another, or an older one, what is worth
//! keeping would look like garbage.

use crate::blobs::{LedgerAge, LedgerMark, files, read_mark};
use crate::data_folder::LEDGER;
use crate::error::{EngineError, Result};
use crate::location::Location;
use crate::store::Store;
use std::path::Path;

/// Refuses a folder that holds blobs and no ledger, or an empty one.
pub(crate) async fn check_ledger_is_there(at: Location<'_>) -> Result<()> {
    if Store::schema_version(at).await? > 0 {
        return Ok(());
    }
    let data = at.data;
    let stored = match data.join("blobs").exists() {
        true => files::all(data).await?.iter().filter(|file| file.sha256.is_some()).count(),
        false => 0,
    };
    if stored == 0 {
        return Ok(());
    }
    let is_empty = at.database.is_some() || data.join(LEDGER).exists();
    let (shown, how) = (shown(at), if is_empty { "is empty" } else { "is not there" });
    Err(EngineError::Conflict(format!(
        "{stored} stored files are here, and their ledger {shown} {how}. {ADVICE}"
    )))
}

fn shown(at: Location<'_>) -> String {
    at.database.map_or_else(|| at.data.join(LEDGER).display().to_string(), ToString::to_string)
}

/// Refuses a ledger that knows less than was known when the folder's blobs were stored, and one in a database that is
/// used with another folder.
pub(crate) async fn check_ledger_is_current(at: Location<'_>, store: &Store) -> Result<()> {
    let (noted, found) = (read_mark(at.data)?, store.age().await?);
    let shown = shown(at);
    let Some(noted) = noted else {
        return match found {
            Some(found) if at.database.is_some() && found.blob_rows > 0 => {
                Err(EngineError::Conflict(format!(
                    "the ledger {shown} names files that are stored in another data folder than {}: start with that (setting \
                     data), or once with `fieldstone serve --accept-lost-rows` to go on without them",
                    at.data.display()
                )))
            }
            _ => Ok(()),
        };
    };
    let stored = noted.blob_rows;
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

/// Notes beside the blobs that this ledger names them, from now on. Other servers that share it may have noted a later age, which stays;
/// but not if the loss of what it knew is accepted.
pub(crate) async fn mark(
    data: &Path,
    store: &Store,
    is_shared: bool,
    accept_lost_rows: bool,
) -> Result<LedgerMark> {
    let age = store.age_or_new().await?;
    if !is_shared {
        return Ok(LedgerMark::write(data, &age)?);
    }
    if accept_lost_rows {
        LedgerMark::write(data, &age)?;
    }
    Ok(LedgerMark::share(data, &age)?)
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
