//! Multipart uploads, streamed: a piece of the body at a time goes to the engine, so memory stays flat.

use crate::app::App;
use crate::bodies::Pace;
use crate::extract::content_length;
use crate::openapi::operation::{Described, Operation};
use crate::wire::assets::decode_filename;
use crate::wire::error::ApiError;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use fieldstone_engine::filename::check_filename;
use fieldstone_engine::model::ProjectId;
use fieldstone_engine::{FieldError, Upload};
use futures::StreamExt;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};

/// Bytes of boundaries and headers that a body may have on top of the file.
pub const FRAMING_BYTES: u64 = 64 << 10;

/// The file of a complete multipart body, not yet visible to anybody.
pub struct Received {
    /// Its bytes.
    pub upload: Upload,
    /// The name that its sender gave it.
    pub filename: String,
}

/// A multipart body that holds a file, still to be read.
pub struct FileBody(pub Request);

impl FromRequest<App> for FileBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Self, Infallible> {
        Ok(FileBody(request))
    }
}

impl Described for FileBody {
    fn describe(operation: &mut Operation) {
        operation.take_file();
    }
}

/// Reads the one part `file` of a multipart body that goes to `project` in place of `replaced` bytes; parts with other names are skipped. Nothing of a body
/// that is refused or breaks off stays.
pub async fn receive(
    app: &App,
    project: ProjectId,
    replaced: u64,
    request: Request,
) -> Result<Received, ApiError> {
    let limit = app.config.max_upload_bytes;
    if content_length(request.headers()).is_some_and(|n| n > limit.saturating_add(FRAMING_BYTES)) {
        return Err(too_large(limit));
    }
    let framing = Arc::new(Framing::default());
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, framing.clone().watch(body));
    let mut multipart = Multipart::from_request(request, app)
        .await
        .map_err(|e| ApiError::bad_request(format!("expected multipart/form-data: {}", e.body_text())))?;
    read(app, (project, replaced), &mut multipart, &framing).await
}

/// What comes before the content of a part: the reader of multipart keeps all of it, so somebody has to count.
#[derive(Default)]
pub(crate) struct Framing {
    /// Bytes since the last content, or [`CONTENT`].
    before: AtomicU64,
    /// Bytes of the whole body so far.
    total: AtomicU64,
}

impl Framing {
    /// Headers are to come.
    pub(crate) fn begin(&self) {
        self.before.store(0, Ordering::Relaxed);
    }

    /// The content of a part begins: from now on it is not kept.
    pub(crate) fn end(&self) {
        self.before.store(CONTENT, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) {
        self.total.fetch_add(bytes as u64, Ordering::Relaxed);
        let add =
            |so_far: u64| (so_far != CONTENT).then(|| so_far.saturating_add(bytes as u64).min(CONTENT - 1));
        // Content is not counted.
        self.before.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok();
    }

    fn is_too_long(&self) -> bool {
        let so_far = self.before.load(Ordering::Relaxed);
        so_far != CONTENT && so_far > FRAMING_BYTES
    }

    /// The same body, a piece a turn, so that the reader looks at one before it takes the next.
    pub(crate) fn watch(self: Arc<Self>, body: Body) -> Body {
        let (mut pieces, mut just_gave) = (body.into_data_stream(), false);
        Body::from_stream(futures::stream::poll_fn(move |cx| {
            if std::mem::take(&mut just_gave) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.is_too_long() {
                return Poll::Ready(Some(Err(axum::Error::new(TooLong))));
            }
            let piece = ready!(pieces.poll_next_unpin(cx));
            if let Some(Ok(bytes)) = &piece {
                just_gave = true;
                self.add(bytes.len());
            }
            Poll::Ready(piece)
        }))
    }

    fn broken(&self, error: MultipartError) -> ApiError {
        if self.is_too_long() { ApiError::bad_request(TooLong.to_string()) } else { broken(error) }
    }
}

/// See [`Framing`].
const CONTENT: u64 = u64::MAX;

/// The headers of a part, or what precedes the first part, never end.
#[derive(Debug)]
struct TooLong;

impl std::error::Error for TooLong {}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "multipart body has more than {FRAMING_BYTES} bytes before the content of a part")
    }
}

async fn read(
    app: &App,
    (project, replaced): (ProjectId, u64),
    multipart: &mut Multipart,
    framing: &Framing,
) -> Result<Received, ApiError> {
    let mut received: Option<Received> = None;
    let (mut budget, mut pace) =
        (app.config.max_upload_bytes, Pace::new(&app.bodies, app.config.body_timeout_s));
    loop {
        framing.begin();
        let next = pace.next(multipart.next_field()).await?.map_err(|e| framing.broken(e))?;
        let Some(mut field) = next else { break };
        // Parts without content cost nothing of the budget.
        let limit = app.config.max_upload_bytes;
        if framing.total.load(Ordering::Relaxed) > limit.saturating_add(FRAMING_BYTES) {
            return Err(too_large(limit));
        }
        framing.end();
        if field.name() != Some("file") {
            while let Some(chunk) = pace.next(field.chunk()).await?.map_err(broken)? {
                pace.came(chunk.len());
                budget = spend(app, budget, chunk.len())?;
            }
            continue;
        }
        if received.is_some() {
            return Err(refused("there is more than one part called \"file\""));
        }
        let filename = filename(&field)?;
        let mut upload = app.engine.begin_upload(project, replaced).await?;
        while let Some(chunk) = pace.next(field.chunk()).await?.map_err(broken)? {
            pace.came(chunk.len());
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
