//! Rows of projects, and who may see them.

use super::db::Row;
use super::limits::ROW;
use super::meta::count_blob_rows;
use super::{Of, Store, db, rows, sql};
use crate::error::{EngineError, Result};
use crate::model::*;
use std::sync::Arc;

/// Who may see a project and who may change it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visibility {
    user: String,
    access: Access,
}

impl Visibility {
    fn of(project: &Project) -> Visibility {
        Visibility { user: project.user.clone(), access: project.access }
    }

    /// As columns have it.
    pub(super) fn read(user: String, access: &str) -> Result<Visibility> {
        Ok(Visibility { user, access: rows::access(access)? })
    }

    fn allows(&self, caller: &Caller, change: bool) -> bool {
        match self.access {
            _ if caller.stranger => !change && self.access == Access::Public,
            Access::Private => self.user == caller.user,
            Access::Org | Access::Public => !change || self.user == caller.user,
        }
    }
}

/// Errors with "does not exist" unless `caller` may see (with `change`: change) the project, as far as this says; `None`: there is none.
pub(super) fn check_seen(
    caller: &Caller,
    id: ProjectId,
    change: bool,
    visibility: Option<&Visibility>,
) -> Result<()> {
    match visibility.filter(|_| !caller.is_kept_from(id)) {
        Some(v) if v.allows(caller, change) => Ok(()),
        Some(v) if v.allows(caller, false) => {
            Err(EngineError::NotFound(format!("project {id} of user {:?}", caller.user)))
        }
        _ => Err(EngineError::NotFound(format!("project {id}"))),
    }
}

/// Blobs that may have lost their last reference, and jobs that may be running.
#[derive(Debug, Default)]
pub(crate) struct DeletedRows {
    pub(crate) blobs: Vec<String>,
    pub(crate) jobs: Vec<JobId>,
}

impl Store {
    /// Errors with "does not exist" unless `caller` may see (with `change`: change) the project.
    pub(crate) async fn check_project(&self, caller: &Caller, id: ProjectId, change: bool) -> Result<()> {
        let visibility = if caller.is_kept_from(id) { None } else { self.visibility(id).await? };
        check_seen(caller, id, change, visibility.as_deref())
    }

    /// Whether those who did not sign in may see the project.
    pub(crate) async fn is_public(&self, id: ProjectId) -> Result<bool> {
        Ok(self.visibility(id).await?.is_some_and(|v| v.access == Access::Public))
    }

    async fn visibility(&self, id: ProjectId) -> Result<Option<Arc<Visibility>>> {
        if self.is_in_postgres() {
            // Others may have changed it, and it is small.
            let row = db::query(sql::PROJECT_SEEN).bind(id.0).fetch_optional(self.reader()).await?;
            let Some(row) = row else { return Ok(None) };
            let (user, access): (String, String) = row.read()?;
            return Ok(Some(Arc::new(Visibility::read(user, &access)?)));
        }
        match self.visibility.get(&id) {
            Some(known) => Ok(Some(known)),
            None => self.read_visibility(id).await,
        }
    }

    async fn read_visibility(&self, id: ProjectId) -> Result<Option<Arc<Visibility>>> {
        let generation = self.visibility.generation();
        let row = db::query(sql::PROJECT_GET).bind(id.0).fetch_optional(self.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let visibility = Arc::new(Visibility::of(&rows::project(&row)?));
        self.visibility.insert(generation, id, visibility.clone(), 1);
        Ok(Some(visibility))
    }

    pub(crate) async fn insert_project(
        &self,
        caller: &Caller,
        new: &NewProject,
        now: Timestamp,
    ) -> Result<Project> {
        let mut tx = self.begin(Of::User(&caller.user)).await?;
        let mut document = new.project.clone();
        let mut graph = None;
        let mut blob_rows = 0;
        if let Some(source) = new.source {
            let row = db::query(sql::PROJECT_GET).bind(source.0).fetch_optional(&mut *tx).await?;
            let source = row.as_ref().map(rows::project).transpose()?;
            let source = source.filter(|s| Visibility::of(s).allows(caller, false)).ok_or_else(|| {
                EngineError::invalid(
                    "source",
                    format!("project {} does not exist", new.source.unwrap_or(ProjectId(0))),
                )
            })?;
            document = document.or(source.project);
            graph = source.graph;
        }
        let row = db::query(sql::PROJECT_INSERT)
            .bind(&caller.user)
            .bind(&new.name)
            .bind(rows::access_word(new.access))
            .bind(&new.kind)
            .bind(json_or_null(&document)?)
            .bind(json_or_null(&graph)?)
            .bind(now.0)
            .fetch_one(&mut *tx)
            .await?;
        let project = rows::project(&row)?;
        let written = ROW + text_bytes(&row)?;
        self.limits.check_documents(&mut tx, project.id, written).await?;
        if let Some(source) = new.source {
            let copy = db::query(sql::PROJECT_COPY_ASSETS).bind(source.0).bind(project.id.0).bind(now.0);
            let held: i64 = db::query_scalar(sql::ASSET_BYTES).bind(source.0).fetch_one(&mut *tx).await?;
            self.limits.check_bytes(&mut tx, project.id, held.max(0) as u64).await?;
            copy.execute(&mut *tx).await?;
            blob_rows = count_blob_rows(&mut tx).await?;
        }
        tx.commit().await?;
        self.blob_rows_committed(blob_rows);
        Ok(project)
    }

    pub(crate) async fn project(&self, id: ProjectId) -> Result<Project> {
        let row = db::query(sql::PROJECT_GET).bind(id.0).fetch_optional(self.reader()).await?;
        let row = row.ok_or_else(|| EngineError::NotFound(format!("project {id}")))?;
        rows::project(&row)
    }

    pub(crate) async fn update_project(
        &self,
        id: ProjectId,
        change: ProjectChange,
        now: Timestamp,
    ) -> Result<Project> {
        let mut tx = self.begin(Of::Project(id)).await?;
        let row = db::query(sql::PROJECT_GET).bind(id.0).fetch_optional(&mut *tx).await?;
        let row = row.ok_or_else(|| EngineError::NotFound(format!("project {id}")))?;
        let (old, old_bytes) = (rows::project(&row)?, text_bytes(&row)?);
        let row = db::query(sql::PROJECT_UPDATE)
            .bind(id.0)
            .bind(change.name.unwrap_or(old.name))
            .bind(rows::access_word(change.access.unwrap_or(old.access)))
            .bind(json_or_null(&change.project.or(old.project))?)
            .bind(json_or_null(&change.graph.or(old.graph))?)
            .bind(now.0)
            .fetch_one(&mut *tx)
            .await?;
        let more = text_bytes(&row)?.saturating_sub(old_bytes);
        self.limits.check_documents(&mut tx, id, more).await?;
        let held = self.visibility.hold(vec![id]);
        tx.commit().await?;
        drop(held);
        rows::project(&row)
    }

    /// Deletes a project with all its rows.
    pub(crate) async fn delete_project(&self, id: ProjectId) -> Result<DeletedRows> {
        let mut tx = self.begin(Of::Project(id)).await?;
        let blobs = db::query_scalar(sql::PROJECT_BLOBS).bind(id.0).fetch_all(&mut *tx).await?;
        let jobs: Vec<i64> = db::query_scalar(sql::PROJECT_JOBS).bind(id.0).fetch_all(&mut *tx).await?;
        // Jobs before what they belong to, as claims lock them.
        db::query(sql::PROJECT_DELETE_JOBS).bind(id.0).execute(&mut *tx).await?;
        db::query(sql::PROJECT_DELETE).bind(id.0).execute(&mut *tx).await?;
        let jobs: Vec<JobId> = jobs.into_iter().map(JobId).collect();
        let held = self.visibility.hold(vec![id]);
        self.commit(tx, jobs.iter().copied()).await?;
        drop(held);
        self.changed(id, None, jobs.iter().copied());
        Ok(DeletedRows { blobs, jobs })
    }
}

/// Bytes of a project's documents.
fn text_bytes(row: &Row) -> Result<u64> {
    let of =
        |column| -> Result<u64> { Ok(row.try_get::<Option<&str>, _>(column)?.map_or(0, str::len) as u64) };
    Ok(of("document")? + of("graph")?)
}

/// JSON null and nothing are the same: no document.
fn json_or_null(value: &Option<serde_json::Value>) -> Result<Option<String>> {
    value.as_ref().filter(|v| !v.is_null()).map(rows::to_json).transpose()
}
