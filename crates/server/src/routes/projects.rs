//! `/projects`.

use super::{Answer, Shared, StatusCode};
use crate::auth::{ProjectsRead, ProjectsWrite, Session};
use crate::extract::{InProject, JsonBody, Page};
use crate::lists;
use crate::wire::dialect::Dialect;
use crate::wire::projects::{access_word, new_project, project_change};
use axum::extract::State;
use fieldstone_engine::Engine;
use fieldstone_engine::model::{Caller, Listable};
use std::sync::Arc;

pub async fn list(State(app): Shared, session: Session<ProjectsRead>, page: Page) -> Answer {
    let read = |engine: Engine, caller: Arc<Caller>, ids: Vec<i64>| async move {
        engine.listed_projects(&caller, &ids).await
    };
    lists::answer(&app, &session, Listable::Projects, page, read).await
}

pub async fn create(State(app): Shared, session: Session<ProjectsWrite>, JsonBody(body): JsonBody) -> Answer {
    let project = app.engine.create_project(&session.caller, new_project(body)?).await?;
    session.tell("project", project.id);
    session.tell("access", access_word(project.access, Dialect::OpenApi));
    Ok(session.one(StatusCode::CREATED, &project))
}

pub async fn get(State(app): Shared, session: Session<ProjectsRead>, InProject(id): InProject) -> Answer {
    Ok(session.one(StatusCode::OK, &app.engine.get_project(&session.caller, id).await?))
}

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

pub async fn delete(State(app): Shared, session: Session<ProjectsWrite>, InProject(id): InProject) -> Answer {
    app.engine.delete_project(&session.caller, id).await?;
    Ok(session.deleted())
}
