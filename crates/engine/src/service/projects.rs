//! Projects, and who may see and change them.

use super::Engine;
use crate::core::uninterrupted;
use crate::draft::check_name;
use crate::error::EngineError;
use crate::error::Result;
use crate::model::*;

impl Engine {
    /// Makes or copies a project.
    pub async fn create_project(&self, caller: &Caller, new: NewProject) -> Result<Project> {
        if let Some(only) = &caller.projects {
            let names: Vec<String> = only.iter().map(ProjectId::to_string).collect();
            return Err(EngineError::Denied(format!("token is limited to projects {}", names.join(", "))));
        }
        check_name("name", &new.name)?;
        if !PROJECT_KINDS.contains(&new.kind.as_str()) {
            let expected = PROJECT_KINDS.join(", ");
            return Err(EngineError::invalid(
                "type",
                format!("expected one of {expected}, got {:?}", new.kind),
            ));
        }
        let (core, caller) = (self.core.clone(), caller.clone());
        uninterrupted(async move { core.store.insert_project(&caller, &new, Timestamp::now()).await }).await
    }

    /// A project that `caller` may see.
    pub async fn get_project(&self, caller: &Caller, id: ProjectId) -> Result<Project> {
        self.core.store.check_project(caller, id, false).await?;
        self.core.store.project(id).await
    }

    /// Whether a project may be seen without signing in; also false when there is none.
    pub async fn is_public(&self, id: ProjectId) -> Result<bool> {
        self.core.store.is_public(id).await
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
        self.core.store.check_project(caller, id, true).await?;
        let core = self.core.clone();
        uninterrupted(async move { core.store.update_project(id, change, Timestamp::now()).await }).await
    }

    /// Deletes a project of `caller` with all that it holds; running jobs are cancelled.
    pub async fn delete_project(&self, caller: &Caller, id: ProjectId) -> Result<()> {
        self.core.store.check_project(caller, id, true).await?;
        let engine = self.clone();
        uninterrupted(async move {
            let deleted = engine.core.store.delete_project(id).await?;
            engine.clean_up(deleted).await;
            Ok(())
        })
        .await
    }
}
