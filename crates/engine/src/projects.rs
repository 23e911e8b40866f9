//! Projects, and who may see and change them.

use crate::draft::check_name;
use crate::engine::{Engine, uninterrupted};
use crate::error::EngineError;
use crate::model::*;
use crate::store::Result;

/// Kinds of projects.
const KINDS: &[&str] = &["unspecified", "digital_test_bench_experiment"];

impl Engine {
    /// Makes or copies a project.
    pub async fn create_project(&self, caller: &Caller, new: NewProject) -> Result<Project> {
        if let Some(only) = &caller.projects {
            let names: Vec<String> = only.iter().map(ProjectId::to_string).collect();
            return Err(EngineError::Denied(format!("token is limited to projects {}", names.join(", "))));
        }
        check_name("name", &new.name)?;
        if !KINDS.contains(&new.kind.as_str()) {
            let expected = KINDS.join(", ");
            return Err(EngineError::invalid(
                "type",
                format!("expected one of {expected}, got {:?}", new.kind),
            ));
        }
        let (inner, caller) = (self.inner.clone(), caller.clone());
        uninterrupted(async move { inner.store.insert_project(&caller, &new, Timestamp::now()).await }).await
    }

    /// A project that `caller` may see.
    pub async fn get_project(&self, caller: &Caller, id: ProjectId) -> Result<Project> {
        self.inner.store.check_project(caller, id, false).await?;
        self.inner.store.project(id).await
    }

    /// Whether a project may be seen without signing in; also false when there is none.
    pub async fn is_public(&self, id: ProjectId) -> Result<bool> {
        self.inner.store.is_public(id).await
    }

    /// All projects that `caller` may see.
    pub async fn list_projects(&self, caller: &Caller, query: &ListQuery) -> Result<Vec<Project>> {
        self.inner.store.projects(caller, query).await
    }

    /// Changes a project of `caller`.
    pub async fn update_project(
        &self,
        caller: &Caller,
        id: ProjectId,
        change: ProjectChange,
    ) -> Result<Project> {
        if let Some(name) = &change.name {
            check_name("name", name)?;
        }
        self.inner.store.check_project(caller, id, true).await?;
        let inner = self.inner.clone();
        uninterrupted(async move { inner.store.update_project(id, change, Timestamp::now()).await }).await
    }

    /// Deletes a project of `caller` with all that it holds; running jobs are cancelled.
    pub async fn delete_project(&self, caller: &Caller, id: ProjectId) -> Result<()> {
        self.inner.store.check_project(caller, id, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let left = engine.inner.store.delete_project(id).await?;
            engine.forget(left).await;
            Ok(())
        })
        .await
    }
}
