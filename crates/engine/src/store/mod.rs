//! The ledger: SQLite or PostgreSQL through sqlx, pools for writing and for reading. What is acknowledged is on disk.

mod assets;
mod connect;
mod copy;
mod count;
mod db;
mod documents;
mod faults;
pub(crate) mod feed;
pub(crate) mod head;
mod heads;
pub(crate) mod insert;
mod jobs;
mod keys;
pub(crate) mod ledger;
mod limits;
pub(crate) mod list_query;
mod listing;
mod log;
mod made;
mod meta;
mod migrations;
mod open;
mod postgres;
mod projects;
mod results;
pub(crate) mod rows;
mod schema;
mod schema_lock;
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
use crate::location::Location;
use crate::model::{AssetId, JobId, ProjectId, WorkflowId};
use db::{Pool, Query, Row, Transaction};
use feed::{Changed, Feed};
use head::{Head, HeadInfo, Remembered};
pub(crate) use heads::{KnownHead, MISSED, RunningElsewhere};
use jobs::KnownJob;
pub(crate) use keys::KeyRow;
pub(crate) use limits::Room;
pub(crate) use made::PlacedOutput;
pub(crate) use postgres::Of;
pub(crate) use projects::DeletedRows;
use projects::Visibility;
pub(crate) use results::DoneWork;
pub(crate) use schema_lock::Unused;
use std::sync::Arc;

const CACHED_JOB_BYTES: u64 = 64 << 20;

/// Rows of everything. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    write: Pool,
    read: Pool,
    /// Jobs as last read, forgotten by every write that changes them. Where others may write, too, they are asked for before they are believed.
    jobs: Arc<Cache<JobId, KnownJob>>,
    /// What writes have changed, for those who watch a job or follow a project.
    feed: Arc<Feed>,
    limits: Limits,
    /// Where the count of transactions that gave a blob its row is noted.
    mark: Option<Arc<LedgerMark>>,
    /// Held by the one that deletes documents.
    sweeping: Arc<tokio::sync::Mutex<()>>,
    /// This server among those that share a database; `None`: nobody but this process changes the ledger and needs to be heard of.
    head: Option<Arc<Head>>,
    /// Who may see which project, where nobody else writes.
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
            head: None,
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
        self.check_heard()?;
        let mut begun = self.write.begin(sql::BEGIN).await?;
        if self.is_in_postgres() {
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
        self.check_heard()?;
        Ok(statement.fetch_all(&self.write).await?.pop())
    }

    /// Runs a writing statement.
    pub(crate) async fn write(&self, statement: Query<'_>) -> Result<()> {
        self.check_heard()?;
        Ok(statement.execute(&self.write).await?)
    }

    /// Whether it is in a database, which other servers may share.
    pub(crate) fn is_in_postgres(&self) -> bool {
        matches!(self.write, Pool::Postgres(_))
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
        let store = Store::open(&crate::testing::TestLocation::of(folder), true).await.unwrap();
        if store.is_in_postgres() {
            // Time is what the test says.
            let clock = "CREATE OR REPLACE FUNCTION lease_clock() RETURNS BIGINT LANGUAGE sql STABLE AS 'SELECT 0::BIGINT'";
            db::query(clock).execute(store.writer()).await.unwrap();
        }
        store
    }

    /// Refuses writes, as a full disk does, or takes them again.
    #[cfg(test)]
    pub(crate) async fn set_writable(&self, yes: bool) {
        let pragma = if yes { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
        assert!(matches!(self.write, Pool::Sqlite(_)), "it says so for each of its connections");
        db::query(pragma).execute(self.writer()).await.unwrap();
    }

    /// The same ledger, of which this process is a server, beside others where there are any.
    pub(crate) async fn join(self, at: Location<'_>, info: HeadInfo) -> Result<Store> {
        let Some(url) = at.database else { return Ok(self) };
        let remembered = Remembered { jobs: self.jobs.clone(), feed: self.feed.clone() };
        let head = Head::join(url.clone(), info, remembered).await?;
        Ok(Store { head: Some(Arc::new(head)), ..self })
    }

    /// This server, where there may be others.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_deref()
    }

    fn check_heard(&self) -> Result<()> {
        self.head.as_ref().map_or(Ok(()), |head| head.check())
    }

    /// Closes every connection; the last one folds the log into the database.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
        if let Some(head) = &self.head {
            head.end().await;
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
