//! What servers that share a database have in it: leases, drafts of documents, their places among the living.

use super::{Store, db, sql};
use crate::error::Result;
use crate::heads::HeadId;
use crate::model::{JobId, ProjectId, UploadId};
use std::time::Duration;

/// A server that has not said for so long that it lives is counted no more.
pub(crate) const MISSED: Duration = Duration::from_secs(10);

/// A server, as the others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownHead {
    pub(crate) id: HeadId,
    /// Of its machine.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: String,
    pub(crate) version: String,
    /// Microseconds since it last said that it lives, by the database's clock.
    pub(crate) silence: i64,
}

/// An attempt that another server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunningElsewhere {
    pub(crate) id: JobId,
    pub(crate) attempt: u32,
    pub(crate) project: ProjectId,
    pub(crate) user: String,
    /// Bytes that it makes, by its own account.
    pub(crate) output: u64,
    pub(crate) owner: Option<HeadId>,
}

impl Store {
    /// Whether this server cleans up for all that share the ledger.
    pub(crate) fn cleans_up(&self) -> bool {
        self.head().is_none_or(|head| head.leads())
    }

    /// Servers that live or have not been missed yet.
    pub(crate) async fn known_heads(&self) -> Result<Vec<KnownHead>> {
        if self.head().is_none() {
            return Ok(Vec::new());
        }
        let rows = db::query(sql::HEADS_ALL).fetch_all(self.reader()).await?;
        let head = |row: &db::Row| {
            Ok(KnownHead {
                id: HeadId(row.try_get("id")?),
                name: row.try_get("name")?,
                address: row.try_get("address")?,
                version: row.try_get("version")?,
                silence: row.try_get("silence")?,
            })
        };
        rows.iter().map(head).collect()
    }

    /// Those who may have left something in the ledger; `None`: one that was alone.
    pub(crate) async fn owners(&self) -> Result<Vec<Option<HeadId>>> {
        let rows = db::query(sql::OWNERS).fetch_all(self.reader()).await?;
        rows.iter().map(|row| Ok(row.try_get::<Option<i64>, _>(0)?.map(HeadId))).collect()
    }

    /// When a server last said that it lives, by the database's clock.
    pub(crate) async fn last_beat(&self, head: HeadId) -> Result<Option<i64>> {
        Ok(db::query_scalar(sql::HEAD_BEATS).bind(head.0).fetch_optional(self.reader()).await?)
    }

    /// Takes everything from a server that is gone: its leases end now, nobody finishes its drafts.
    pub(crate) async fn take_over(&self, gone: Option<HeadId>) -> Result<()> {
        let id = gone.map(|head| head.0);
        self.write(db::query(sql::JOBS_EXPIRE_OF).bind(id)).await?;
        self.write(db::query(sql::DOCUMENTS_DROP_OF).bind(id)).await?;
        match id {
            Some(id) => self.write(db::query(sql::HEAD_GONE).bind(id)).await,
            None => Ok(()),
        }
    }

    /// Attempts that other servers run now.
    pub(crate) async fn running_elsewhere(&self) -> Result<Vec<RunningElsewhere>> {
        let Some(head) = self.head() else { return Ok(Vec::new()) };
        let rows = db::query(sql::RUNNING_ELSEWHERE).bind(head.id().0).fetch_all(self.reader()).await?;
        type Columns = (i64, i64, i64, String, Option<i64>, Option<i64>);
        let running = |row: &db::Row| {
            let (id, attempt, project, user, output, owner): Columns = row.read()?;
            Ok(RunningElsewhere {
                id: JobId(id),
                attempt: attempt.max(0) as u32,
                project: ProjectId(project),
                user,
                output: output.unwrap_or(0).cast_unsigned(),
                owner: owner.map(HeadId),
            })
        };
        rows.iter().map(running).collect()
    }

    /// Asks whoever writes an upload, in another server, to let go of it.
    pub(crate) async fn call_for_upload(&self, id: UploadId) -> Result<()> {
        self.write(db::query(sql::TELL_OF_UPLOAD).bind(id.0)).await
    }
}
