//! `/projects/{projectId}/jobs`.

use super::{Answer, Shared, StatusCode};
use crate::auth::{JobsRead, JobsWrite, Session};
use crate::extract::{Base, InProject, Item, JsonBody, JsonOrForm, ListParams, Params};
use crate::wire::error::ApiError;
use crate::wire::jobs::{new_job, new_name};
use axum::extract::State;
use fieldstone_engine::model::{JobId, State as JobState};

pub async fn list(
    State(app): Shared,
    session: Session<JobsRead>,
    InProject(project): InProject,
    Params(query): Params<ListParams>,
) -> Answer {
    Ok(session.many(&app.engine.list_jobs(&session.caller, project, &query.into()).await?))
}

pub async fn create(
    State(app): Shared,
    session: Session<JobsWrite>,
    InProject(project): InProject,
    Base(base): Base,
    JsonBody(body): JsonBody,
) -> Answer {
    let job = app.engine.create_job(&session.caller, project, new_job(body)?).await?;
    let link = format!("{base}/projects/{project}/jobs/{}/status", job.id);
    Ok(session.linked(StatusCode::ACCEPTED, &job, &link))
}

/// `GET /projects/{projectId}/jobs/{jobId}`, the page this API is built around.
pub async fn get(State(app): Shared, session: Session<JobsRead>, Item(project, id): Item<JobId>) -> Answer {
    Ok(session.one(StatusCode::OK, &*app.engine.get_job(&session.caller, project, id).await?))
}

/// What pollers ask: 202 while it is unfinished, 201 once it succeeded, 400 with its error when it did not.
pub async fn status(
    State(app): Shared,
    session: Session<JobsRead>,
    Item(project, id): Item<JobId>,
) -> Answer {
    let job = app.engine.get_job(&session.caller, project, id).await?;
    match job.state {
        JobState::Pending | JobState::Started => {
            Ok(session.one(StatusCode::ACCEPTED, &*job).with_progress(job.progress))
        }
        JobState::Success => Ok(session.one(StatusCode::CREATED, &*job)),
        JobState::Failure => Err(ApiError::bad_request(job.error.as_deref().unwrap_or("job failed"))),
        JobState::Canceled => Err(ApiError::bad_request(job.error.as_deref().unwrap_or("job was canceled"))),
    }
}

pub async fn rename(
    State(app): Shared,
    session: Session<JobsWrite>,
    Item(project, id): Item<JobId>,
    JsonOrForm(body): JsonOrForm,
) -> Answer {
    let job = app.engine.rename_job(&session.caller, project, id, &new_name(body)?).await?;
    Ok(session.one(StatusCode::OK, &job))
}

pub async fn delete(
    State(app): Shared,
    session: Session<JobsWrite>,
    Item(project, id): Item<JobId>,
) -> Answer {
    app.engine.delete_job(&session.caller, project, id).await?;
    Ok(session.deleted())
}
