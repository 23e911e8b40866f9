//! Rows of jobs as their users see them.

use super::db::{Connection, Row};
use super::projects::{DeletedRows, Visibility, check_seen};
use super::{Of, Store, db, ledger, log, rows, sql};
use crate::bindings::Bindings;
use crate::error::{EngineError, Result};
use crate::model::*;
use std::sync::Arc;

/// A job as it was read.
#[derive(Clone)]
pub(crate) struct KnownJob {
    job: Arc<Job>,
    /// Another after each change by whomever, in a database.
    version: i64,
}

fn missing(id: JobId) -> EngineError {
    EngineError::NotFound(format!("job {id}"))
}

impl Store {
    /// One job, from memory when nothing changed it since it was last read.
    pub(crate) async fn job(&self, project: ProjectId, id: JobId) -> Result<Arc<Job>> {
        let known = match self.jobs.get(&id) {
            Some(known) if self.is_current(project, id, &known).await? => Some(known.job),
            _ => self.read_job(project, id).await?,
        };
        known.filter(|job| job.project_id == project).ok_or_else(|| missing(id))
    }

    /// Whether a job is still as it was read. Where nobody else writes it is, as long as it is remembered.
    async fn is_current(&self, project: ProjectId, id: JobId, known: &KnownJob) -> Result<bool> {
        if !self.is_in_postgres() {
            return Ok(true);
        }
        let now = db::query_scalar(sql::JOB_VERSION).bind(id.0).bind(project.0);
        Ok(now.fetch_optional::<i64>(self.reader()).await? == Some(known.version))
    }

    /// One job, if `caller` may see its project. In a database both are asked in one statement.
    pub(crate) async fn job_for(&self, caller: &Caller, project: ProjectId, id: JobId) -> Result<Arc<Job>> {
        if !self.is_in_postgres() {
            self.check_project(caller, project, false).await?;
            return self.job(project, id).await;
        }
        let row = db::query(sql::JOB_SEEN).bind(project.0).bind(id.0).fetch_optional(self.reader()).await?;
        let (seen, version) = match row {
            Some(row) => {
                let (user, access, version): (String, String, Option<i64>) = row.read()?;
                (Some(Visibility::read(user, &access)?), version)
            }
            None => (None, None),
        };
        check_seen(caller, project, false, seen.as_ref())?;
        match self.jobs.get(&id) {
            Some(known) if Some(known.version) == version => Ok(known.job),
            _ if version.is_none() => Err(missing(id)),
            _ => self.read_job(project, id).await?.ok_or_else(|| missing(id)),
        }
    }

    async fn read_job(&self, project: ProjectId, id: JobId) -> Result<Option<Arc<Job>>> {
        let generation = self.jobs.generation();
        let row = db::query(sql::JOB_GET).bind(id.0).bind(project.0).fetch_optional(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let bytes = rows::job_bytes(&row)?;
        let version = if self.is_in_postgres() { row.try_get("version")? } else { 0 };
        let job = Arc::new(rows::job_aside(row).await?);
        self.jobs.insert(generation, id, KnownJob { job: job.clone(), version }, bytes);
        Ok(Some(job))
    }

    pub(crate) async fn rename_job(&self, project: ProjectId, id: JobId, name: &str) -> Result<Arc<Job>> {
        let renamed = db::query(sql::JOB_RENAME).bind(id.0).bind(project.0).bind(name);
        let held = self.jobs.hold(vec![id]);
        let renamed = self.write_one(renamed).await?;
        drop(held);
        self.changed(project, None, [id]);
        renamed.ok_or_else(|| missing(id))?;
        self.job(project, id).await
    }

    /// Fails a job whose row cannot be read, so that it can be read from now on: of its documents those that are damaged
    /// are emptied, and what they held goes to the job's log.
    pub(crate) async fn fail_unreadable(&self, id: JobId, reason: &str, now: Timestamp) -> Result<()> {
        tracing::error!("job {id}: {reason}");
        let mut tx = self.begin(Of::Job(id)).await?;
        let row = db::query(sql::JOB_TEXTS).bind(id.0).fetch_optional(&mut *tx).await?;
        let Some(row) = row else { return Ok(()) };
        let project = ProjectId(row.try_get("project_id")?);
        let mut lines = vec![format!("failed: {reason}")];
        let document: Option<String> = row.try_get("document").ok().flatten();
        let joins = |text: &str| {
            rows::from_json::<Bindings>(text).is_ok_and(|mut inputs| inputs.join(document.as_deref()).is_ok())
        };
        let mut mended = |column: &str, empty: &str, reads: &dyn Fn(&str) -> bool| -> Result<String> {
            let text = String::from_utf8_lossy(row.bytes(column)?).into_owned();
            if reads(&text) {
                return Ok(text);
            }
            lines.push(format!("its {column} were emptied, they were: {text}"));
            Ok(empty.to_owned())
        };
        let empty = r#"{"assets":{},"params":{}}"#;
        let inputs = mended("inputs", empty, &joins)?;
        let outputs = mended("outputs", empty, &|text| rows::from_json::<JobData>(text).is_ok())?;
        let needs = mended("needs", "[]", &|text| rows::from_json::<Vec<JobId>>(text).is_ok())?;
        let fail = db::query_scalar(sql::JOB_FAIL_UNREADABLE).bind(id.0).bind(now.0).bind(db::lossy(reason));
        let workflow: Option<Option<i64>> =
            fail.bind(inputs).bind(outputs).bind(needs).fetch_optional(&mut *tx).await?;
        let workflow = workflow.flatten().map(WorkflowId);
        for text in lines {
            log::add(&mut tx, id, &LogLine { at: now, attempt: 0, level: LogLevel::Error, text }).await?;
        }
        let mut touched = vec![id];
        if let Some(workflow) = workflow {
            touched.extend(ledger::advance(&mut tx, workflow, now).await?);
        }
        self.commit(tx, touched.iter().copied()).await?;
        self.changed(project, workflow, touched);
        Ok(())
    }

    /// Cancels the job, with what depends on it; the jobs whose states have changed. One that is canceled already stays as it is.
    pub(crate) async fn cancel_job(
        &self,
        project: ProjectId,
        id: JobId,
        now: Timestamp,
    ) -> Result<(Arc<Job>, Vec<JobId>)> {
        let mut tx = self.begin(Of::Project(project)).await?;
        let row = db::query(sql::JOB_ROW).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let row = row.ok_or_else(|| missing(id))?;
        let state = rows::state(row.try_get("state")?)?;
        if matches!(state, State::Success | State::Failure) {
            let text = format!("job {id} cannot be canceled, it has finished with {}", state.as_str());
            return Err(EngineError::Conflict(text));
        }
        let (workflow, touched) = cancel(&mut tx, &row, now).await?;
        self.commit(tx, touched.iter().copied()).await?;
        self.changed(project, workflow, touched.iter().copied());
        Ok((self.job(project, id).await?, touched))
    }

    /// Cancels the job if it is unfinished, with what depends on it, and deletes it.
    pub(crate) async fn delete_job(
        &self,
        project: ProjectId,
        id: JobId,
        now: Timestamp,
    ) -> Result<DeletedRows> {
        let mut tx = self.begin(Of::Project(project)).await?;
        let row = db::query(sql::JOB_ROW).bind(id.0).bind(project.0).fetch_optional(&mut *tx).await?;
        let row = row.ok_or_else(|| missing(id))?;
        let (workflow, mut touched) = cancel(&mut tx, &row, now).await?;
        db::query(sql::JOB_DELETE).bind(id.0).bind(project.0).execute(&mut *tx).await?;
        if touched.is_empty() {
            touched.push(id);
        }
        self.commit(tx, touched.iter().copied()).await?;
        self.changed(project, workflow, touched.iter().copied());
        Ok(DeletedRows { blobs: rows::input_blobs(&row)?, jobs: touched })
    }
}

/// Cancels a job that is unfinished, by its row, and what depends on it: its workflow, and the jobs whose states have changed.
async fn cancel(tx: &mut Connection, row: &Row, now: Timestamp) -> Result<(Option<WorkflowId>, Vec<JobId>)> {
    let id = JobId(row.try_get("id")?);
    let workflow = row.try_get::<Option<i64>, _>("workflow_id")?.map(WorkflowId);
    if rows::state(row.try_get("state")?)?.is_final() {
        return Ok((workflow, Vec::new()));
    }
    db::query(sql::JOB_CANCEL).bind(id.0).bind(now.0).execute(&mut *tx).await?;
    let mut touched = vec![id];
    if let Some(workflow) = workflow {
        touched.extend(ledger::advance(tx, workflow, now).await?);
    }
    Ok((workflow, touched))
}
