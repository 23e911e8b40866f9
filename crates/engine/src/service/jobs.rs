//! Jobs that are dispatched directly, and all jobs as they are seen.

use super::Engine;
use crate::core::{on_worker, uninterrupted};
use crate::draft::{AssetSource, Draft, ParamSource, check_name};
use crate::error::Result;
use crate::error::{EngineError, Problems};
use crate::model::*;
use crate::store::DeletedRows;
use crate::store::feed::Changed;
use crate::upkeep;
use futures::Stream;
use std::sync::Arc;

impl Engine {
    /// Dispatches a job.
    pub async fn create_job(&self, caller: &Caller, project: ProjectId, new: NewJob) -> Result<Job> {
        if let Some(name) = &new.name {
            check_name("name", name)?;
        }
        check_name("type", &new.type_name)?;
        self.core.store.check_project(caller, project, true).await?;
        let core = self.core.clone();
        let draft = on_worker(move || {
            let mut draft = direct_draft(new);
            let mut problems = Problems::default();
            draft.check(core.types, &core.config.job_limits, false, &mut problems);
            problems.check()?;
            draft.written_params()?;
            Ok(draft)
        });
        let draft = draft.await?;
        let core = self.core.clone();
        uninterrupted(async move {
            let job = core.store.insert_job(project, draft, Timestamp::now()).await?;
            core.running.ring();
            Ok(job)
        })
        .await
    }

    /// One job.
    pub async fn get_job(&self, caller: &Caller, project: ProjectId, id: JobId) -> Result<Arc<Job>> {
        self.core.store.job_for(caller, project, id).await
    }

    /// The job now and whenever it has changed, until it has ended or is gone.
    pub async fn watch_job(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: JobId,
    ) -> Result<impl Stream<Item = Arc<Job>> + Send + use<>> {
        let (store, feed) = (self.core.store.clone(), self.core.store.feed());
        // Before the first look: what changes after it is heard of.
        let at = feed.end();
        let first = self.get_job(caller, project, id).await?;
        Ok(futures::stream::unfold((Next::Job(first), at), move |(next, mut at)| {
            let (store, feed) = (store.clone(), feed.clone());
            async move {
                let job = match next {
                    Next::Job(job) => job,
                    Next::Change => {
                        at = feed.hear(project, Changed::Job(id), at).await;
                        store.job(project, id).await.ok()?
                    }
                    Next::End => return None,
                };
                let next = if job.state.is_final() { Next::End } else { Next::Change };
                Some((job, (next, at)))
            }
        }))
    }

    /// What happened to a job, line by line, oldest first.
    pub async fn job_log(&self, caller: &Caller, project: ProjectId, id: JobId) -> Result<Vec<LogLine>> {
        self.get_job(caller, project, id).await?;
        self.core.store.log(id).await
    }

    /// Renames a job.
    pub async fn rename_job(
        &self,
        caller: &Caller,
        project: ProjectId,
        id: JobId,
        name: &str,
    ) -> Result<Arc<Job>> {
        check_name("name", name)?;
        self.core.store.check_project(caller, project, true).await?;
        let job = self.core.store.job(project, id).await?;
        if job.workflow_id.is_some() {
            // Its name is its key in the definition: upstream references go by it.
            return Err(EngineError::Conflict(format!("job {id} is named by its workflow")));
        }
        let (core, name) = (self.core.clone(), name.to_owned());
        uninterrupted(async move { core.store.rename_job(project, id, &name).await }).await
    }

    /// Cancels a job, and those of its workflow that need it; one that has finished otherwise is a conflict.
    pub async fn cancel_job(&self, caller: &Caller, project: ProjectId, id: JobId) -> Result<Arc<Job>> {
        self.core.store.check_project(caller, project, true).await?;
        let core = self.core.clone();
        uninterrupted(async move {
            let (job, canceled) = core.store.cancel_job(project, id, Timestamp::now()).await?;
            core.running.cancel(&canceled);
            Ok(job)
        })
        .await
    }

    /// Deletes a finished job; an unfinished one is cancelled first.
    pub async fn delete_job(&self, caller: &Caller, project: ProjectId, id: JobId) -> Result<()> {
        self.core.store.check_project(caller, project, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let deleted = engine.core.store.delete_job(project, id, Timestamp::now()).await?;
            engine.clean_up(deleted).await;
            Ok(())
        })
        .await
    }

    /// Stops attempts whose rows are gone and sweeps blobs that may have lost their last reference.
    pub(crate) async fn clean_up(&self, deleted: DeletedRows) {
        self.core.running.cancel(&deleted.jobs);
        self.sweep(deleted.blobs).await;
        // They take a while, and nobody sees them any more.
        tokio::spawn(upkeep::sweep_documents(self.core.store.clone()));
    }
}

/// What a watcher of a job is told next.
enum Next {
    Job(Arc<Job>),
    Change,
    End,
}

fn direct_draft(new: NewJob) -> Draft {
    let file = |slot: &str, filename| AssetSource::File { filename, field: format!("assets.{slot}") };
    let list = |(slot, names): (String, Vec<String>)| {
        let sources = names.into_iter().map(|n| file(&slot, n)).collect();
        (slot, sources)
    };
    Draft {
        name: new.name,
        type_name: new.type_name,
        needs: Vec::new(),
        assets: new.assets.into_iter().map(list).collect(),
        request: new.request,
        params: new.params.into_iter().map(|(n, v)| (n, ParamSource::Value(v.into()))).collect(),
        ..Draft::default()
    }
}
