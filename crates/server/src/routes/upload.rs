//! Multipart uploads, streamed: a piece of the body at a time goes to the engine, so memory stays flat.

use crate::app::App;
use crate::extract::{content_length, in_time};
use crate::wire::assets::decode_filename;
use crate::wire::error::ApiError;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use fieldstone_engine::filename::check_filename;
use fieldstone_engine::{FieldError, Upload};

/// Bytes of boundaries and headers that a body may have on top of the file.
pub const FRAMING_BYTES: u64 = 64 << 10;

/// The file of a complete multipart body, not yet visible to anybody.
pub struct Received {
    /// Its bytes.
    pub upload: Upload,
    /// The name that its sender gave it.
    pub filename: String,
}

/// Reads the one part `file` of a multipart body; parts with other names are skipped. Nothing of a body
/// that is refused or breaks off stays.
pub async fn receive(app: &App, request: Request) -> Result<Received, ApiError> {
    let limit = app.config.max_upload_bytes;
    if content_length(request.headers()).is_some_and(|n| n > limit.saturating_add(FRAMING_BYTES)) {
        return Err(too_large(limit));
    }
    let mut multipart = Multipart::from_request(request, app)
        .await
        .map_err(|e| ApiError::bad_request(format!("expected multipart/form-data: {}", e.body_text())))?;
    read(app, &mut multipart).await
}

async fn read(app: &App, multipart: &mut Multipart) -> Result<Received, ApiError> {
    let mut received: Option<Received> = None;
    let mut budget = app.config.max_upload_bytes;
    while let Some(mut field) = in_time(app, multipart.next_field()).await?.map_err(broken)? {
        if field.name() != Some("file") {
            while let Some(chunk) = in_time(app, field.chunk()).await?.map_err(broken)? {
                budget = spend(app, budget, chunk.len())?;
            }
            continue;
        }
        if received.is_some() {
            return Err(refused("there is more than one part called \"file\""));
        }
        let filename = filename(&field)?;
        let mut upload = app.engine.begin_upload().await?;
        while let Some(chunk) = in_time(app, field.chunk()).await?.map_err(broken)? {
            budget = spend(app, budget, chunk.len())?;
            upload.write(chunk).await?;
        }
        received = Some(Received { upload, filename });
    }
    received.ok_or_else(|| refused("the body has no part called \"file\""))
}

pub(crate) fn filename(field: &Field<'_>) -> Result<String, ApiError> {
    let raw = field.file_name().ok_or_else(|| refused("the part has no filename"))?;
    let name = decode_filename(raw);
    check_filename(&name).map_err(refused)?;
    Ok(name)
}

fn spend(app: &App, budget: u64, bytes: usize) -> Result<u64, ApiError> {
    budget.checked_sub(bytes as u64).ok_or_else(|| too_large(app.config.max_upload_bytes))
}

fn too_large(limit: u64) -> ApiError {
    ApiError::too_large(format!("upload is larger than the {limit} bytes that setting max_upload allows"))
}

fn refused(msg: impl Into<String>) -> ApiError {
    ApiError::fields(vec![FieldError { field: "file".to_owned(), msg: msg.into() }])
}

/// The body is not what its headers promised, or its sender went away.
fn broken(error: MultipartError) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(error.body_text()),
        _ => {
            ApiError::bad_request(format!("multipart body is malformed or broke off: {}", error.body_text()))
        }
    }
}
