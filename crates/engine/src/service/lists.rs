//! Lists: which rows there are, then the rows, a batch at a time.

use super::Engine;
use crate::error::Result;
use crate::model::*;
use crate::store::list_query::fields_of;

/// Bytes of one batch, and rows of it, as long as it has more than one.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_ROWS: usize = 500;

impl Listing {
    /// The ids in batches that can be held in memory each.
    pub fn batches(&self) -> Vec<Vec<i64>> {
        let mut batches: Vec<Vec<i64>> = Vec::new();
        let mut room = 0;
        for (id, bytes) in &self.rows {
            match batches.last_mut().filter(|batch| batch.len() < BATCH_ROWS && *bytes <= room) {
                Some(batch) => batch.push(*id),
                None => {
                    batches.push(vec![*id]);
                    room = BATCH_BYTES;
                }
            }
            room = room.saturating_sub(*bytes);
        }
        batches
    }
}

impl Engine {
    /// By which fields a list is sorted, and by which it is searched, as `sort` and `q` spell them; the same for every project.
    pub fn list_fields(what: Listable) -> (Vec<&'static str>, Vec<&'static str>) {
        fields_of(what).names()
    }

    /// Which rows a list has. What it names is read by the `listed_…` below, for the same caller.
    pub async fn list(&self, caller: &Caller, what: Listable, query: &ListQuery) -> Result<Listing> {
        if let Listable::Assets(project) | Listable::Jobs(project) | Listable::Workflows(project) = what {
            self.core.store.check_project(caller, project, false).await?;
        }
        let _lane = self.core.lanes.enter(&caller.user).await;
        self.core.store.listing(caller, what, query).await
    }

    /// Projects by their ids, as far as they are still there; documents of other users are left out.
    pub async fn listed_projects(&self, caller: &Caller, ids: &[i64]) -> Result<Vec<Project>> {
        let _lane = self.core.lanes.enter(&caller.user).await;
        self.core.store.listed_projects(caller, ids).await
    }

    /// Assets by their ids, as far as they are still there.
    pub async fn listed_assets(
        &self,
        caller: &Caller,
        project: ProjectId,
        ids: &[i64],
    ) -> Result<Vec<Asset>> {
        let _lane = self.core.lanes.enter(&caller.user).await;
        self.core.store.listed_assets(project, ids).await
    }

    /// Jobs by their ids, as far as they are still there.
    pub async fn listed_jobs(&self, caller: &Caller, project: ProjectId, ids: &[i64]) -> Result<Vec<Job>> {
        let _lane = self.core.lanes.enter(&caller.user).await;
        self.core.store.listed_jobs(project, ids).await
    }

    /// Workflows by their ids, as far as they are still there.
    pub async fn listed_workflows(
        &self,
        caller: &Caller,
        project: ProjectId,
        ids: &[i64],
    ) -> Result<Vec<Workflow>> {
        let _lane = self.core.lanes.enter(&caller.user).await;
        self.core.store.listed_workflows(project, ids).await
    }
}
