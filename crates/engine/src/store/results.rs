//! Which job did which work: looked up before the same is done again.

use super::db::Connection;
use super::{Store, db, rows, sql};
use crate::error::Result;
use crate::model::{Job, JobData, JobId, ProjectId};

/// A job that did a piece of work, and what it made.
pub(crate) struct DoneWork {
    pub(crate) job: JobId,
    pub(crate) outputs: JobData,
}

impl Store {
    /// A successful job of this project that did this work and whose outputs are all still as it made them.
    pub(crate) async fn same_work(&self, project: ProjectId, work: &str) -> Result<Option<DoneWork>> {
        let row = db::query(sql::RESULT_GET).bind(project.0).bind(work).fetch_optional(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let done =
            DoneWork { job: JobId(row.try_get("id")?), outputs: rows::from_json(row.try_get("outputs")?)? };
        for asset in done.outputs.assets.values().flatten() {
            let now = db::query(sql::ASSET_GET).bind(asset.id.0).bind(project.0);
            let now = now.fetch_optional(self.reader()).await?;
            let Some(now) = now.as_ref().map(rows::asset).transpose()? else { return Ok(None) };
            if now.sha256 != asset.sha256 {
                return Ok(None);
            }
        }
        Ok(Some(done))
    }
}

/// Notes that `job` did this work.
pub(super) async fn remember(tx: &mut Connection, job: &Job, work: &str) -> Result<()> {
    let set = db::query(sql::RESULT_SET).bind(job.project_id.0).bind(work).bind(job.id.0);
    set.execute(tx).await?;
    Ok(())
}
