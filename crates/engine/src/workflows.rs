//! Workflows: dispatched whole, seen, cancelled, deleted.

use crate::engine::Engine;
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
        let drafts = workflow::plan(&new, self.inner.types, self.inner.config.max_workflow_jobs)?;
        let now = Timestamp::now();
        let workflow = self.inner.store.insert_workflow(project, &new.definition, &drafts, now).await?;
        self.inner.running.ring();
        Ok(workflow)
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
        let (workflow, canceled) = self.inner.store.cancel_workflow(project, id, Timestamp::now()).await?;
        self.inner.running.cancel(&canceled);
        Ok(workflow)
    }

    /// Deletes a workflow with its jobs; an unfinished one is cancelled first. Assets stay.
    pub async fn delete_workflow(&self, caller: &Caller, project: ProjectId, id: WorkflowId) -> Result<()> {
        self.inner.store.check_project(caller, project, true).await?;
        let left = self.inner.store.delete_workflow(project, id).await?;
        self.forget(left).await;
        Ok(())
    }
}
