//! Rows of workflows as their users see them.

use super::db::{Connection, Row};
use super::projects::DeletedRows;
use super::{Of, Store, db, rows, sql};
use crate::error::{EngineError, Result};
use crate::model::*;

fn missing(id: WorkflowId) -> EngineError {
    EngineError::NotFound(format!("workflow {id}"))
}

/// A workflow with the list of its jobs.
pub(super) async fn complete(connection: &mut Connection, row: &Row) -> Result<Workflow> {
    let mut workflow = rows::workflow(row)?;
    let ids = db::query_scalar(sql::WORKFLOW_JOBS).bind(workflow.id.0);
    workflow.jobs = ids.fetch_all(connection).await?.into_iter().map(JobId).collect();
    Ok(workflow)
}

impl Store {
    pub(crate) async fn workflow(&self, project: ProjectId, id: WorkflowId) -> Result<Workflow> {
        let mut reader = self.reader().acquire().await?;
        let row = db::query(sql::WORKFLOW_GET).bind(id.0).bind(project.0).fetch_optional(&mut reader).await?;
        complete(&mut reader, &row.ok_or_else(|| missing(id))?).await
    }

    /// Cancels the workflow and all its unfinished jobs, whose ids are returned.
    pub(crate) async fn cancel_workflow(
        &self,
        project: ProjectId,
        id: WorkflowId,
        now: Timestamp,
    ) -> Result<(Workflow, Vec<JobId>)> {
        let mut tx = self.begin(Of::Project(project)).await?;
        let row = db::query(sql::WORKFLOW_GET).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let state = rows::workflow(&row.ok_or_else(|| missing(id))?)?.state;
        if state.is_final() {
            let text = format!("workflow {id} cannot be canceled, it has finished with {}", state.as_str());
            return Err(EngineError::Conflict(text));
        }
        let canceled = cancel_all(&mut tx, id, now).await?;
        let row = db::query(sql::WORKFLOW_GET).bind(id.0).bind(project.0).fetch_one(&mut *tx).await?;
        let workflow = complete(&mut tx, &row).await?;
        self.commit(tx, canceled.iter().copied()).await?;
        self.changed(project, Some(id), canceled.iter().copied());
        Ok((workflow, canceled))
    }

    /// Deletes the workflow with its jobs.
    pub(crate) async fn delete_workflow(&self, project: ProjectId, id: WorkflowId) -> Result<DeletedRows> {
        let mut tx = self.begin(Of::Project(project)).await?;
        let row = db::query(sql::WORKFLOW_GET).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let workflow = complete(&mut tx, &row.ok_or_else(|| missing(id))?).await?;
        let mut blobs = Vec::new();
        for job in &workflow.jobs {
            let row = db::query(sql::JOB_ROW).bind(job.0).bind(project.0).fetch_one(&mut *tx).await?;
            blobs.extend(rows::input_blobs(&row)?);
        }
        // Jobs before what they belong to, as claims lock them.
        db::query(sql::WORKFLOW_DELETE_JOBS).bind(id.0).execute(&mut *tx).await?;
        db::query(sql::WORKFLOW_DELETE).bind(id.0).execute(&mut *tx).await?;
        self.commit(tx, workflow.jobs.iter().copied()).await?;
        self.changed(project, Some(id), workflow.jobs.iter().copied());
        Ok(DeletedRows { blobs, jobs: workflow.jobs })
    }
}

async fn cancel_all(tx: &mut Connection, id: WorkflowId, now: Timestamp) -> Result<Vec<JobId>> {
    let canceled = db::query_scalar(sql::WORKFLOW_CANCEL_JOBS).bind(id.0).bind(now.0);
    let canceled: Vec<i64> = canceled.fetch_all(&mut *tx).await?;
    let done = db::query(sql::WORKFLOW_DONE).bind(id.0).bind(State::Canceled.as_str()).bind(now.0);
    done.execute(tx).await?;
    Ok(canceled.into_iter().map(JobId).collect())
}
