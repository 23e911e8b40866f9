//! Dispatch: drafts become rows in one transaction, with their files resolved.

use super::db::Connection;
use super::documents::DraftDocument;
use super::limits::{Asked, JOB_END, ROW};
use super::{Of, Store, db, ledger, log, rows, sql, workflows};
use crate::bindings::{AssetBindings, Bindings, Bound};
use crate::draft::{AssetSource, Draft};
use crate::error::{EngineError, Problems, Result};
use crate::limits::{Limits, Needs};
use crate::model::*;
use std::collections::HashMap;

impl Store {
    /// Writes one job, ready to be claimed.
    pub(crate) async fn insert_job(&self, project: ProjectId, draft: Draft, now: Timestamp) -> Result<Job> {
        self.check_room(project, text_bytes(std::slice::from_ref(&draft))?).await?;
        let documents = self.write_documents(std::slice::from_ref(&draft)).await?;
        let inserted = self.insert_job_row(project, draft, documents[0], now).await;
        if inserted.is_err() {
            self.drop_documents(&documents).await;
        }
        inserted
    }

    async fn insert_job_row(
        &self,
        project: ProjectId,
        draft: Draft,
        document: Option<DraftDocument>,
        now: Timestamp,
    ) -> Result<Job> {
        let mut tx = self.begin(Of::Project(project)).await?;
        check_exists(&mut tx, project).await?;
        self.limits.check_waiting(&mut tx, project, 1).await?;
        let mut problems = Problems::default();
        let found = resolve(&mut tx, project, &draft, &self.limits, &mut problems).await?;
        problems.check()?;
        let asked = Asked { rows: text_bytes(std::slice::from_ref(&draft))?, output: found.output_bytes() };
        self.limits.check_bytes(&mut tx, project, asked.rows).await?;
        // It fails, as one of an unknown type does: clients dispatch first and look afterwards.
        let no_room = match self.limits.check_dispatch(&mut tx, project, asked).await {
            Err(EngineError::Quota(text) | EngineError::NoRoom(text)) => Some(text),
            checked => checked.map(|()| None)?,
        };
        let id = insert(&mut tx, (project, None), (&draft, document), &found, now).await?;
        if let Some(text) = &no_room {
            db::query(sql::JOB_FAIL).bind(id.0).bind(now.0).bind(db::lossy(text)).execute(&mut *tx).await?;
            let line = LogLine { at: now, attempt: 0, level: LogLevel::Error, text: text.clone() };
            log::add(&mut tx, id, &line).await?;
        }
        tx.commit().await?;
        self.changed(project, None, [id]);
        let job = job_of(id, project, draft, found, now);
        Ok(match no_room {
            Some(_) => Job { state: State::Failure, finished: Some(now), error: no_room, ..job },
            None => job,
        })
    }

    /// Writes a workflow with its jobs. `drafts` have names, each once, and need one another without a cycle.
    pub(crate) async fn insert_workflow(
        &self,
        project: ProjectId,
        definition: &str,
        drafts: &[Draft],
        now: Timestamp,
    ) -> Result<Workflow> {
        self.check_room(project, text_bytes(drafts)?).await?;
        let documents = self.write_documents(drafts).await?;
        let inserted = self.insert_workflow_rows(project, definition, (drafts, &documents), now).await;
        if inserted.is_err() {
            self.drop_documents(&documents).await;
        }
        inserted
    }

    async fn insert_workflow_rows(
        &self,
        project: ProjectId,
        definition: &str,
        (drafts, documents): (&[Draft], &[Option<DraftDocument>]),
        now: Timestamp,
    ) -> Result<Workflow> {
        let mut tx = self.begin(Of::Project(project)).await?;
        check_exists(&mut tx, project).await?;
        self.limits.check_waiting(&mut tx, project, drafts.len() as u64).await?;
        let mut problems = Problems::default();
        let mut found = Vec::with_capacity(drafts.len());
        for draft in drafts {
            found.push(resolve(&mut tx, project, draft, &self.limits, &mut problems).await?);
        }
        problems.check()?;
        // Nothing that a workflow makes is gone again when it has ended.
        let output = found.iter().map(Found::output_bytes).fold(0, u64::saturating_add);
        let rows = text_bytes(drafts)?.saturating_add(ROW + definition.len() as u64);
        self.limits.check_dispatch(&mut tx, project, Asked { rows, output }).await?;
        let new = db::query_scalar(sql::WORKFLOW_INSERT).bind(project.0).bind(now.0).bind(definition);
        let workflow = WorkflowId(new.fetch_one(&mut *tx).await?);
        let mut ids: HashMap<&str, JobId> = HashMap::new();
        for ((draft, document), found) in drafts.iter().zip(documents).zip(&found) {
            let id = insert(&mut tx, (project, Some(workflow)), (draft, *document), found, now).await?;
            ids.insert(draft.name.as_deref().unwrap_or_default(), id);
        }
        for draft in drafts.iter().filter(|d| !d.needs.is_empty()) {
            let needs: Vec<JobId> = draft.needs.iter().filter_map(|n| ids.get(n.as_str()).copied()).collect();
            let id = ids[draft.name.as_deref().unwrap_or_default()];
            let set = db::query(sql::JOB_SET_NEEDS).bind(id.0).bind(rows::to_json(&needs)?);
            set.execute(&mut *tx).await?;
        }
        if drafts.is_empty() {
            db::query(sql::WORKFLOW_DONE_EMPTY).bind(workflow.0).bind(now.0).execute(&mut *tx).await?;
        } else {
            ledger::advance(&mut tx, workflow, now).await?;
        }
        let row = db::query(sql::WORKFLOW_GET).bind(workflow.0).bind(project.0).fetch_one(&mut *tx).await?;
        let workflow = workflows::complete(&mut tx, &row).await?;
        tx.commit().await?;
        self.changed(project, Some(workflow.id), workflow.jobs.iter().copied());
        Ok(workflow)
    }
}

/// Bytes that the rows of jobs may take with their documents and logs.
fn text_bytes(drafts: &[Draft]) -> Result<u64> {
    let of = |draft: &Draft| Ok(ROW + draft.written_params()?.bytes() + JOB_END);
    drafts.iter().map(of).sum()
}

/// The project may have been deleted since its visibility was checked.
async fn check_exists(tx: &mut Connection, project: ProjectId) -> Result<()> {
    let row = db::query(sql::PROJECT_EXISTS).bind(project.0).fetch_optional(tx).await?;
    row.map(|_| ()).ok_or_else(|| EngineError::NotFound(format!("project {project}")))
}

/// The files of a draft.
struct Found {
    assets: AssetBindings,
    /// Where all of them are known.
    needs: Option<Needs>,
}

impl Found {
    /// What the job makes at least, as far as that is known.
    fn output_bytes(&self) -> u64 {
        self.needs.map_or(0, |needs| needs.output)
    }
}

/// Finds the draft's files in the project. The rest waits for upstream jobs.
async fn resolve(
    tx: &mut Connection,
    project: ProjectId,
    draft: &Draft,
    limits: &Limits,
    problems: &mut Problems,
) -> Result<Found> {
    let mut assets = AssetBindings::default();
    for (slot, sources) in &draft.assets {
        let list = assets.entry(slot.clone()).or_default();
        for source in sources {
            match source {
                AssetSource::File { filename, field } => {
                    let newest = db::query(sql::ASSET_NEWEST).bind(project.0).bind(filename);
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
    let needs = draft.check_inputs(&assets, limits, problems);
    Ok(Found { assets, needs })
}

/// A job as its new row has it.
fn job_of(id: JobId, project: ProjectId, draft: Draft, found: Found, now: Timestamp) -> Job {
    let params = draft.params.into_iter().map(|(name, source)| (name, source.into_bound()));
    Job {
        id,
        project_id: project,
        workflow_id: None,
        name: draft.name,
        type_name: draft.type_name,
        state: State::Pending,
        created: now,
        started: None,
        finished: None,
        error: None,
        inputs: Bindings { assets: found.assets, params: params.collect(), apart: Vec::new() }.into_known(),
        outputs: JobData::default(),
        needs: Vec::new(),
        progress: 0.0,
        attempt: 0,
    }
}

async fn insert(
    tx: &mut Connection,
    (project, workflow): (ProjectId, Option<WorkflowId>),
    (draft, document): (&Draft, Option<DraftDocument>),
    found: &Found,
    now: Timestamp,
) -> Result<JobId> {
    // Parameters are written as text before the ledger is asked for.
    let params = draft.written_params()?;
    let (assets, apart) = (rows::to_json(&found.assets)?, rows::to_json(&params.apart)?);
    let inputs = format!("{{\"assets\":{assets},\"params\":{},\"apart\":{apart}}}", params.row);
    let id = db::query_scalar(sql::JOB_INSERT)
        .bind(project.0)
        .bind(workflow.map(|w| w.0))
        .bind(&draft.name)
        .bind(&draft.type_name)
        .bind(i64::from(workflow.is_none()))
        .bind(now.0)
        .bind(inputs)
        .bind(rows::to_json(&JobData::default())?)
        .bind(found.needs.map(|needs| needs.memory.cast_signed()))
        .bind(found.needs.map(|needs| needs.output.cast_signed()))
        .fetch_one(&mut *tx)
        .await?;
    if let Some(document) = document {
        document.give_to(tx, JobId(id)).await?;
    }
    if let Some(request) = &draft.request {
        let text = format!("dispatched by request {request}");
        let line = LogLine { at: now, attempt: 0, level: LogLevel::Info, text };
        log::add(tx, JobId(id), &line).await?;
    }
    Ok(JobId(id))
}
