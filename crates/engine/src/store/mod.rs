//! The ledger: SQLite or PostgreSQL through sqlx, pools for writing and for reading. What is acknowledged is on disk.

mod alone;
mod assets;
mod copy;
mod count;
mod db;
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
mod open;
mod postgres;
mod projects;
mod results;
pub(crate) mod rows;
mod schema;
#[cfg(test)]
mod simulation;
pub(crate) mod sql;
mod tables;
pub(crate) mod upkeep;
pub(crate) mod uploads;
mod workflows;

use crate::blobs::LedgerMark;
use crate::cache::Cache;
use crate::error::Result;
use crate::limits::Limits;
use crate::model::{AssetId, Job, JobId, ProjectId, WorkflowId};
use alone::Alone;
pub(crate) use alone::Right;
use db::{Pool, Query, Row, Transaction};
use feed::{Changed, Feed};
pub(crate) use keys::KeyRow;
pub(crate) use limits::Room;
pub(crate) use postgres::Of;
pub(crate) use projects::DeletedRows;
use projects::Visibility;
pub(crate) use results::DoneWork;
use std::sync::Arc;

const CACHED_JOB_BYTES: u64 = 64 << 20;

/// Rows of everything. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    write: Pool,
    read: Pool,
    /// Jobs as last read, forgotten by every write that changes them.
    jobs: Arc<Cache<JobId, Arc<Job>>>,
    /// What writes have changed, for those who watch a job or follow a project.
    feed: Arc<Feed>,
    limits: Limits,
    /// Where the count of transactions that gave a blob its row is noted.
    mark: Option<Arc<LedgerMark>>,
    /// Held by the one that deletes documents.
    sweeping: Arc<tokio::sync::Mutex<()>>,
    /// The right to be the only server of a database, where there may be others.
    alone: Option<Arc<Alone>>,
    /// Who may see which project.
    visibility: Arc<Cache<ProjectId, Arc<Visibility>>>,
}

impl Store {
    /// What it checks.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn over(write: Pool, read: Pool) -> Store {
        Store {
            write,
            read,
            jobs: Arc::new(Cache::new(10_000, CACHED_JOB_BYTES)),
            feed: Arc::new(Feed::new()),
            limits: Limits::NONE,
            mark: None,
            sweeping: Arc::default(),
            alone: None,
            visibility: Arc::new(Cache::new(10_000, 10_000)),
        }
    }

    /// Commits what changes these jobs. From before the commit to its end they are read from the ledger, not from memory: else one who
    /// reads of the change in a workflow or a list could then read of a job as it was before. [`Store::changed`] tells of it.
    pub(crate) async fn commit(&self, tx: Transaction, jobs: impl IntoIterator<Item = JobId>) -> Result<()> {
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

    /// A transaction that holds what it changes from its first statement: in SQLite the write lock (one that began by reading
    /// would fail with "busy" when it turned to writing), in PostgreSQL the lock of the user whose projects it is about, so that what
    /// it reads stays as it is until it has written.
    pub(crate) async fn begin(&self, of: Of<'_>) -> Result<Transaction> {
        self.check_alone()?;
        let mut begun = self.write.begin(sql::BEGIN).await?;
        if matches!(self.write, Pool::Postgres(_)) {
            of.lock(&mut begun).await?;
        }
        Ok(begun)
    }

    /// A transaction that sees everything as it is at one moment.
    pub(crate) async fn begin_to_read(&self) -> Result<Transaction> {
        Ok(self.read.begin(sql::BEGIN_TO_READ).await?)
    }

    /// Runs a writing statement; the row that it returns, if any. The statement is read to its end, because databases commit
    /// there: one that is left at its first row commits after its answer, and nobody hears when that fails.
    pub(crate) async fn write_one(&self, statement: Query<'_>) -> Result<Option<Row>> {
        self.check_alone()?;
        Ok(statement.fetch_all(&self.write).await?.pop())
    }

    /// Runs a writing statement.
    pub(crate) async fn write(&self, statement: Query<'_>) -> Result<()> {
        self.check_alone()?;
        Ok(statement.execute(&self.write).await?)
    }

    pub(crate) fn reader(&self) -> &Pool {
        &self.read
    }

    #[cfg(test)]
    pub(crate) fn writer(&self) -> &Pool {
        &self.write
    }

    /// The ledger of a folder as this run of the tests has it.
    #[cfg(test)]
    pub(crate) async fn of_test(folder: &std::path::Path) -> Store {
        Store::open(&crate::testing::TestLocation::of(folder), true).await.unwrap()
    }

    /// Refuses writes, as a full disk does, or takes them again.
    #[cfg(test)]
    pub(crate) async fn set_writable(&self, yes: bool) {
        let pragma = if yes { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
        assert!(matches!(self.write, Pool::Sqlite(_)), "it says so for each of its connections");
        db::query(pragma).execute(self.writer()).await.unwrap();
    }

    /// Whether nobody but this process may have changed anything since: then what is remembered is true. A server in a folder holds its
    /// lock; of a database it may lose it with the connection.
    fn is_alone(&self) -> bool {
        self.alone.as_ref().is_none_or(|alone| alone.is_held())
    }

    fn check_alone(&self) -> Result<()> {
        self.alone.as_ref().map_or(Ok(()), |alone| alone.check())
    }

    /// Closes every connection; the last one folds the log into the database.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
        if let Some(alone) = &self.alone {
            alone.end().await;
        }
    }

    /// Folds the log into the database, even while another process has it open, and closes every connection: the file
    /// alone is then all of the ledger.
    pub(crate) async fn fold_and_close(&self) {
        self.read.close().await;
        if matches!(self.write, Pool::Sqlite(_))
            && let Err(e) = db::query(sql::FOLD_LOG).execute(&self.write).await
        {
            tracing::warn!("the ledger's log cannot be folded in, it stays beside the ledger: {e}");
        }
        self.close().await;
    }
}

#[cfg(test)]
mod usage_tests;

#[cfg(test)]
mod at_once_tests;

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
