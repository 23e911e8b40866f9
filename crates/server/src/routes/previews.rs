//! `/projects/{projectId}/preview`.

use super::{Shared, StatusCode};
use crate::auth::{JobsWrite, Session};
use crate::extract::{InProject, JsonBody};
use crate::openapi::answers::{Answer as Told, CONFLICT};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use crate::wire::previews::{new_preview, written};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

pub const CREATE: Words = Words::new(
    "createPreview",
    "See a graph at a low resolution, at once",
    &[Told::bytes(200, "A line of JSON that says what the samples are, then the samples")],
)
.details(
    "Nothing of it is kept: no job, no asset. The samples are int8, value/127 · band, x fastest, or float32 of a section. 413: it would take more \
     memory or time than previews may have. 409: a newer preview of the same tab has taken its place.",
)
.takes("NewPreview")
.refuses(&[CONFLICT]);

pub async fn create(
    State(app): Shared,
    session: Session<JobsWrite>,
    InProject(project): InProject,
    JsonBody(body): JsonBody,
) -> Result<impl IntoResponse, ApiError> {
    let preview = app.engine.preview(&session.caller, project, new_preview(body)?).await?;
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/octet-stream")], written(preview)))
}
