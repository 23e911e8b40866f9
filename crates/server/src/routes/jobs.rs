//! `/projects/{projectId}/jobs`.

use super::{Answer, Shared, StatusCode};
use crate::auth::{JobsRead, JobsWrite, Session};
use crate::extract::{Base, InProject, Item, JsonBody, JsonOrForm, Page};
use crate::lists;
use crate::openapi::answers::{Answer as Told, CONFLICT, Header, QUOTA_EXCEEDED};
use crate::openapi::schema::fraction;
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use crate::wire::jobs::{log_line, new_job, new_name};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use fieldstone_engine::Engine;
use fieldstone_engine::model::{Caller, Job, JobId, Listable, NewJob, State as JobState};
use futures::StreamExt;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;

pub const LIST: Words = Words::list("getJobs", "List project jobs", "Job");

pub async fn list(
    State(app): Shared,
    session: Session<JobsRead>,
    InProject(project): InProject,
    page: Page,
) -> Answer {
    let read = move |engine: Engine, caller: Arc<Caller>, ids: Vec<i64>| async move {
        engine.listed_jobs(&caller, project, &ids).await
    };
    lists::answer(&app, &session, Listable::Jobs(project), page, read).await
}

pub const CREATE: Words =
    Words::new("createJob", "Dispatch a job", &[Told::one(202, "Accepted; poll the link", "JobWithLink")])
        .takes("NewJob")
        .refuses(&[QUOTA_EXCEEDED]);

pub async fn create(
    State(app): Shared,
    session: Session<JobsWrite>,
    InProject(project): InProject,
    Base(base): Base,
    JsonBody(body): JsonBody,
) -> Answer {
    let new = NewJob { request: session.request_id(), ..new_job(body)? };
    let job = app.engine.create_job(&session.caller, project, new).await?;
    session.tell("job", job.id);
    let link = format!("{base}/projects/{project}/jobs/{}/status", job.id);
    Ok(session.linked(StatusCode::ACCEPTED, &job, &link))
}

pub const GET: Words = Words::new("getJob", "Get project job by ID", &[Told::ok("Job")]).details(
    "400: the header Prefer names a dialect that does not exist, or the path is not UTF-8 once decoded. An id that is no decimal \
     number, or too large for one, names nothing: 404.",
);

/// `GET /projects/{projectId}/jobs/{jobId}`, the page this API is built around.
pub async fn get(State(app): Shared, session: Session<JobsRead>, Item(project, id): Item<JobId>) -> Answer {
    Ok(session.one(StatusCode::OK, &*app.engine.get_job(&session.caller, project, id).await?))
}

const PROGRESS: Header = Header::new("X-Progress", fraction, "Fraction done");

pub const STATUS: Words = Words::new(
    "getJobStatus",
    "Poll a job",
    &[Told::one(201, "Succeeded", "Job"), Told::one(202, "Not finished", "Job").with(PROGRESS)],
)
.details("A job that failed or was canceled answers 400 with its error.");

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

pub const LOG: Words = Words::new("getJobLog", "What happened to a job", &[Told::many("LogLine")])
    .details("Oldest line first. An addition to the platform's API.");

/// What happened to a job, line by line. An addition: no client asks for it.
pub async fn log(State(app): Shared, session: Session<JobsRead>, Item(project, id): Item<JobId>) -> Answer {
    let lines = app.engine.job_log(&session.caller, project, id).await?;
    let dates = session.choice.dialect.dates();
    Ok(session.json(StatusCode::OK, &lines.iter().map(|line| log_line(line, dates)).collect::<Vec<_>>()))
}

pub const EVENTS: Words = Words::new("watchJob", "Follow a job", &[Told::events("JobEvent")]).details(
    "Server-sent events `state` and `progress`, each with `{state, progress, error}`, until the job has ended. An addition to \
     the platform's API.",
);

/// State and progress as they change, as server-sent events, until the job has ended or whoever listens may not any more. An
/// addition.
pub async fn events(
    State(app): Shared,
    session: Session<JobsRead>,
    Item(project, id): Item<JobId>,
) -> Result<impl IntoResponse, ApiError> {
    let jobs = app.engine.watch_job(&session.caller, project, id).await?;
    let told = jobs.scan(None, |last, job| {
        let now = (job.state, job.progress);
        let news = (last.replace(now) != Some(now)).then(|| job_event(&job));
        std::future::ready(Some(news))
    });
    let events = told.filter_map(std::future::ready).map(Ok::<_, Infallible>);
    let events = events.take_until(session.pass().ends(app.clone(), project));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Named by what it tells: `state` at its start and end, `progress` in between.
fn job_event(job: &Job) -> Event {
    let name = if job.state == JobState::Started && job.progress > 0.0 { "progress" } else { "state" };
    let data = json!({"state": job.state.as_str(), "progress": job.progress, "error": job.error});
    Event::default().event(name).data(data.to_string())
}

pub const RENAME: Words = Words::new("updateJob", "Rename a job", &[Told::ok("Job")]).takes("JobName");

pub async fn rename(
    State(app): Shared,
    session: Session<JobsWrite>,
    Item(project, id): Item<JobId>,
    JsonOrForm(body): JsonOrForm,
) -> Answer {
    let job = app.engine.rename_job(&session.caller, project, id, &new_name(body)?).await?;
    Ok(session.one(StatusCode::OK, &*job))
}

pub const CANCEL: Words = Words::new("cancelJob", "Cancel a job", &[Told::ok("Job")])
    .details(
        "A running attempt ends with all that it has started; jobs of its workflow that need it are canceled, the others go on. A job \
         that is canceled already stays so; one that has finished otherwise is a conflict. An addition to the platform's API.",
    )
    .refuses(&[CONFLICT]);

/// An addition: the platform cancels whole workflows only.
pub async fn cancel(
    State(app): Shared,
    session: Session<JobsWrite>,
    Item(project, id): Item<JobId>,
) -> Answer {
    Ok(session.one(StatusCode::OK, &*app.engine.cancel_job(&session.caller, project, id).await?))
}

pub const DELETE: Words =
    Words::new("deleteJob", "Delete a job; an unfinished one is cancelled first", &[Told::deleted()])
        .refuses(&[CONFLICT]);

pub async fn delete(
    State(app): Shared,
    session: Session<JobsWrite>,
    Item(project, id): Item<JobId>,
) -> Answer {
    app.engine.delete_job(&session.caller, project, id).await?;
    Ok(session.deleted())
}
