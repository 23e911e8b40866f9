//! Limits on what a project may hold and a job may need, checked in the transaction that would go beyond them.

use super::{Result, Store, sql};
use crate::error::EngineError;
use crate::model::ProjectId;
use sqlx::SqliteConnection;

/// How long a client that found the queue full may wait before it asks again.
const QUEUE_RETRY_S: u64 = 5;

/// Of one project, and of one job, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of its assets.
    pub(crate) bytes: Option<u64>,
    /// Jobs that wait.
    pub(crate) waiting: Option<u64>,
    /// Bytes of memory that a job may need.
    pub(crate) memory: u64,
}

impl Store {
    /// The same database with limits.
    pub(crate) fn limited(self, limits: Limits) -> Store {
        Store { limits, ..self }
    }

    /// Whether the project may hold `more` bytes; outside a transaction this is a first look only.
    pub(crate) async fn check_room(&self, project: ProjectId, more: u64) -> Result<()> {
        if self.limits.bytes.is_none() {
            return Ok(());
        }
        let mut connection = self.reader().acquire().await.map_err(EngineError::from)?;
        self.limits.check_bytes(&mut connection, project, more).await
    }
}

impl Limits {
    /// None at all.
    pub(crate) const NONE: Limits = Limits { bytes: None, waiting: None, memory: u64::MAX };

    /// Refuses `more` bytes that would not fit into the project.
    pub(crate) async fn check_bytes(
        &self,
        tx: &mut SqliteConnection,
        project: ProjectId,
        more: u64,
    ) -> Result<()> {
        let Some(limit) = self.bytes else { return Ok(()) };
        let held: i64 = sqlx::query_scalar(sql::PROJECT_BYTES).bind(project.0).fetch_one(tx).await?;
        let held = held.max(0) as u64;
        // What makes it smaller, or leaves it as it is, is never refused.
        if more == 0 || held.saturating_add(more) <= limit {
            return Ok(());
        }
        Err(EngineError::Quota(format!(
            "project {project} holds {held} bytes, {more} more do not fit into the {limit} that setting \
             project_quota allows"
        )))
    }

    /// What is wrong with a job that needs so many bytes of memory, if anything is.
    pub(crate) fn too_greedy(&self, needed: u64) -> Option<String> {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        (needed > self.memory).then(|| {
            format!(
                "needs up to {} MiB of memory, the limit is {} MiB (setting memory_limit)",
                mib(needed),
                mib(self.memory)
            )
        })
    }

    /// Refuses `more` waiting jobs that would make the queue too long.
    pub(crate) async fn check_waiting(
        &self,
        tx: &mut SqliteConnection,
        project: ProjectId,
        more: u64,
    ) -> Result<()> {
        let Some(limit) = self.waiting else { return Ok(()) };
        let waiting: i64 = sqlx::query_scalar(sql::PROJECT_WAITING).bind(project.0).fetch_one(tx).await?;
        if (waiting.max(0) as u64).saturating_add(more) <= limit {
            return Ok(());
        }
        let message = format!(
            "project {project} has {waiting} jobs that wait, {more} more are beyond the {limit} that setting \
             max_queue allows; try again when some have ended"
        );
        Err(EngineError::Busy { message, retry_after_s: QUEUE_RETRY_S })
    }
}
