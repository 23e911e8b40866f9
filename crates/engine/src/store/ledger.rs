//! The job ledger: leases with a fencing attempt number. The row is the truth about a job.
//!
//! A job is `pending` until [`Store::claim`] starts attempt n + 1 of it. Only the holder of that
//! [`Claim`] may finish it, and only while the row still says `started` with that attempt: a worker
//! that was thought dead and wakes up late is refused, whatever it brings. Time is an argument: leases go by a clock that
//! does not jump, stamps by the wall clock, and no job starts before it was made or ends before it started.

use super::db::{Connection, Transaction};
use super::made::{PlacedOutput, bind_dependants, publish};
use super::meta::count_blob_rows;
use super::{Of, Store, db, results, rows, sql};
use crate::error::{EngineError, Result};
use crate::limits::Needs;
use crate::model::*;
use crate::workflow::dag::{self, Step};
use indexmap::IndexMap;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long the end of an attempt waits for the ledger, and how often it looks. Within a lease.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// A job that may be claimed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadyJob {
    pub(crate) id: JobId,
    pub(crate) project: ProjectId,
    /// Whose project it is.
    pub(crate) user: String,
    /// What it needs, once all its inputs are known.
    pub(crate) needs: Option<Needs>,
}

/// The right to run one attempt of a job and to finish it.
#[derive(Debug)]
pub(crate) struct Claim {
    job: Job,
}

impl Claim {
    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    pub(crate) fn id(&self) -> JobId {
        self.job.id
    }

    /// The parameters, which are of use once: they may be megabytes.
    pub(crate) fn take_params(&mut self) -> IndexMap<String, Value> {
        std::mem::take(&mut self.job.inputs.params)
    }

    /// What no worker can do: the claim of one that commits twice.
    #[cfg(test)]
    pub(crate) fn duplicate(&self) -> Claim {
        Claim { job: self.job.clone() }
    }
}

/// Whether an attempt may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    /// Yes, until the new end of its lease.
    Held,
    /// The job was cancelled.
    Canceled,
    /// The job was deleted, or given to another attempt.
    Lost,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// All outputs, in the order they were made, and the hash of the work that made them.
    Success { assets: Vec<PlacedOutput>, params: IndexMap<String, Value>, work: String },
    /// An error for the sender of the job.
    Failure(String),
    /// Cancelled.
    Canceled,
}

/// Why an attempt ended without an outcome.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    /// The service stops: the job goes on later and nothing is counted.
    Stopped,
    /// The machine or we are at fault; at `max_attempts` losses the job fails with `error`.
    Fault { error: String, max_attempts: u32 },
}

impl Store {
    /// Jobs that may be claimed: the oldest few of each project.
    pub(crate) async fn ready_jobs(&self) -> Result<Vec<ReadyJob>> {
        let rows = db::query(sql::JOBS_READY).fetch_all(self.reader()).await?;
        type Columns = (i64, i64, String, Option<i64>, Option<i64>);
        let ready = |row: &db::Row| {
            let (id, project, user, memory, output): Columns = row.read()?;
            let needs = memory.zip(output).map(|(memory, output)| Needs {
                memory: memory.cast_unsigned(),
                output: output.cast_unsigned(),
            });
            Ok(ReadyJob { id: JobId(id), project: ProjectId(project), user, needs })
        };
        rows.iter().map(ready).collect()
    }

    /// How many jobs are ready that need no more memory than this, or of which that is not known yet; no more than `most` are counted.
    pub(crate) async fn waiting_jobs(&self, memory_bytes: u64, most: u32) -> Result<u32> {
        let memory = i64::try_from(memory_bytes).unwrap_or(i64::MAX);
        let count = db::query_scalar(sql::JOBS_WAITING).bind(memory).bind(i64::from(most));
        let count: i64 = count.fetch_one(self.reader()).await?;
        Ok(u32::try_from(count).unwrap_or(most))
    }

    /// Notes what a job needs, as it says itself.
    pub(crate) async fn set_needs(&self, id: JobId, needs: Needs) -> Result<()> {
        let set = db::query(sql::JOB_SET_SIZES).bind(id.0).bind(needs.memory.cast_signed());
        self.write(set.bind(needs.output.cast_signed())).await
    }

    /// Starts the next attempt of a ready job; `None` when it is not ready any more.
    pub(crate) async fn claim(
        &self,
        id: JobId,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Claim>> {
        self.claim_in(self.begin(Of::Rows).await?, id, lease_until, now).await
    }

    /// The same, unless the job's user has as many running as he may have, in whatever server.
    pub(crate) async fn claim_within(
        &self,
        job: &ReadyJob,
        user_slots: Option<usize>,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Claim>> {
        let Some(most) = user_slots.filter(|_| self.head().is_some()) else {
            return self.claim(job.id, lease_until, now).await;
        };
        let mut tx = self.begin(Of::User(&job.user)).await?;
        let running = db::query_scalar(sql::RUNNING_OF_USER).bind(&job.user);
        if running.fetch_one::<i64>(&mut *tx).await?.max(0) as usize >= most {
            return Ok(None);
        }
        self.claim_in(tx, job.id, lease_until, now).await
    }

    async fn claim_in(
        &self,
        mut tx: Transaction,
        id: JobId,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Claim>> {
        let claimed = db::query(sql::JOB_CLAIM).bind(id.0).bind(now.0).bind(lease_until.0);
        let Some(row) = claimed.fetch_optional(&mut *tx).await? else { return Ok(None) };
        let project = ProjectId(row.try_get("project_id")?);
        let workflow = row.try_get::<Option<i64>, _>("workflow_id")?.map(WorkflowId);
        if let Some(workflow) = workflow {
            db::query(sql::WORKFLOW_STARTED).bind(workflow.0).bind(now.0).execute(&mut *tx).await?;
        }
        self.commit(tx, [id]).await?;
        self.changed(project, workflow, [id]);
        // Its document is read beside other writes. Gone, if it was deleted meanwhile.
        let whole = db::query(sql::JOB_GET).bind(id.0).bind(project.0).fetch_optional(self.reader()).await?;
        let Some(whole) = whole else { return Ok(None) };
        let attempt = row.try_get::<i64, _>("attempt")?.max(0) as u32;
        let job = Job { attempt, ..rows::job_aside(whole).await? };
        Ok(Some(Claim { job }))
    }

    /// Renews the lease of an attempt and notes how far it is.
    pub(crate) async fn renew_lease(
        &self,
        id: JobId,
        attempt: u32,
        progress: f32,
        lease_until: Timestamp,
    ) -> Result<Lease> {
        let renewal = db::query(sql::JOB_RENEW_LEASE)
            .bind(id.0)
            .bind(i64::from(attempt))
            .bind(lease_until.0)
            .bind(f64::from(progress));
        let unread = self.jobs.hold(vec![id]);
        let renewed = self.write_one(renewal).await?;
        drop(unread);
        if let Some(renewed) = renewed {
            self.changed(ProjectId(renewed.try_get(0)?), None, [id]);
            return Ok(Lease::Held);
        }
        let state = db::query_scalar(sql::JOB_STATE).bind(id.0);
        let state: Option<String> = state.fetch_optional(self.reader()).await?;
        Ok(if state.as_deref() == Some(State::Canceled.as_str()) { Lease::Canceled } else { Lease::Lost })
    }

    /// Ends the job as `outcome` says, publishes its assets and moves its workflow on, all at once
    /// or not at all. False when the claim was stale: then nothing has changed. While the disk is full or the ledger
    /// locked it waits for a while: what was computed is worth it.
    pub(crate) async fn finish(&self, claim: Claim, outcome: Outcome, now: Timestamp) -> Result<bool> {
        let start = Instant::now();
        loop {
            match self.try_finish(&claim, outcome.clone(), now).await {
                Err(EngineError::Full | EngineError::Locked | EngineError::Unreachable(_))
                    if start.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    async fn try_finish(&self, claim: &Claim, outcome: Outcome, now: Timestamp) -> Result<bool> {
        let mut tx = self.begin(Of::Project(claim.job.project_id)).await?;
        let outcome = self.within_limits(&mut tx, claim, outcome).await?;
        let (state, error, progress) = match &outcome {
            Outcome::Success { .. } => (State::Success, None, 1.0),
            Outcome::Failure(error) => (State::Failure, Some(error.clone()), 0.0),
            Outcome::Canceled => (State::Canceled, None, 0.0),
        };
        let fenced = db::query(sql::JOB_FINISH)
            .bind(claim.id().0)
            .bind(i64::from(claim.job.attempt))
            .bind(state.as_str())
            .bind(now.0)
            .bind(error.map_or(db::Value::Text(None), db::lossy))
            .bind(rows::to_json(&JobData::default())?)
            .bind(progress);
        if fenced.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(false);
        }
        let mut touched = vec![claim.id()];
        let (mut makes, mut made) = (false, Vec::new());
        if let Outcome::Success { assets, params, work } = outcome {
            makes = true;
            let outputs = publish(&mut tx, &claim.job, assets, params, now).await?;
            made = outputs.assets.values().flatten().map(|asset| asset.id).collect();
            results::remember(&mut tx, &claim.job, &work).await?;
            touched.extend(bind_dependants(&mut tx, &claim.job, &outputs, now).await?);
        }
        if let Some(workflow) = claim.job.workflow_id {
            touched.extend(advance(&mut tx, workflow, now).await?);
        }
        // Last: all who count wait for one another from there to their commit.
        let blob_rows = if makes { count_blob_rows(&mut tx).await? } else { 0 };
        self.commit(tx, touched.iter().copied()).await?;
        self.blob_rows_committed(blob_rows);
        made.into_iter().for_each(|asset| self.asset_changed(claim.job.project_id, asset));
        self.changed(claim.job.project_id, claim.job.workflow_id, touched);
        Ok(true)
    }

    /// The outcome, or the failure that outputs beyond the project's quota make of it.
    async fn within_limits(&self, tx: &mut Connection, claim: &Claim, outcome: Outcome) -> Result<Outcome> {
        let Outcome::Success { assets, params, .. } = &outcome else { return Ok(outcome) };
        let said = rows::to_json(params)?.len() as u64;
        let bytes = assets.iter().map(|made| made.blob.size).fold(said, u64::saturating_add);
        match self.limits.check_bytes(tx, claim.job.project_id, bytes).await {
            Ok(()) => Ok(outcome),
            Err(EngineError::Quota(text)) => Ok(Outcome::Failure(text)),
            Err(e) => Err(e),
        }
    }

    /// Ends an attempt without an outcome. False when the claim was stale.
    pub(crate) async fn give_back(&self, claim: Claim, loss: Loss, now: Timestamp) -> Result<bool> {
        let (counted, failed): (i64, _) = match loss {
            Loss::Stopped => (0, None),
            Loss::Fault { error, max_attempts } => {
                let losses = db::query_scalar(sql::JOB_LOSSES);
                let losses = losses.bind(claim.id().0).bind(i64::from(claim.job.attempt));
                let losses: Option<i64> = losses.fetch_optional(self.reader()).await?;
                let Some(losses) = losses else { return Ok(false) };
                (1, (losses + 1 >= i64::from(max_attempts)).then_some(error))
            }
        };
        if let Some(error) = failed {
            return self.finish(claim, Outcome::Failure(error), now).await;
        }
        let back = db::query(sql::JOB_GIVE_BACK).bind(claim.id().0).bind(i64::from(claim.job.attempt));
        let held = self.jobs.hold(vec![claim.id()]);
        let back = self.write_one(back.bind(counted)).await?;
        drop(held);
        self.changed(claim.job.project_id, None, [claim.id()]);
        Ok(back.is_some())
    }

    /// Ends the lease of one attempt now: nobody holds it any more.
    pub(crate) async fn expire(&self, id: JobId, attempt: u32) -> Result<()> {
        let expire = db::query(sql::JOB_EXPIRE).bind(id.0).bind(i64::from(attempt));
        self.write(expire).await
    }

    /// Ends every lease now: for the start of the only process, when all holders are dead.
    pub(crate) async fn expire_all(&self) -> Result<()> {
        self.write(db::query(sql::JOBS_EXPIRE_ALL)).await
    }

    /// Takes back attempts whose lease has ended at `steady`, a time of the leases' clock: they are tried again, or fail
    /// for good.
    pub(crate) async fn reap(&self, max_attempts: u32, steady: Timestamp, now: Timestamp) -> Result<usize> {
        let expired = db::query(sql::JOBS_EXPIRED).bind(steady.0).fetch_all(self.reader()).await?;
        let mut count = 0;
        for row in expired {
            let id = JobId(row.try_get("id")?);
            let job = match rows::job_aside(row).await {
                Ok(job) => job,
                Err(e) => match e.unreadable_job() {
                    Some(reason) => {
                        self.fail_unreadable(id, &reason, now).await?;
                        count += 1;
                        continue;
                    }
                    None => return Err(e),
                },
            };
            let times = job.attempt;
            let error = format!("the job was started {times} times and never finished");
            // Another server may have done so, or its holder has woken up.
            let back = self.give_back(Claim { job }, Loss::Fault { error, max_attempts }, now).await?;
            count += usize::from(back);
        }
        Ok(count)
    }

    /// Brings every unfinished workflow up to date with its jobs.
    pub(crate) async fn advance_all(&self, now: Timestamp) -> Result<()> {
        for row in db::query(sql::WORKFLOWS_OPEN).fetch_all(self.reader()).await? {
            let (id, project): (i64, i64) = row.read()?;
            let mut tx = self.begin(Of::Project(ProjectId(project))).await?;
            let touched = match advance(&mut tx, WorkflowId(id), now).await {
                Ok(touched) => touched,
                // One that cannot be read keeps nobody else from starting.
                Err(EngineError::Internal(e)) => {
                    tracing::error!("workflow {id} cannot be brought up to date with its jobs: {e:#}");
                    continue;
                }
                Err(e) => return Err(e),
            };
            self.commit(tx, touched.iter().copied()).await?;
            self.changed(ProjectId(project), Some(WorkflowId(id)), touched);
        }
        Ok(())
    }
}

/// Writes down what follows from the states of a workflow's jobs; returns the jobs it changed.
pub(super) async fn advance(tx: &mut Connection, workflow: WorkflowId, now: Timestamp) -> Result<Vec<JobId>> {
    let nodes = db::query(sql::WORKFLOW_NODES).bind(workflow.0).fetch_all(&mut *tx).await?;
    let nodes = nodes.iter().map(rows::node).collect::<Result<Vec<_>>>()?;
    let mut touched = Vec::new();
    for step in dag::progress(&nodes) {
        match step {
            Step::Ready(id) => {
                db::query(sql::JOB_SET_READY).bind(id.0).execute(&mut *tx).await?;
            }
            Step::Cancel(id) => {
                db::query(sql::JOB_CANCEL).bind(id.0).bind(now.0).execute(&mut *tx).await?;
                touched.push(id);
            }
            Step::Done(state) => {
                let done = db::query(sql::WORKFLOW_DONE).bind(workflow.0).bind(state.as_str());
                done.bind(now.0).execute(&mut *tx).await?;
            }
        }
    }
    Ok(touched)
}
