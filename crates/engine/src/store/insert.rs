//! Dispatch: drafts become rows in one transaction, with their files resolved.

use super::{Limits, Result, Store, ledger, log, rows, sql, workflows};
use crate::bindings::{Bindings, Bound};
use crate::draft::{AssetSource, Draft, ParamSource};
use crate::error::{EngineError, Problems};
use crate::model::*;
use sqlx::SqliteConnection;
use std::collections::HashMap;

impl Store {
    /// Writes one job, ready to be claimed.
    pub(crate) async fn insert_job(&self, project: ProjectId, draft: &Draft, now: Timestamp) -> Result<Job> {
        let mut tx = self.begin().await?;
        check_exists(&mut tx, project).await?;
        self.limits.check_waiting(&mut tx, project, 1).await?;
        let mut problems = Problems::default();
        let inputs = resolve(&mut tx, project, draft, &self.limits, &mut problems).await?;
        problems.check()?;
        let id = insert(&mut tx, project, None, draft, &inputs, now).await?;
        let row = sqlx::query(sql::JOB_GET).bind(id.0).bind(project.0).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        rows::job(&row)
    }

    /// Writes a workflow with its jobs. `drafts` have names, each once, and need one another without a cycle.
    pub(crate) async fn insert_workflow(
        &self,
        project: ProjectId,
        definition: &str,
        drafts: &[Draft],
        now: Timestamp,
    ) -> Result<Workflow> {
        let mut tx = self.begin().await?;
        check_exists(&mut tx, project).await?;
        self.limits.check_waiting(&mut tx, project, drafts.len() as u64).await?;
        let mut problems = Problems::default();
        let mut inputs = Vec::with_capacity(drafts.len());
        for draft in drafts {
            inputs.push(resolve(&mut tx, project, draft, &self.limits, &mut problems).await?);
        }
        problems.check()?;
        let new = sqlx::query_scalar(sql::WORKFLOW_INSERT).bind(project.0).bind(now.0).bind(definition);
        let workflow = WorkflowId(new.fetch_one(&mut *tx).await?);
        let mut ids: HashMap<&str, JobId> = HashMap::new();
        for (draft, inputs) in drafts.iter().zip(&inputs) {
            let id = insert(&mut tx, project, Some(workflow), draft, inputs, now).await?;
            ids.insert(draft.name.as_deref().unwrap_or_default(), id);
        }
        for draft in drafts.iter().filter(|d| !d.needs.is_empty()) {
            let needs: Vec<JobId> = draft.needs.iter().filter_map(|n| ids.get(n.as_str()).copied()).collect();
            let id = ids[draft.name.as_deref().unwrap_or_default()];
            let set = sqlx::query(sql::JOB_SET_NEEDS).bind(id.0).bind(rows::to_json(&needs)?);
            set.execute(&mut *tx).await?;
        }
        if drafts.is_empty() {
            sqlx::query(sql::WORKFLOW_DONE_EMPTY).bind(workflow.0).bind(now.0).execute(&mut *tx).await?;
        } else {
            ledger::advance(&mut tx, workflow, now).await?;
        }
        let row = sqlx::query(sql::WORKFLOW_GET).bind(workflow.0).bind(project.0).fetch_one(&mut *tx).await?;
        let workflow = workflows::complete(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(workflow)
    }
}

/// The project may have been deleted since its visibility was checked.
async fn check_exists(tx: &mut SqliteConnection, project: ProjectId) -> Result<()> {
    let row = sqlx::query(sql::PROJECT_GET).bind(project.0).fetch_optional(tx).await?;
    row.map(|_| ()).ok_or_else(|| EngineError::NotFound(format!("project {project}")))
}

/// Finds the draft's files in the project. The rest waits for upstream jobs.
async fn resolve(
    tx: &mut SqliteConnection,
    project: ProjectId,
    draft: &Draft,
    limits: &Limits,
    problems: &mut Problems,
) -> Result<Bindings> {
    let mut bindings = Bindings::default();
    for (slot, sources) in &draft.assets {
        let list = bindings.assets.entry(slot.clone()).or_default();
        for source in sources {
            match source {
                AssetSource::File { filename, field } => {
                    let newest = sqlx::query(sql::ASSET_NEWEST).bind(project.0).bind(filename);
                    match newest.fetch_optional(&mut *tx).await? {
                        Some(row) => list.push(Bound::Is(rows::asset(&row)?)),
                        None => problems.push(field, format!("no asset called {filename:?} in this project")),
                    }
                }
                AssetSource::Upstream { job, asset } => {
                    let output = asset.clone().unwrap_or_else(|| slot.clone());
                    list.push(Bound::From { job: job.clone(), output });
                }
            }
        }
    }
    for (name, source) in &draft.params {
        let bound = match source {
            ParamSource::Value(value) => Bound::Is(value.clone()),
            ParamSource::Upstream { job, parameter } => {
                Bound::From { job: job.clone(), output: parameter.clone() }
            }
        };
        bindings.params.insert(name.clone(), bound);
    }
    draft.check_inputs(&bindings, limits, problems);
    Ok(bindings)
}

async fn insert(
    tx: &mut SqliteConnection,
    project: ProjectId,
    workflow: Option<WorkflowId>,
    draft: &Draft,
    inputs: &Bindings,
    now: Timestamp,
) -> Result<JobId> {
    let id = sqlx::query_scalar(sql::JOB_INSERT)
        .bind(project.0)
        .bind(workflow.map(|w| w.0))
        .bind(&draft.name)
        .bind(&draft.type_name)
        .bind(i64::from(workflow.is_none()))
        .bind(now.0)
        .bind(rows::to_json(inputs)?)
        .bind(rows::to_json(&JobData::default())?)
        .fetch_one(&mut *tx)
        .await?;
    if let Some(request) = &draft.request {
        let text = format!("dispatched by request {request}");
        let line = LogLine { at: now, attempt: 0, level: LogLevel::Info, text };
        log::add(tx, JobId(id), &line).await?;
    }
    Ok(JobId(id))
}
