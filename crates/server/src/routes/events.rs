//! `/projects/{projectId}/events`: one stream of all that happens in a project. An addition.

use super::Shared;
use crate::auth::{ProjectsRead, Session};
use crate::extract::InProject;
use crate::openapi::answers::Answer;
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use crate::wire::events::event;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use futures::StreamExt;
use std::convert::Infallible;

pub const FOLLOW: Words = Words::new("watchProject", "Follow a project", &[Answer::events("ProjectEvent")])
    .details(
        "Server-sent events of jobs, workflows and assets as they are made, change and are deleted, of those kinds that the key may read, \
         until the key ends or the project is gone. Each has an id: with it in Last-Event-ID a stream goes on where another was cut. \
         The first event is `ready`, or `lost` where something may have been missed: then the lists are to be read again. An addition \
         to the platform's API.",
    )
    .parameters(&["LastEventId"]);

pub async fn follow(
    State(app): Shared,
    session: Session<ProjectsRead>,
    InProject(project): InProject,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let events = app.engine.watch_project(&session.caller, project, after).await?;
    let (caller, dialect) = (session.caller.clone(), session.choice.dialect);
    let told = events.filter_map(move |news| {
        let told = event(&news, dialect).filter(|told| told.scope.is_none_or(|scope| caller.has(scope)));
        std::future::ready(told.map(|told| Ok::<_, Infallible>(told.event)))
    });
    let told = told.take_until(session.pass().ends(app.clone(), project));
    Ok(Sse::new(told).keep_alive(KeepAlive::default()))
}
