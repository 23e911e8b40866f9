//! Opening a ledger: where it is, with which schema, and what all its connections have in common.

use super::db::{BUSY_TIMEOUT, Pool, pool_options};
use super::schema::{applied_version, refuse_other};
use super::{Store, migrations, postgres, upkeep};
use crate::data_folder::{self, LEDGER};
use crate::error::{EngineError, Result};
use crate::heads::HeadId;
use crate::location::Location;
use anyhow::Context;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;

/// Readers beside the one writer. SQLite serves each from the page cache; four keep four cores busy.
const READERS: u32 = 4;

impl Store {
    /// Opens the ledger. With `migrate` its schema is brought up to date, which only the holder of the folder's lock may do;
    /// without, it must be up to date already.
    pub(crate) async fn open(at: impl Into<Location<'_>>, migrate: bool) -> Result<Store> {
        Self::open_for(at.into(), migrate, None).await
    }

    /// The same for a server, whose changes are told to the others as its.
    pub(crate) async fn open_for(at: Location<'_>, migrate: bool, head: Option<HeadId>) -> Result<Store> {
        if let Some(url) = at.database {
            let pools = postgres::open(url, migrate, postgres::Use::Write(head)).await?;
            return Ok(Self::over(pools.write, pools.read));
        }
        let (folder, file) = (at.data, at.data.join(LEDGER));
        if migrate {
            // SQLite would make it readable for all, and its log with the rights that it has itself.
            drop(data_folder::private_file().open(&file)?);
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(migrate)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL syncs the log at every commit: NORMAL would lose acknowledged jobs on power failure.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let pool: SqlitePoolOptions = pool_options();
        // A full disk makes SQLite roll a transaction back by itself. sqlx's own rollback then fails, and sqlx goes on counting
        // the transaction as open (sqlx-sqlite 0.9.0, connection/worker.rs): no other could ever begin on that connection.
        let write = pool.clone().max_connections(1).before_acquire(|connection, _| {
            let is_sound = !sqlx::Connection::is_in_transaction(connection);
            Box::pin(async move { Ok(is_sound) })
        });
        let write = write.connect_with(options.clone()).await?;
        check_version(&write, migrate.then_some(folder)).await?;
        let read = pool.max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self::over(Pool::Sqlite(write), Pool::Sqlite(read)))
    }

    /// The ledger, which a server may be using, for looking only. Its schema must be this build's.
    pub(crate) async fn open_read_only(at: impl Into<Location<'_>>) -> Result<Store> {
        let at = at.into();
        if let Some(url) = at.database {
            let pools = postgres::open(url, false, postgres::Use::Read).await?;
            return Ok(Self::over(pools.write, pools.read));
        }
        let log = data_folder::ledger_log(at.data);
        let is_folded = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        Self::open_to_read(at.data, is_folded && !data_folder::is_writable(at.data)).await
    }

    /// The same for a folder's own. Nothing is written beside a database that is `at_rest`: nobody else may change it meanwhile.
    async fn open_to_read(folder: &Path, at_rest: bool) -> Result<Store> {
        let file = folder.join(LEDGER);
        if !file.is_file() {
            return Err(EngineError::NotFound(format!("the ledger {}", file.display())));
        }
        let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(at_rest);
        let pool: SqlitePoolOptions = pool_options().max_connections(READERS);
        let read = pool.connect_with(options.busy_timeout(BUSY_TIMEOUT)).await?;
        check_version(&read, None).await?;
        let read = Pool::Sqlite(read);
        Ok(Self::over(read.clone(), read))
    }

    /// Schema version of the ledger; 0 when there is none, or an empty one.
    pub(crate) async fn schema_version(at: impl Into<Location<'_>>) -> Result<i64> {
        let at = at.into();
        if let Some(url) = at.database {
            return postgres::schema_version(url).await;
        }
        let file = at.data.join(LEDGER);
        if std::fs::metadata(&file).map_or(true, |found| found.len() == 0) {
            return Ok(0);
        }
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool: SqlitePoolOptions = pool_options().max_connections(1);
        let pool = Pool::Sqlite(pool.connect_with(options).await?);
        let version = applied_version(&mut pool.acquire().await?).await;
        pool.close().await;
        version
    }
}

/// Refuses a schema that this build does not know. An older one is brought up to date where `migrate` names the folder
/// of the database, after a copy has been put beside it.
async fn check_version(pool: &SqlitePool, migrate: Option<&Path>) -> Result<()> {
    let migrations = &migrations::SQLITE;
    let known = migrations::known(migrations);
    let found = applied_version(&mut Pool::Sqlite(pool.clone()).acquire().await?).await?;
    refuse_other("data folder", found, known, migrate.is_some())?;
    if let Some(folder) = migrate {
        if 0 < found && found < known {
            // Named by the first version that it does not have yet.
            let copy = folder.join(format!("ledger.sqlite.before-{}", found + 1));
            upkeep::copy_database(&Pool::Sqlite(pool.clone()), &copy)
                .await
                .context("cannot copy the ledger before its schema changes")?;
            tracing::info!(
                "schema version {found} goes to {known}; the ledger as it was: {}",
                copy.display()
            );
        }
        migrations.run(pool).await.context("cannot bring the ledger's schema up to date")?;
    }
    Ok(())
}
