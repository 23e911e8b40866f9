//! A ledger moves to another database: from SQLite in a data folder to PostgreSQL, or back.

use crate::data_folder::{self, LEDGER};
use crate::error::{EngineError, Result};
use crate::location::Location;
use crate::store::{Store, Unused};
use std::fs::File;

/// Copies a ledger with all its rows to a place that has none, and compares the copy with it, row by row. All of it is there in the
/// end or nothing. No server may use either; files of assets stay where they are. How many rows each table has.
pub async fn copy_ledger(from: Location<'_>, to: Location<'_>) -> Result<Vec<(&'static str, u64)>> {
    if from.database.is_none() && !from.data.join(LEDGER).is_file() {
        return Err(EngineError::NotFound(format!("the ledger {}", from.data.join(LEDGER).display())));
    }
    let _source_lock = lock(from).await?;
    let source_unused = Unused::take(from).await?;
    let source = Store::open_read_only(from).await?;
    if to.database.is_none() {
        data_folder::make_data_folder(to.data)?;
    }
    let _target_lock = lock(to).await?;
    let target = Store::open(to, true).await?;
    let target_unused = Unused::take(to).await?;
    let copied = source.copy_rows(&target).await;
    source.close().await;
    target.fold_and_close().await;
    source_unused.end().await;
    target_unused.end().await;
    copied
}

/// The lock of a folder's only server. That of a database is taken with its ledger.
async fn lock(at: Location<'_>) -> Result<Option<File>> {
    if at.database.is_some() {
        return Ok(None);
    }
    let _making = data_folder::lock_ledger(at.data).await?;
    data_folder::lock(at.data).map(Some)
}
