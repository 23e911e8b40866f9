//! `/projects/{projectId}/workflows`.

use super::{Answer, Shared, StatusCode};
use crate::auth::{Session, WorkflowsRead, WorkflowsWrite};
use crate::extract::{Base, InProject, Item, JsonBody, Page};
use crate::lists;
use crate::openapi::answers::{Answer as Told, CONFLICT, QUOTA_EXCEEDED};
use crate::openapi::words::Words;
use crate::wire::workflows::new_workflow;
use axum::extract::State;
use fieldstone_engine::Engine;
use fieldstone_engine::model::{Caller, Listable, NewWorkflow, WorkflowId};
use std::sync::Arc;

pub const LIST: Words = Words::list("getWorkflows", "List project workflows", "Workflow");

pub async fn list(
    State(app): Shared,
    session: Session<WorkflowsRead>,
    InProject(project): InProject,
    page: Page,
) -> Answer {
    let read = move |engine: Engine, caller: Arc<Caller>, ids: Vec<i64>| async move {
        engine.listed_workflows(&caller, project, &ids).await
    };
    lists::answer(&app, &session, Listable::Workflows(project), page, read).await
}

pub const CREATE: Words = Words::new(
    "createWorkflow",
    "Dispatch a workflow",
    &[Told::one(202, "Accepted; poll the link", "WorkflowWithLink")],
)
.takes("NewWorkflow")
.refuses(&[QUOTA_EXCEEDED]);

pub async fn create(
    State(app): Shared,
    session: Session<WorkflowsWrite>,
    InProject(project): InProject,
    Base(base): Base,
    JsonBody(body): JsonBody,
) -> Answer {
    let new = NewWorkflow { request: session.request_id(), ..new_workflow(body)? };
    let workflow = app.engine.create_workflow(&session.caller, project, new).await?;
    session.tell("workflow", workflow.id);
    let link = format!("{base}/projects/{project}/workflows/{}/status", workflow.id);
    Ok(session.linked(StatusCode::ACCEPTED, &workflow, &link))
}

pub const GET: Words = Words::new("getWorkflow", "Get project workflow by ID", &[Told::ok("Workflow")]);

pub async fn get(
    State(app): Shared,
    session: Session<WorkflowsRead>,
    Item(project, id): Item<WorkflowId>,
) -> Answer {
    Ok(session.one(StatusCode::OK, &app.engine.get_workflow(&session.caller, project, id).await?))
}

pub const STATUS: Words = Words::new(
    "getWorkflowStatus",
    "Poll a workflow",
    &[Told::one(201, "Ended, in whatever state", "Workflow"), Told::one(202, "Not finished", "Workflow")],
);

/// What pollers ask: 202 while it runs, 201 once it ended in whatever way; `state` tells which.
pub async fn status(
    State(app): Shared,
    session: Session<WorkflowsRead>,
    Item(project, id): Item<WorkflowId>,
) -> Answer {
    let workflow = app.engine.get_workflow(&session.caller, project, id).await?;
    let status = if workflow.state.is_final() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok(session.one(status, &workflow))
}

pub const CANCEL: Words =
    Words::new("cancelWorkflow", "Cancel a workflow", &[Told::ok("Workflow")]).refuses(&[CONFLICT]);

pub async fn cancel(
    State(app): Shared,
    session: Session<WorkflowsWrite>,
    Item(project, id): Item<WorkflowId>,
) -> Answer {
    Ok(session.one(StatusCode::OK, &app.engine.cancel_workflow(&session.caller, project, id).await?))
}

pub const DELETE: Words = Words::new(
    "deleteWorkflow",
    "Delete a workflow with its jobs; an unfinished one is cancelled first",
    &[Told::deleted()],
)
.refuses(&[CONFLICT]);

pub async fn delete(
    State(app): Shared,
    session: Session<WorkflowsWrite>,
    Item(project, id): Item<WorkflowId>,
) -> Answer {
    app.engine.delete_workflow(&session.caller, project, id).await?;
    Ok(session.deleted())
}
