//! Lists in two steps: which rows, in which order and how large each is; then the rows, a batch at a time. No list is held whole, and none
//! keeps a reader for longer than a batch takes.

use super::db::{Builder, Row};
use super::list_query::{Fields, List, fields_of};
use super::{Store, rows, sql};
use crate::error::{EngineError, Result};
use crate::model::*;
use std::collections::HashMap;

fn head_of(what: Listable) -> &'static str {
    match what {
        Listable::Projects => sql::LISTING_PROJECTS,
        Listable::Assets(_) => sql::LISTING_ASSETS,
        Listable::Jobs(_) => sql::LISTING_JOBS,
        Listable::Workflows(_) => sql::LISTING_WORKFLOWS,
    }
}

impl Store {
    /// The rows of a list.
    pub(crate) async fn listing(
        &self,
        caller: &Caller,
        what: Listable,
        query: &ListQuery,
    ) -> Result<Listing> {
        let (fields, head) = (fields_of(what), head_of(what));
        let list = List::parse(query, fields)?;
        self.check_after(&list, fields).await?;
        let found = match what {
            Listable::Projects => list.sql(head, &caller.user, sql::OF_CALLER),
            Listable::Assets(project) | Listable::Jobs(project) | Listable::Workflows(project) => {
                list.sql(head, project.0, "")
            }
        };
        let found = found.build().fetch_all(self.reader()).await?;
        let wanted = query.limit.map_or(found.len(), |limit| limit as usize);
        let row = |row: &Row| {
            let bytes: i64 = row.try_get("bytes")?;
            Ok((row.try_get("id")?, bytes.max(0) as u64))
        };
        let mut rows = found.iter().take(wanted).map(row).collect::<Result<Vec<_>>>()?;
        let next = rows.last().filter(|_| found.len() > wanted).map(|(id, _)| *id);
        if matches!(what, Listable::Projects) {
            rows.retain(|(id, _)| !caller.is_kept_from(ProjectId(*id)));
        }
        Ok(Listing { rows, next })
    }

    async fn check_after(&self, list: &List, fields: &Fields) -> Result<()> {
        let Some(after) = list.after.filter(|_| list.needs_row_of_after()) else { return Ok(()) };
        let mut there = Builder::new("SELECT 1 FROM ");
        there.push(fields.table).push(" WHERE id = ").push_bind(after);
        match there.build().fetch_optional(self.reader()).await? {
            Some(_) => Ok(()),
            // It was there when the page before was answered.
            None => Err(EngineError::Conflict(format!(
                "after: {after} does not exist any more, begin with the first page"
            ))),
        }
    }

    /// These projects, as far as they are there, in this order. Documents are their user's alone: in the lists of others they are left
    /// out, so that nobody can make another's list long.
    pub(crate) async fn listed_projects(&self, caller: &Caller, ids: &[i64]) -> Result<Vec<Project>> {
        let mut found = Builder::new(sql::LISTED_PROJECTS);
        found.push_bind(&caller.user).push(sql::OF_CALLER);
        let read = |row: &Row| -> Result<Project> { rows::project(row) };
        self.batch(found, ids, read).await
    }

    /// These assets, as far as they are there, in this order.
    pub(crate) async fn listed_assets(&self, project: ProjectId, ids: &[i64]) -> Result<Vec<Asset>> {
        self.batch(of_project(sql::LISTED_ASSETS, project), ids, rows::asset).await
    }

    /// These jobs, as far as they are there, in this order.
    pub(crate) async fn listed_jobs(&self, project: ProjectId, ids: &[i64]) -> Result<Vec<Job>> {
        let rows = self.batch_rows(of_project(sql::LISTED_JOBS, project), ids).await?;
        rows::jobs_aside(rows).await
    }

    /// These workflows, as far as they are there, in this order.
    pub(crate) async fn listed_workflows(&self, project: ProjectId, ids: &[i64]) -> Result<Vec<Workflow>> {
        let mut all = self.batch(of_project(sql::LISTED_WORKFLOWS, project), ids, rows::workflow).await?;
        if all.is_empty() {
            return Ok(all);
        }
        let mut jobs: HashMap<i64, Vec<JobId>> = HashMap::new();
        let mut found = of_project(sql::LISTED_WORKFLOW_JOBS, project);
        push_ids(&mut found, " AND workflow_id IN (", ids);
        found.push(" ORDER BY id");
        for row in found.build().fetch_all(self.reader()).await? {
            let (job, workflow): (i64, i64) = row.read()?;
            jobs.entry(workflow).or_default().push(JobId(job));
        }
        for workflow in &mut all {
            workflow.jobs = jobs.remove(&workflow.id.0).unwrap_or_default();
        }
        Ok(all)
    }

    async fn batch<T>(
        &self,
        found: Builder<'_>,
        ids: &[i64],
        read: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.batch_rows(found, ids).await?.iter().map(read).collect()
    }

    /// The rows with these ids, in their order.
    async fn batch_rows(&self, mut found: Builder<'_>, ids: &[i64]) -> Result<Vec<Row>> {
        // A list of nothing is no SQL for PostgreSQL.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        push_ids(&mut found, " AND id IN (", ids);
        let found = found.build().fetch_all(self.reader()).await?;
        let mut by_id = HashMap::with_capacity(found.len());
        for row in found {
            by_id.insert(row.try_get::<i64, _>("id")?, row);
        }
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}

fn of_project(head: &'static str, project: ProjectId) -> Builder<'static> {
    let mut found = Builder::new(head);
    found.push_bind(project.0);
    found
}

/// Numbers of ours, not texts of a caller: written out, because so many could not be bound.
fn push_ids(sql: &mut Builder<'_>, head: &str, ids: &[i64]) {
    sql.push(head);
    for (place, id) in ids.iter().enumerate() {
        sql.push(format_args!("{}{id}", if place == 0 { "" } else { "," }));
    }
    sql.push(")");
}
