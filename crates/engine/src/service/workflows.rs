//! Workflows: dispatched whole, seen, cancelled, deleted.

use super::Engine;
use crate::core::{on_worker, uninterrupted};
use crate::error::Result;
use crate::model::*;
use crate::workflow;

impl Engine {
    /// Dispatches a workflow.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        project: ProjectId,
        new: NewWorkflow,
    ) -> Result<Workflow> {
        self.core.store.check_project(caller, project, true).await?;
        let core = self.core.clone();
        let drafts = on_worker(move || {
            let config = &core.config;
            let mut drafts = workflow::plan(&new, core.types, &config.job_limits, config.max_workflow_jobs)?;
            for draft in &mut drafts {
                draft.request.clone_from(&new.request);
                draft.written_params()?;
            }
            Ok((drafts, new.definition))
        });
        let (drafts, definition) = drafts.await?;
        let core = self.core.clone();
        uninterrupted(async move {
            let now = Timestamp::now();
            let workflow = core.store.insert_workflow(project, &definition, &drafts, now).await?;
            // In the order of the definition, both.
            core.drafted.keep(workflow.jobs.iter().copied().zip(&drafts));
            core.running.ring();
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
        self.core.store.check_project(caller, project, false).await?;
        self.core.store.workflow(project, id).await
    }

    /// Cancels a workflow; a finished one is a conflict.
    pub async fn cancel_workflow(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: WorkflowId,
    ) -> Result<Workflow> {
        self.core.store.check_project(caller, project, true).await?;
        let core = self.core.clone();
        uninterrupted(async move {
            let (workflow, canceled) = core.store.cancel_workflow(project, id, Timestamp::now()).await?;
            core.running.cancel(&canceled);
            Ok(workflow)
        })
        .await
    }

    /// Deletes a workflow with its jobs; an unfinished one is cancelled first. Assets stay.
    pub async fn delete_workflow(&self, caller: &Caller, project: ProjectId, id: WorkflowId) -> Result<()> {
        self.core.store.check_project(caller, project, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let deleted = engine.core.store.delete_workflow(project, id).await?;
            engine.clean_up(deleted).await;
            Ok(())
        })
        .await
    }
}
