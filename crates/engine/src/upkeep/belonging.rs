//! Whether a folder's ledger is the one that its blobs were stored under: with another, or an older one, what is worth
//! keeping would look like garbage.

use crate::blobs::{Blobs, IN_FOLDER, LedgerAge, LedgerMark};
use crate::data_folder::LEDGER;
use crate::error::{EngineError, Result};
use crate::location::Location;
use crate::store::Store;
use std::path::Path;

/// Where the ledger says where its files are; without it they are in the data folder.
const PLACE: &str = "blobs";

/// Refuses a place that holds blobs and no ledger, or an empty one.
pub(crate) async fn check_ledger_is_there(at: Location<'_>) -> Result<()> {
    if Store::schema_version(at).await? > 0 {
        return Ok(());
    }
    if at.blobs.is_none() && !at.data.join("blobs").exists() {
        return Ok(());
    }
    let blobs = Blobs::attach(at)?;
    let stored = blobs.list().await?.iter().filter(|file| file.sha256.is_some()).count();
    if stored == 0 {
        return Ok(());
    }
    let is_empty = at.database.is_some() || at.data.join(LEDGER).exists();
    let (shown, how) = (shown(at), if is_empty { "is empty" } else { "is not there" });
    let here = place(at);
    Err(EngineError::Conflict(format!(
        "{stored} stored files are {here}, and their ledger {shown} {how}. {ADVICE}"
    )))
}

fn place(at: Location<'_>) -> String {
    at.blobs.map_or("here".to_owned(), |url| format!("in {url}"))
}

fn shown(at: Location<'_>) -> String {
    at.database.map_or_else(|| at.data.join(LEDGER).display().to_string(), ToString::to_string)
}

/// Refuses a ledger that knows less than was known when the blobs were stored, one in a database that is used with another
/// folder, and one whose files are elsewhere.
pub(crate) async fn check_ledger_is_current(at: Location<'_>, store: &Store) -> Result<()> {
    let blobs = Blobs::attach(at)?;
    blobs.reach().await?;
    let (noted, found) = (blobs.age().await?, store.age().await?);
    refuse_elsewhere(at, store, &blobs, noted.as_ref(), found.as_ref()).await?;
    let shown = shown(at);
    let Some(noted) = noted else {
        return match found {
            Some(found) if (at.database.is_some() || at.blobs.is_some()) && found.blob_rows > 0 => {
                Err(EngineError::Conflict(match at.blobs {
                    Some(url) => format!(
                        "the ledger {shown} names files that are not in {url}: start with the bucket that holds them (setting \
                         blobs), or once with `fieldstone serve --accept-lost-rows` to go on without them"
                    ),
                    None => format!(
                        "the ledger {shown} names files that are stored in another data folder than {}: start with that (setting \
                         data), or once with `fieldstone serve --accept-lost-rows` to go on without them",
                        at.data.display()
                    ),
                }))
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
            "the ledger {shown} is not the one that the files {} were stored under. {ADVICE}",
            at.blobs.map_or("beside it".to_owned(), |url| format!("in {url}"))
        ))),
    }
}

/// Files that were copied here all at once, when no server ran, have the ledger's age beside them.
async fn refuse_elsewhere(
    at: Location<'_>,
    store: &Store,
    blobs: &Blobs,
    noted: Option<&LedgerAge>,
    found: Option<&LedgerAge>,
) -> Result<()> {
    let (used, here) = (place_of_files(store).await?, blobs.shown());
    if used == here || noted == found || found.is_none_or(|found| found.blob_rows == 0) {
        return Ok(());
    }
    Err(EngineError::Conflict(format!(
        "the files of the ledger {} are in {used}, and this is to use {here} (setting blobs): set it as it was, or copy them \
         first, while no server runs (`fieldstone blobs copy`)",
        shown(at)
    )))
}

async fn place_of_files(store: &Store) -> Result<String> {
    Ok(store.meta(PLACE).await?.unwrap_or_else(|| IN_FOLDER.to_owned()))
}

/// Notes beside the blobs that this ledger names them, from now on, and in the ledger where they are. Other servers that share it may have
/// noted a later age, which stays; but not if the loss of what it knew is accepted.
pub(crate) async fn mark(
    blobs: &Blobs,
    store: &Store,
    is_shared: bool,
    accept_lost_rows: bool,
) -> Result<LedgerMark> {
    let age = store.age_or_new().await?;
    let here = blobs.shown();
    if place_of_files(store).await? != here {
        store.set_meta(PLACE, &here).await?;
    }
    if is_shared && accept_lost_rows {
        drop(blobs.mark(&age, false).await?);
    }
    blobs.mark(&age, is_shared).await
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
