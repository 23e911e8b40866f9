//! `/projects`.

use super::{Answer, Shared, StatusCode};
use crate::auth::{ProjectsRead, ProjectsWrite, Session};
use crate::extract::{InProject, JsonBody, Page};
use crate::lists;
use crate::openapi::answers::{Answer as Told, QUOTA_EXCEEDED};
use crate::openapi::words::Words;
use crate::wire::dialect::Dialect;
use crate::wire::projects::{access_word, new_project, project_change};
use axum::extract::State;
use fieldstone_engine::Engine;
use fieldstone_engine::model::{Caller, Listable};
use std::sync::Arc;

pub const LIST: Words = Words::list("getProjects", "List projects", "Project")
    .details("Documents (project, graph) of other users are left out: read such a project by its ID.");

pub async fn list(State(app): Shared, session: Session<ProjectsRead>, page: Page) -> Answer {
    let read = |engine: Engine, caller: Arc<Caller>, ids: Vec<i64>| async move {
        engine.listed_projects(&caller, &ids).await
    };
    lists::answer(&app, &session, Listable::Projects, page, read).await
}

pub const CREATE: Words =
    Words::new("createProject", "Create or duplicate a project", &[Told::one(201, "Created", "Project")])
        .takes("NewProject")
        .refuses(&[QUOTA_EXCEEDED]);

pub async fn create(State(app): Shared, session: Session<ProjectsWrite>, JsonBody(body): JsonBody) -> Answer {
    let project = app.engine.create_project(&session.caller, new_project(body)?).await?;
    session.tell("project", project.id);
    session.tell("access", access_word(project.access, Dialect::OpenApi));
    Ok(session.one(StatusCode::CREATED, &project))
}

pub const GET: Words = Words::new("getProject", "Get project by ID", &[Told::ok("Project")]);

pub async fn get(State(app): Shared, session: Session<ProjectsRead>, InProject(id): InProject) -> Answer {
    Ok(session.one(StatusCode::OK, &app.engine.get_project(&session.caller, id).await?))
}

pub const UPDATE: Words =
    Words::new("updateProject", "Update project", &[Told::ok("Project")]).takes("ProjectChange");

pub async fn update(
    State(app): Shared,
    session: Session<ProjectsWrite>,
    InProject(id): InProject,
    JsonBody(body): JsonBody,
) -> Answer {
    let change = project_change(body)?;
    if let Some(access) = change.access {
        session.tell("access", access_word(access, Dialect::OpenApi));
    }
    let project = app.engine.update_project(&session.caller, id, change).await?;
    Ok(session.one(StatusCode::OK, &project))
}

pub const DELETE: Words =
    Words::new("deleteProject", "Delete project with all that it holds", &[Told::deleted()]);

pub async fn delete(State(app): Shared, session: Session<ProjectsWrite>, InProject(id): InProject) -> Answer {
    app.engine.delete_project(&session.caller, id).await?;
    Ok(session.deleted())
}
