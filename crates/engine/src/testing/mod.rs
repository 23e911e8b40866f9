//! Doors for tests and fuzz targets to what only the engine calls, and lists at once, which the server reads in batches; no part of the API.

mod again;
mod buckets;
mod location;
mod postgres;
mod s3;

use crate::blobs::Blobs;
use crate::draft::JobTypes;
use crate::error::Result;
use crate::location::Location;
use crate::model::*;
use crate::service::Engine;
use crate::store::list_query::{self, List};
pub use buckets::{again_in_bucket, bucket_of, is_in_bucket};
use fieldstone_jobs::JobLimits;
pub use location::TestLocation;
pub use postgres::{Postgres, again_on_postgres, database_of, is_on_postgres};
#[cfg(test)]
pub(crate) use s3::BUCKET as S3_BUCKET;
pub use s3::{Fault, Presence, S3Peer};

/// Jobs of a workflow that is accepted.
pub fn workflow(new: &NewWorkflow, types: JobTypes, max_jobs: usize) -> Result<usize> {
    crate::workflow::plan(new, types, &JobLimits::default(), max_jobs).map(|drafts| drafts.len())
}

/// The SQL that a list of each resource becomes.
pub fn list(query: &ListQuery) -> [Result<String>; 4] {
    let fields = [&list_query::PROJECTS, &list_query::ASSETS, &list_query::JOBS, &list_query::WORKFLOWS];
    fields.map(|fields| {
        let list = List::parse(query, fields)?;
        Ok(list.sql("SELECT id FROM t WHERE x = ", 1i64, "").sql().to_owned())
    })
}

/// How many blobs are stored.
pub async fn blob_count(at: Location<'_>) -> Result<usize> {
    Ok(Blobs::attach(at)?.list().await?.len())
}

/// Ids of rows that are there, for a list at once.
fn ids(listing: Listing) -> Vec<i64> {
    listing.rows.into_iter().map(|(id, _)| id).collect()
}

impl Engine {
    /// All projects that `caller` may see, at once.
    pub async fn list_projects(&self, caller: &Caller, query: &ListQuery) -> Result<Vec<Project>> {
        let listing = self.list(caller, Listable::Projects, query).await?;
        self.listed_projects(caller, &ids(listing)).await
    }

    /// Assets of a project, at once.
    pub async fn list_assets(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: &ListQuery,
    ) -> Result<Vec<Asset>> {
        let listing = self.list(caller, Listable::Assets(project), query).await?;
        self.listed_assets(caller, project, &ids(listing)).await
    }

    /// Jobs of a project, at once.
    pub async fn list_jobs(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: &ListQuery,
    ) -> Result<Vec<Job>> {
        let listing = self.list(caller, Listable::Jobs(project), query).await?;
        self.listed_jobs(caller, project, &ids(listing)).await
    }

    /// Workflows of a project, at once.
    pub async fn list_workflows(
        &self,
        caller: &Caller,
        project: ProjectId,
        query: &ListQuery,
    ) -> Result<Vec<Workflow>> {
        let listing = self.list(caller, Listable::Workflows(project), query).await?;
        self.listed_workflows(caller, project, &ids(listing)).await
    }
}
