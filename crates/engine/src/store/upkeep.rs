//! What check, gc and backup ask of the ledger.

use super::db::{Connection, Pool};
use super::{Store, db, rows, sql};
use crate::data_folder::{private_file, sync_folder};
use crate::error::Result;
use crate::model::*;
use crate::workflow::dag::Node;
use anyhow::{Context, anyhow};
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Rows without their parents that are listed at most, as many as `sql::INTEGRITY` lists of its faults.
const MOST_FAULTS: usize = 100;

/// Everything in the ledger that a check looks at, at one moment.
#[derive(Default)]
pub(crate) struct LedgerSnapshot {
    /// What is wrong with the database or with single rows.
    pub(crate) faults: Vec<String>,
    pub(crate) assets: usize,
    pub(crate) jobs: usize,
    /// State by id.
    pub(crate) workflows: BTreeMap<WorkflowId, State>,
    /// Jobs of the workflows that are not finished.
    pub(crate) nodes: BTreeMap<WorkflowId, Vec<Node>>,
    /// Blobs that rows name.
    pub(crate) named: Vec<NamedBlob>,
}

/// A row's word about a blob.
pub(crate) struct NamedBlob {
    pub(crate) by: NamingRow,
    pub(crate) sha256: String,
    pub(crate) size: u64,
}

/// The row that names a blob.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NamingRow {
    /// An asset.
    Asset(AssetId),
    /// An unfinished job, as its input.
    Job(JobId),
}

impl std::fmt::Display for NamingRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NamingRow::Asset(id) => write!(f, "asset {id}"),
            NamingRow::Job(id) => write!(f, "input of job {id}"),
        }
    }
}

/// Copies the database as it is at this moment, beside its writers. The copy is on disk when this returns, and `to` is
/// either all of it or untouched.
pub(crate) async fn copy_database(pool: &Pool, to: &Path) -> Result<()> {
    let partial = to.with_extension(format!("{}partial", rand::random::<u32>()));
    let text = partial.to_str().ok_or_else(|| anyhow!("the path {} is not UTF-8", partial.display()))?;
    let copied = async {
        // SQLite would make it readable for all.
        drop(private_file().open(&partial)?);
        db::query(sql::COPY_TO).bind(text).execute(pool).await?;
        std::fs::File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, to)?;
        to.parent().map_or(Ok(()), sync_folder)?;
        Result::Ok(())
    };
    let copied = copied.await;
    if copied.is_err() {
        // What is left of it is of no use; that it cannot be removed matters less than why it broke off.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

impl Store {
    /// Reads every row, in one transaction: what it sees belongs together.
    pub(crate) async fn snapshot(&self) -> Result<LedgerSnapshot> {
        let mut tx = self.begin_to_read().await?;
        let mut snapshot = LedgerSnapshot { faults: faults(&mut tx).await?, ..LedgerSnapshot::default() };
        read_assets(&mut tx, &mut snapshot).await?;
        let mut workflows = db::query(sql::EVERY_WORKFLOW).fetch(&mut *tx)?;
        while let Some(row) = workflows.try_next().await? {
            let id = WorkflowId(row.try_get("id")?);
            match rows::state(row.try_get("state")?) {
                Ok(state) => drop(snapshot.workflows.insert(id, state)),
                Err(e) => snapshot.faults.push(format!("workflow {id}: {e}")),
            }
        }
        drop(workflows);
        read_jobs(&mut tx, &mut snapshot).await?;
        snapshot.faults.extend(inputs_not_noted(&mut tx, &snapshot.named).await?);
        Ok(snapshot)
    }

    /// Checksums that rows name.
    pub(crate) async fn named_blobs(&self) -> Result<HashSet<String>> {
        let mut snapshot = LedgerSnapshot::default();
        let mut tx = self.begin_to_read().await?;
        read_assets(&mut tx, &mut snapshot).await?;
        read_jobs(&mut tx, &mut snapshot).await?;
        Ok(snapshot.named.into_iter().map(|named| named.sha256).collect())
    }

    /// Whether the row still names the blob.
    pub(crate) async fn still_named(&self, by: NamingRow, sha256: &str) -> Result<bool> {
        let (statement, id) = match by {
            NamingRow::Asset(id) => (sql::BLOB_IN_THIS_ASSET, id.0),
            NamingRow::Job(id) => (sql::BLOB_IN_THIS_JOB, id.0),
        };
        let row = db::query(statement).bind(id).bind(sha256).fetch_optional(self.reader()).await?;
        Ok(row.is_some())
    }

    /// Copies the database to `to`; see [`copy_database`].
    pub(crate) async fn copy_to(&self, to: &Path) -> Result<()> {
        Ok(copy_database(self.reader(), to).await.context("cannot copy the ledger")?)
    }
}

/// What the database itself finds wrong, and rows that are counted wrongly.
async fn faults(tx: &mut Connection) -> Result<Vec<String>> {
    // PostgreSQL has tools of its own for its files (pg_amcheck), and no row without its parent.
    let mut faults = if tx.is_postgres() { Vec::new() } else { faults_of_file(tx).await? };
    for row in db::query(sql::USAGE_WRONG).fetch_all(tx).await?.into_iter().take(MOST_FAULTS) {
        let (id, kept, found): (i64, i64, i64) = row.read()?;
        faults.push(format!("ledger: project {id} is counted with {kept} bytes, what it has is {found}"));
    }
    Ok(faults)
}

/// What SQLite finds wrong with its file.
async fn faults_of_file(tx: &mut Connection) -> Result<Vec<String>> {
    let found: Vec<String> = db::query_scalar(sql::INTEGRITY).fetch_all(&mut *tx).await?;
    let mut faults: Vec<String> =
        found.into_iter().filter(|text| text != "ok").map(|text| format!("ledger: {text}")).collect();
    let orphans = db::query(sql::ORPHANS).fetch_all(tx).await?;
    for row in orphans.iter().take(MOST_FAULTS) {
        let (table, id): (String, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let parent: String = row.try_get(2)?;
        faults
            .push(format!("ledger: row {} of {table} names a row of {parent} that is gone", id.unwrap_or(0)));
    }
    Ok(faults)
}

/// Blobs that unfinished jobs read and that whoever deletes would not hear of.
async fn inputs_not_noted(tx: &mut Connection, named: &[NamedBlob]) -> Result<Vec<String>> {
    let rows = db::query(sql::EVERY_JOB_INPUT).fetch_all(tx).await?;
    let noted: HashSet<(i64, String)> =
        rows.iter().map(db::Row::read).collect::<std::result::Result<_, sqlx::Error>>()?;
    let missing = named.iter().filter_map(|blob| match blob.by {
        NamingRow::Job(id) if !noted.contains(&(id.0, blob.sha256.clone())) => {
            Some(format!("ledger: job {id} reads blob {} and is not noted with it", blob.sha256))
        }
        _ => None,
    });
    Ok(missing.take(MOST_FAULTS).collect())
}

async fn read_assets(tx: &mut Connection, snapshot: &mut LedgerSnapshot) -> Result<()> {
    let mut assets = db::query(sql::EVERY_ASSET).fetch(tx)?;
    while let Some(row) = assets.try_next().await? {
        snapshot.assets += 1;
        match rows::asset(&row) {
            Ok(asset) => {
                snapshot.named.push(NamedBlob {
                    by: NamingRow::Asset(asset.id),
                    sha256: asset.sha256,
                    size: asset.size,
                });
            }
            Err(e) => snapshot.faults.push(format!("asset {}: {e}", row.try_get::<i64, _>("id")?)),
        }
    }
    Ok(())
}

async fn read_jobs(tx: &mut Connection, snapshot: &mut LedgerSnapshot) -> Result<()> {
    let mut jobs = db::query(sql::EVERY_JOB).fetch(tx)?;
    while let Some(row) = jobs.try_next().await? {
        snapshot.jobs += 1;
        let (job, node) = match rows::job(&row).and_then(|job| Ok((job, rows::node(&row)?))) {
            Ok(both) => both,
            Err(e) => {
                snapshot.faults.push(format!("job {}: {e}", row.try_get::<i64, _>("id")?));
                continue;
            }
        };
        if !job.state.is_final() {
            for asset in job.inputs.assets.into_values().flatten() {
                snapshot.named.push(NamedBlob {
                    by: NamingRow::Job(job.id),
                    sha256: asset.sha256,
                    size: asset.size,
                });
            }
        }
        match job.workflow_id {
            None if job.state == State::Pending && !node.ready => {
                snapshot.faults.push(format!(
                    "job {}: it is pending, belongs to no workflow and was never made ready",
                    job.id
                ));
            }
            None => {}
            Some(id) => match snapshot.workflows.get(&id) {
                Some(state) if state.is_final() && !job.state.is_final() => {
                    let (job_state, state) = (job.state.as_str(), state.as_str());
                    snapshot
                        .faults
                        .push(format!("job {}: it is {job_state}, its workflow {id} is {state}", job.id));
                }
                Some(state) if state.is_final() => {}
                _ => snapshot.nodes.entry(id).or_default().push(node),
            },
        }
    }
    Ok(())
}
