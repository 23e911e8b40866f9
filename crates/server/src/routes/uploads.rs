//! `/projects/{projectId}/uploads`: files that come in pieces and go on after a cut, by the tus protocol 1.0.

use super::{Answer, Shared, StatusCode};
use crate::app::App;
use crate::auth::{AssetsWrite, Session};
use crate::bodies::Pace;
use crate::extract::{InProject, Item, content_length};
use crate::openapi::answers::{
    Answer as Told, CHECKSUM_MISMATCH, CONFLICT, GONE, Header, OTHER_VERSION, QUOTA_EXCEEDED, TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
};
use crate::openapi::operation::{Described, Operation};
use crate::openapi::schema::{Schema, integer, text};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use crate::wire::uploads;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use fieldstone_engine::Resumed;
use fieldstone_engine::model::UploadId;
use futures::StreamExt;
use std::convert::Infallible;

/// When a client may try again that was sent away because the server stops.
const RETRY_S: u64 = 5;

/// A request that speaks the version of the protocol that is spoken here.
pub struct Tus;

impl FromRequestParts<App> for Tus {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        uploads::check_version(&parts.headers).map(|()| Tus)
    }
}

impl Described for Tus {
    fn describe(operation: &mut Operation) {
        operation.read(&["TusResumable"]);
        operation.refuse(&[OTHER_VERSION]);
    }
}

/// A piece of a file, still to be read.
pub struct PieceBody(Request);

impl FromRequest<App> for PieceBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Self, Infallible> {
        Ok(PieceBody(request))
    }
}

impl Described for PieceBody {
    fn describe(operation: &mut Operation) {
        operation.take_piece(uploads::PIECE);
    }
}

fn position() -> Schema {
    integer().with("minimum", 0)
}

const OFFSET: Header = Header::new("Upload-Offset", position, "Bytes that are there");
const WHERE: Header = Header::new("Location", text, "Where its pieces go");

pub const LIST: Words =
    Words::new("getUploads", "List uploads that have begun and not ended", &[Told::many("Upload")])
        .details("Newest first. An addition to the platform's API.");

pub async fn list(
    State(app): Shared,
    session: Session<AssetsWrite>,
    InProject(project): InProject,
) -> Answer {
    Ok(session.many(&app.engine.open_uploads(&session.caller, project).await?))
}

pub const CREATE: Words = Words::new(
    "createUpload",
    "Begin an upload that goes on after a cut",
    &[Told::empty(201, "Begun; its pieces go to Location").with(WHERE)],
)
.details(
    "The tus protocol 1.0 (creation, termination, expiration, checksum), for any of its clients. Upload-Metadata must have \"filename\"; its \
     \"checksum\" (sha256:…), if there is one, is what the whole must have. The last piece makes the asset, whose ID is then the header \
     X-Asset. What nobody goes on with is deleted after upload_lifetime. An addition to the platform's API.",
)
.parameters(&["UploadLength", "UploadMetadata"])
.refuses(&[QUOTA_EXCEEDED, TOO_LARGE, CHECKSUM_MISMATCH]);

pub async fn create(
    State(app): Shared,
    session: Session<AssetsWrite>,
    _: Tus,
    InProject(project): InProject,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let new = uploads::new_upload(&headers)?;
    let upload = app.engine.begin_resumable(&session.caller, project, new).await?;
    session.tell("upload", upload.id);
    if let Some(asset) = upload.asset_id {
        session.tell("asset", asset);
    }
    // Relative: right for every host, port and prefix under which a client knows us.
    let location = [(LOCATION, format!("uploads/{}", upload.id))];
    Ok((StatusCode::CREATED, location, uploads::headers(&upload)).into_response())
}

pub const GET: Words = Words::new("getUpload", "How far an upload is", &[Told::ok("Upload").with(OFFSET)])
    .details("HEAD is what clients of tus ask: the same in headers. An addition to the platform's API.")
    .refuses(&[QUOTA_EXCEEDED, GONE, CHECKSUM_MISMATCH]);

/// GET and HEAD.
pub async fn get(
    State(app): Shared,
    session: Session<AssetsWrite>,
    Item(project, id): Item<UploadId>,
) -> Result<Response, ApiError> {
    let upload = app.engine.get_upload(&session.caller, project, id).await?;
    Ok((uploads::headers(&upload), session.one(StatusCode::OK, &upload)).into_response())
}

pub const APPEND: Words = Words::new(
    "appendToUpload",
    "Send a piece of an upload",
    &[Told::empty(204, "Kept, and on disk").with(OFFSET)],
)
.details(
    "Upload-Offset must be where the upload goes on (409), Content-Type application/offset+octet-stream (415). What has come of a piece that \
     is cut off is kept, unless it has an Upload-Checksum. A newer piece ends one that is still on its way (409 for that). An addition to \
     the platform's API.",
)
.parameters(&["UploadOffset", "UploadChecksum"])
.refuses(&[CONFLICT, GONE, UNSUPPORTED_MEDIA_TYPE, CHECKSUM_MISMATCH, QUOTA_EXCEEDED]);

pub async fn append(
    State(app): Shared,
    session: Session<AssetsWrite>,
    _: Tus,
    Item(project, id): Item<UploadId>,
    PieceBody(request): PieceBody,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let (offset, checksum) = uploads::piece(headers)?;
    let declared = content_length(headers);
    let begun = app.engine.resume_upload(&session.caller, project, id, offset, declared, checksum);
    let mut resumed = begun.await?;
    let received = receive(&app, &mut resumed, request).await;
    // What has come is kept, however it ended.
    let upload = resumed.end().await;
    received?;
    session.still_opens(&app, project).await?;
    let upload = app.engine.publish_upload(upload?).await?;
    if let Some(asset) = upload.asset_id {
        session.tell("asset", asset);
    }
    Ok((StatusCode::NO_CONTENT, uploads::headers(&upload)).into_response())
}

async fn receive(app: &App, resumed: &mut Resumed, request: Request) -> Result<(), ApiError> {
    let mut pace = Pace::new(&app.bodies, app.config.body_timeout_s);
    let mut body = request.into_body().into_data_stream();
    loop {
        let piece = tokio::select! {
            piece = pace.next(body.next()) => piece?,
            () = resumed.is_wanted() => {
                return Err(ApiError::new(StatusCode::CONFLICT, "another request goes on with this upload"));
            }
            () = app.stop.clone() => {
                let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops; what has come is kept");
                return Err(error.with_header(RETRY_AFTER, HeaderValue::from(RETRY_S)));
            }
        };
        let Some(piece) = piece else { return Ok(()) };
        let piece = piece.map_err(|e| ApiError::bad_request(format!("body broke off: {e}")))?;
        pace.came(piece.len());
        resumed.write(piece).await?;
    }
}

pub const DELETE: Words = Words::new(
    "deleteUpload",
    "End an upload and forget what has come of it",
    &[Told::empty(204, "Deleted")],
)
.details("An asset that it has become stays. An addition to the platform's API.")
.refuses(&[GONE]);

pub async fn delete(
    State(app): Shared,
    session: Session<AssetsWrite>,
    _: Tus,
    Item(project, id): Item<UploadId>,
) -> Result<StatusCode, ApiError> {
    app.engine.delete_upload(&session.caller, project, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
