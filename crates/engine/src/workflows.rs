//! Workflows: dispatched whole, seen, cancelled, deleted.

use crate::engine::{Engine, aside, uninterrupted};
use crate::model::*;
use crate::store::Result;
use crate::workflow;

impl Engine {
    /// Dispatches a workflow.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        project: ProjectId,
        new: NewWorkflow,
    ) -> Result<Workflow> {
        self.inner.store.check_project(caller, project, true).await?;
        let inner = self.inner.clone();
        let drafts = aside(move || {
            let config = &inner.config;
            let mut drafts = workflow::plan(&new, inner.types, &config.job_limits, config.max_workflow_jobs)?;
            for draft in &mut drafts {
                draft.request.clone_from(&new.request);
                draft.params_text()?;
            }
            Ok((drafts, new.definition))
        });
        let (drafts, definition) = drafts.await?;
        let inner = self.inner.clone();
        uninterrupted(async move {
            let now = Timestamp::now();
            let workflow = inner.store.insert_workflow(project, &definition, &drafts, now).await?;
            // In the order of the definition, both.
            inner.drafted.keep(workflow.jobs.iter().copied().zip(&drafts));
            inner.running.ring();
            Ok(workflow)
        })
        .await
    }

    /// One workflow.
    pub async fn get_workflow(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: WorkflowId,
    ) -> Result<Workflow> {
        self.inner.store.check_project(caller, project, false).await?;
        self.inner.store.workflow(project, id).await
    }

    /// Workflows of a project.
    pub async fn list_workflows(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: &ListQuery,
    ) -> Result<Vec<Workflow>> {
        self.inner.store.check_project(caller, project, false).await?;
        self.inner.store.workflows(project, query).await
    }

    /// Cancels a workflow; a finished one is a conflict.
    pub async fn cancel_workflow(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: WorkflowId,
    ) -> Result<Workflow> {
        self.inner.store.check_project(caller, project, true).await?;
        let inner = self.inner.clone();
        uninterrupted(async move {
            let (workflow, canceled) = inner.store.cancel_workflow(project, id, Timestamp::now()).await?;
            inner.running.cancel(&canceled);
            Ok(workflow)
        })
        .await
    }

    /// Deletes a workflow with its jobs; an unfinished one is cancelled first. Assets stay.
    pub async fn delete_workflow(&self, caller: &Caller, project: ProjectId, id: WorkflowId) -> Result<()> {
        self.inner.store.check_project(caller, project, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let left = engine.inner.store.delete_workflow(project, id).await?;
            engine.forget(left).await;
            Ok(())
        })
        .await
    }
}
