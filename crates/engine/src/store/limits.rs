//! Limits on what a project may hold, checked in the transaction that would go beyond them.

use super::{Store, sql};
use crate::error::{EngineError, Result};
use crate::limits::Limits;
use crate::model::ProjectId;
use sqlx::SqliteConnection;

/// How long a client that found the queue full may wait before it asks again.
const QUEUE_RETRY_S: u64 = 5;

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
