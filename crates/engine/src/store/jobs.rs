//! Rows of jobs as their users see them.

use super::list_query::{JOBS, List};
use super::projects::DeletedRows;
use super::{Store, ledger, rows, sql};
use crate::error::{EngineError, Result};
use crate::model::*;
use sqlx::Row;
use std::sync::Arc;

fn missing(id: JobId) -> EngineError {
    EngineError::NotFound(format!("job {id}"))
}

impl Store {
    /// One job, from memory when nothing changed it since it was last read.
    pub(crate) async fn job(&self, project: ProjectId, id: JobId) -> Result<Arc<Job>> {
        let known = match self.jobs.get(&id) {
            Some(job) => Some(job),
            None => self.read_job(project, id).await?,
        };
        known.filter(|job| job.project_id == project).ok_or_else(|| missing(id))
    }

    async fn read_job(&self, project: ProjectId, id: JobId) -> Result<Option<Arc<Job>>> {
        let generation = self.jobs.generation();
        let row = sqlx::query(sql::JOB_GET).bind(id.0).bind(project.0).fetch_optional(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let bytes = rows::job_bytes(&row)?;
        let job = Arc::new(rows::job_aside(row).await?);
        self.jobs.insert(generation, id, job.clone(), bytes);
        Ok(Some(job))
    }

    pub(crate) async fn jobs(&self, project: ProjectId, query: &ListQuery) -> Result<Vec<Job>> {
        let list = List::parse(query, &JOBS)?;
        let mut found = list.sql(sql::LIST_JOBS, project.0, "");
        rows::jobs_aside(found.build().fetch_all(self.reader()).await?).await
    }

    pub(crate) async fn rename_job(&self, project: ProjectId, id: JobId, name: &str) -> Result<Job> {
        let renamed = sqlx::query(sql::JOB_RENAME).bind(id.0).bind(project.0).bind(name);
        let row = self.write_one(renamed).await?;
        self.changed([id]);
        rows::job_aside(row.ok_or_else(|| missing(id))?).await
    }

    /// Cancels the job if it is unfinished, with what depends on it, and deletes it.
    pub(crate) async fn delete_job(
        &self,
        project: ProjectId,
        id: JobId,
        now: Timestamp,
    ) -> Result<DeletedRows> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(sql::JOB_GET).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let row = row.ok_or_else(|| missing(id))?;
        let mut touched = vec![id];
        if !rows::state(row.try_get("state")?)?.is_final() {
            sqlx::query(sql::JOB_CANCEL).bind(id.0).bind(now.0).execute(&mut *tx).await?;
            if let Some(workflow) = row.try_get("workflow_id")? {
                touched.extend(ledger::advance(&mut tx, WorkflowId(workflow), now).await?);
            }
        }
        sqlx::query(sql::JOB_DELETE).bind(id.0).bind(project.0).execute(&mut *tx).await?;
        tx.commit().await?;
        self.changed(touched.iter().copied());
        Ok(DeletedRows { blobs: rows::input_blobs(&row)?, jobs: touched })
    }
}
