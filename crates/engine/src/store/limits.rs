//! Limits on what a project may hold, checked in the transaction that would go beyond them.

use super::db::Connection;
use super::{Store, db, sql};
use crate::error::{EngineError, Result};
use crate::limits::Limits;
use crate::model::ProjectId;

/// How long a client that found the queue full may wait before it asks again.
const QUEUE_RETRY_S: u64 = 5;

/// How much a project may still hold.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Bytes that it may still take.
    pub(crate) bytes: u64,
    held: u64,
    limit: u64,
    /// Whose limit it is, where it is not the project's own.
    of_user: Option<String>,
}

impl Room {
    fn new(held: u64, limit: u64, of_user: Option<String>) -> Room {
        Room { bytes: limit.saturating_sub(held), held, limit, of_user }
    }
}

/// Bytes that a dispatch asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// Of its rows.
    pub(crate) rows: u64,
    /// Of what its jobs make, at least.
    pub(crate) output: u64,
}

/// Bytes that a row counts beside its texts.
pub(crate) const ROW: u64 = 512;
/// Bytes that a dispatch asks for the log and the results of each job, so that one that fits is not lost at its end for these.
pub(super) const JOB_END: u64 = 4 << 10;

impl Store {
    /// The same database with limits.
    pub(crate) fn limited(self, limits: Limits) -> Store {
        Store { limits, ..self }
    }

    /// Whether the project may hold `more` bytes; outside a transaction this is a first look only.
    pub(crate) async fn check_room(&self, project: ProjectId, more: u64) -> Result<()> {
        let Some(room) = self.room(project).await? else { return Ok(()) };
        room.check(project, more)
    }

    /// How much the project may still hold; `None` without a limit.
    pub(crate) async fn room(&self, project: ProjectId) -> Result<Option<Room>> {
        let mut connection = self.reader().acquire().await.map_err(EngineError::from)?;
        self.limits.room(&mut connection, project).await
    }

    /// The same by each quota that there is.
    pub(crate) async fn rooms(&self, project: ProjectId) -> Result<Vec<Room>> {
        if self.limits.bytes.is_none() && self.limits.user_bytes.is_none() {
            return Ok(Vec::new());
        }
        let mut connection = self.reader().acquire().await.map_err(EngineError::from)?;
        self.limits.rooms(&mut connection, project).await
    }
}

impl Room {
    /// By the project's own quota.
    #[cfg(test)]
    pub(crate) fn of_project(held: u64, limit: u64) -> Room {
        Room::new(held, limit, None)
    }

    /// Whose limit it is, where it is not the project's own.
    pub(crate) fn user(&self) -> Option<&str> {
        self.of_user.as_deref()
    }

    /// The same with so many bytes more, which are about to be replaced.
    pub(crate) fn with(self, bytes: u64) -> Room {
        Room { bytes: self.bytes.saturating_add(bytes), ..self }
    }

    /// As it was before so many bytes were written.
    pub(crate) fn before(self, written: u64) -> Room {
        Room::new(self.held.saturating_sub(written), self.limit, self.of_user)
    }

    /// Refuses `more` bytes than there is room for. What makes a project smaller, or leaves it as it is, is never refused.
    pub(crate) fn check(&self, project: ProjectId, more: u64) -> Result<()> {
        if more == 0 || more <= self.bytes {
            return Ok(());
        }
        Err(EngineError::Quota(self.refusal(project, &format!("{more} more do not fit"))))
    }

    /// What is said of bytes that there is no room for.
    pub(crate) fn refusal(&self, project: ProjectId, what: &str) -> String {
        let Room { held, limit, of_user, .. } = self;
        match of_user {
            None => format!(
                "project {project} holds {held} bytes, {what} into the {limit} that setting project_quota allows"
            ),
            Some(user) => format!(
                "the projects of user {user:?} hold {held} bytes, {what} into the {limit} that setting user_quota allows"
            ),
        }
    }
}

impl Limits {
    /// How much a project may still hold, by the tighter of its own limit and its user's; `None` without one.
    pub(crate) async fn room(&self, tx: &mut Connection, project: ProjectId) -> Result<Option<Room>> {
        Ok(self.rooms(tx, project).await?.into_iter().min_by_key(|room| room.bytes))
    }

    /// How much a project may still hold by each quota that there is.
    async fn rooms(&self, tx: &mut Connection, project: ProjectId) -> Result<Vec<Room>> {
        let mut rooms = Vec::new();
        if let Some(limit) = self.bytes {
            let held: Option<i64> =
                db::query_scalar(sql::PROJECT_BYTES).bind(project.0).fetch_optional(&mut *tx).await?;
            rooms.extend(held.map(|held| Room::new(held.max(0) as u64, limit, None)));
        }
        if let Some(limit) = self.user_bytes {
            let row = db::query(sql::USER_BYTES).bind(project.0).fetch_optional(&mut *tx).await?;
            if let Some(row) = row {
                let (user, held): (String, i64) = row.read()?;
                rooms.push(Room::new(held.max(0) as u64, limit, Some(user)));
            }
        }
        Ok(rooms)
    }

    /// Refuses `more` bytes that would not fit into the project.
    pub(crate) async fn check_bytes(&self, tx: &mut Connection, project: ProjectId, more: u64) -> Result<()> {
        match self.room(tx, project).await? {
            Some(room) => room.check(project, more),
            None => Ok(()),
        }
    }

    /// Refuses so many bytes of a project's own documents, which this transaction has written already. By its user's quota alone: a project has
    /// only two of them, no larger than a body may be, and many projects are the user's.
    pub(crate) async fn check_documents(
        &self,
        tx: &mut Connection,
        project: ProjectId,
        written: u64,
    ) -> Result<()> {
        match self.rooms(tx, project).await?.into_iter().find(|room| room.of_user.is_some()) {
            Some(room) => room.before(written).check(project, written),
            None => Ok(()),
        }
    }

    /// Refuses jobs whose rows take so many bytes and that would make so many where there is no room for them: in the project, or
    /// on the disk as it is now.
    pub(crate) async fn check_dispatch(
        &self,
        tx: &mut Connection,
        project: ProjectId,
        Asked { rows, output: bytes }: Asked,
    ) -> Result<()> {
        self.check_bytes(tx, project, rows.saturating_add(bytes)).await?;
        if bytes == 0 {
            return Ok(());
        }
        let room = self.disk_room()?;
        if bytes <= room {
            return Ok(());
        }
        Err(EngineError::NoRoom(format!(
            "what is asked for makes {bytes} bytes or more, the disk of the data folder has room for {room} (setting min_free)"
        )))
    }

    /// Refuses `more` waiting jobs that would make the queue too long.
    pub(crate) async fn check_waiting(
        &self,
        tx: &mut Connection,
        project: ProjectId,
        more: u64,
    ) -> Result<()> {
        let Some(limit) = self.waiting else { return Ok(()) };
        let waiting: i64 = db::query_scalar(sql::PROJECT_WAITING).bind(project.0).fetch_one(tx).await?;
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
