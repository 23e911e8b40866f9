//! The ledger: SQLite through sqlx, one writer and several readers. What is acknowledged is on disk.

mod assets;
mod count;
mod documents;
mod faults;
pub(crate) mod feed;
pub(crate) mod insert;
mod jobs;
mod keys;
pub(crate) mod ledger;
mod limits;
pub(crate) mod list_query;
mod listing;
mod log;
mod meta;
mod migrations;
mod projects;
mod results;
pub(crate) mod rows;
#[cfg(test)]
mod simulation;
pub(crate) mod sql;
pub(crate) mod upkeep;
pub(crate) mod uploads;
mod workflows;

use crate::blobs::LedgerMark;
use crate::cache::Cache;
use crate::data_folder::{self, LEDGER};
use crate::error::{EngineError, Result};
use crate::limits::Limits;
use crate::model::{AssetId, Job, JobId, ProjectId, WorkflowId};
use anyhow::Context;
use feed::{Changed, Feed};
pub(crate) use keys::KeyRow;
pub(crate) use limits::Room;
use migrations::MIGRATIONS;
pub(crate) use projects::DeletedRows;
use projects::Visibility;
pub(crate) use results::DoneWork;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Readers beside the one writer. SQLite serves each from the page cache; four keep four cores busy.
const READERS: u32 = 4;
/// How long the key command and a server wait for each other's writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CACHED_JOB_BYTES: u64 = 64 << 20;

/// Rows of everything. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    write: SqlitePool,
    read: SqlitePool,
    /// Jobs as last read, forgotten by every write that changes them.
    jobs: Arc<Cache<JobId, Arc<Job>>>,
    /// What writes have changed, for those who watch a job or follow a project.
    feed: Arc<Feed>,
    limits: Limits,
    /// Where the count of transactions that gave a blob its row is noted.
    mark: Option<Arc<LedgerMark>>,
    /// Held by the one that deletes documents.
    sweeping: Arc<tokio::sync::Mutex<()>>,
    /// Who may see which project.
    visibility: Arc<Cache<ProjectId, Arc<Visibility>>>,
}

impl Store {
    /// Opens `folder`'s database. With `migrate` its schema is brought up to date, which only the
    /// holder of the folder's lock may do; without, it must be up to date already.
    pub(crate) async fn open(folder: &Path, migrate: bool) -> Result<Store> {
        let file = folder.join(LEDGER);
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
        let pool = pool_options();
        // A full disk makes SQLite roll a transaction back by itself. sqlx's own rollback then fails, and sqlx goes on counting
        // the transaction as open (sqlx-sqlite 0.9.0, connection/worker.rs): no other could ever begin on that connection.
        let write = pool.clone().max_connections(1).before_acquire(|connection, _| {
            let is_sound = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_sound) })
        });
        let write = write.connect_with(options.clone()).await?;
        check_version(&write, migrate.then_some(folder)).await?;
        let read = pool.max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self::over(write, read))
    }

    /// `folder`'s database, which a server may be using, for looking only. Its schema must be this build's.
    pub(crate) async fn open_read_only(folder: &Path) -> Result<Store> {
        let log = data_folder::ledger_log(folder);
        let is_folded = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        Self::open_to_read(folder, is_folded && !data_folder::is_writable(folder)).await
    }

    /// The same. Nothing is written beside a database that is `at_rest`: nobody else may change it meanwhile.
    async fn open_to_read(folder: &Path, at_rest: bool) -> Result<Store> {
        let file = folder.join(LEDGER);
        if !file.is_file() {
            return Err(EngineError::NotFound(format!("the ledger {}", file.display())));
        }
        let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(at_rest);
        let pool = pool_options().max_connections(READERS);
        let read = pool.connect_with(options.busy_timeout(BUSY_TIMEOUT)).await?;
        check_version(&read, None).await?;
        Ok(Self::over(read.clone(), read))
    }

    /// Schema version of the ledger in `folder`; 0 when there is none, or an empty one.
    pub(crate) async fn schema_version(folder: &Path) -> Result<i64> {
        let file = folder.join(LEDGER);
        if std::fs::metadata(&file).map_or(true, |found| found.len() == 0) {
            return Ok(0);
        }
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool = pool_options().max_connections(1).connect_with(options).await?;
        let version = applied_version(&mut *pool.acquire().await?).await;
        pool.close().await;
        version
    }

    /// What it checks.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn over(write: SqlitePool, read: SqlitePool) -> Store {
        Store {
            write,
            read,
            jobs: Arc::new(Cache::new(10_000, CACHED_JOB_BYTES)),
            feed: Arc::new(Feed::new()),
            limits: Limits::NONE,
            mark: None,
            sweeping: Arc::default(),
            visibility: Arc::new(Cache::new(10_000, 10_000)),
        }
    }

    /// Commits what changes these jobs. From before the commit to its end they are read from the ledger, not from memory: else one who
    /// reads of the change in a workflow or a list could then read of a job as it was before. [`Store::changed`] tells of it.
    pub(crate) async fn commit(
        &self,
        tx: Transaction<'static, Sqlite>,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<()> {
        let _held = self.jobs.hold(jobs.into_iter().collect());
        Ok(tx.commit().await?)
    }

    /// After a committed write: what was read of these jobs of a project is old, and their watchers hear of it. `workflow` is theirs,
    /// where its state may have changed with them.
    pub(crate) fn changed(
        &self,
        project: ProjectId,
        workflow: Option<WorkflowId>,
        jobs: impl IntoIterator<Item = JobId>,
    ) {
        let jobs: Vec<JobId> = jobs.into_iter().collect();
        self.jobs.forget(jobs.iter().copied());
        self.feed.note(project, jobs.into_iter().map(Changed::Job).chain(workflow.map(Changed::Workflow)));
    }

    /// After a committed write: an asset was made, replaced or deleted.
    pub(crate) fn asset_changed(&self, project: ProjectId, id: AssetId) {
        self.feed.note(project, [Changed::Asset(id)]);
    }

    /// What writes of this process have changed.
    pub(crate) fn feed(&self) -> Arc<Feed> {
        self.feed.clone()
    }

    /// A transaction that holds the write lock from its first statement: one that began by reading
    /// would fail with "busy" when it turned to writing.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.write.begin_with(sql::BEGIN).await?)
    }

    /// Runs a writing statement; the row that it returns, if any. The statement is read to its end, because SQLite commits
    /// there: one that is left at its first row commits after its answer, and nobody hears when that fails.
    pub(crate) async fn write_one(
        &self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>> {
        Ok(statement.fetch_all(&self.write).await?.pop())
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.read
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.write
    }

    /// Refuses writes, as a full disk does, or takes them again.
    #[cfg(test)]
    pub(crate) async fn set_writable(&self, yes: bool) {
        let pragma = if yes { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
        sqlx::query(pragma).execute(self.writer()).await.unwrap();
    }

    /// Closes every connection; the last one folds the log into the database.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Folds the log into the database, even while another process has it open, and closes every connection: the file
    /// alone is then all of the ledger.
    pub(crate) async fn fold_and_close(&self) {
        self.read.close().await;
        if let Err(e) = sqlx::query(sql::FOLD_LOG).execute(&self.write).await {
            tracing::warn!("the ledger's log cannot be folded in, it stays beside the ledger: {e}");
        }
        self.write.close().await;
    }
}

/// What all pools have in common. Connections are kept until their pool is closed: with an end to their lives sqlx has a task that
/// looks for old ones, and when a connection comes back and goes out again while it counts them, it counts 2^64 and takes a
/// thread for ever (sqlx issue 3645; sqlx-core 0.9.0, pool/inner.rs: `release` adds to `num_idle` after its permit is free, `pop_idle` has
/// subtracted by then).
fn pool_options() -> SqlitePoolOptions {
    SqlitePoolOptions::new().test_before_acquire(false).max_lifetime(None).idle_timeout(None)
}

/// Refuses a schema that this build does not know. An older one is brought up to date where `migrate` names the folder
/// of the database, after a copy has been put beside it.
async fn check_version(pool: &SqlitePool, migrate: Option<&Path>) -> Result<()> {
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    let mut connection = pool.acquire().await?;
    let found = applied_version(&mut connection).await?;
    if found > known {
        let text = format!("the data folder has schema version {found}, this fieldstone knows up to {known}");
        return Err(EngineError::Conflict(text));
    }
    drop(connection);
    if found < known && migrate.is_none() {
        return Err(EngineError::Conflict(format!(
            "the data folder has schema version {found}, this fieldstone needs {known}: the next start of \
             `fieldstone serve` brings it up to date"
        )));
    }
    if let Some(folder) = migrate {
        if 0 < found && found < known {
            // Named by the first version that it does not have yet.
            let copy = folder.join(format!("ledger.sqlite.before-{}", found + 1));
            upkeep::copy_database(pool, &copy)
                .await
                .context("cannot copy the ledger before its schema changes")?;
            tracing::info!(
                "schema version {found} goes to {known}; the ledger as it was: {}",
                copy.display()
            );
        }
        MIGRATIONS.run(pool).await.context("cannot bring the ledger's schema up to date")?;
    }
    Ok(())
}

/// 0 for a database without a schema.
async fn applied_version(connection: &mut SqliteConnection) -> Result<i64> {
    if sqlx::query(sql::TABLE_OF_VERSIONS).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(0);
    }
    Ok(sqlx::query_scalar(sql::VERSION).fetch_one(connection).await?)
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod usage_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Executor, SqlSafeStr};

    #[tokio::test]
    async fn every_statement_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), true).await.unwrap();
        for (name, text) in sql::ALL {
            let prepared = store.writer().acquire().await.unwrap().prepare(text.into_sql_str()).await;
            assert!(prepared.is_ok(), "{name}: {prepared:?}");
        }
    }

    #[tokio::test]
    async fn no_pool_has_a_task_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), true).await.unwrap();
        let looking = Store::open_read_only(folder.path()).await.unwrap();
        for pool in [&store.write, &store.read, &looking.write, &looking.read] {
            let options = pool.options();
            assert_eq!((options.get_idle_timeout(), options.get_max_lifetime()), (None, None));
            assert_eq!(options.get_min_connections(), 0);
        }
    }

    #[tokio::test]
    async fn an_older_ledger_is_copied_before_its_schema_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.sqlite");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let old = SqlitePoolOptions::new().connect_with(options).await.unwrap();
        let first = MIGRATIONS.iter().take(1).cloned().collect();
        sqlx::migrate::Migrator::with_migrations(first).run(&old).await.unwrap();
        sqlx::query(sql::META_SET).bind("kept").bind("as it was").execute(&old).await.unwrap();
        old.close().await;
        let refused = Store::open_read_only(folder.path()).await.err().unwrap().to_string();
        assert!(
            refused.starts_with("the data folder has schema version 1, this fieldstone needs"),
            "{refused}"
        );
        let store = Store::open(folder.path(), true).await.unwrap();
        assert_eq!(store.meta_or_init("kept", "lost").await.unwrap(), "as it was");
        store.close().await;
        let copy = SqliteConnectOptions::new().filename(folder.path().join("ledger.sqlite.before-2"));
        let copy = SqlitePoolOptions::new().connect_with(copy.read_only(true)).await.unwrap();
        assert_eq!(applied_version(&mut copy.acquire().await.unwrap()).await.unwrap(), 1);
        let kept: String = sqlx::query_scalar(sql::META_GET).bind("kept").fetch_one(&copy).await.unwrap();
        assert_eq!(kept, "as it was");
        copy.close().await;
        let names = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
        let copies = names.filter(|n| n.to_string_lossy().contains(".before-")).count();
        Store::open(folder.path(), true).await.unwrap().close().await;
        assert_eq!(copies, 1, "an up-to-date ledger is not copied");
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), true).await.unwrap();
        let newer = "UPDATE _sqlx_migrations SET version = 999 WHERE version = 1";
        sqlx::query(newer).execute(store.writer()).await.unwrap();
        store.close().await;
        let refused = Store::open(folder.path(), true).await.err().unwrap().to_string();
        assert!(refused.starts_with("the data folder has schema version 999"), "{refused}");
    }
}
