//! `/files`: blobs for whoever holds a signed link, no key needed. Bytes go out as they are, never compressed.

use super::Shared;
use crate::extract::PathTexts;
use crate::links::{self, Target};
use crate::openapi::answers::{Answer, FORBIDDEN, NOT_FOUND, RANGE_NOT_SATISFIABLE, UNAVAILABLE};
use crate::openapi::words::Words;
use crate::range::{self, Wanted};
use crate::wire::error::ApiError;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::response::Builder;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use fieldstone_engine::model::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Signature {
    asset: String,
    expires: i64,
    signature: String,
}

fn forbidden(text: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, text)
}

fn altered() -> ApiError {
    forbidden("download link is incomplete or was altered")
}

/// What a link to these bytes under this name opens, by its query.
pub(crate) fn check<'a>(
    key: &[u8; 32],
    sha256: &'a str,
    filename: &'a str,
    uri: &Uri,
) -> Result<Target<'a>, ApiError> {
    let Query(Signature { asset, expires, signature }) = Query::try_from_uri(uri).map_err(|_| altered())?;
    let (project, asset) = links::ids(&asset).ok_or_else(altered)?;
    let target = Target { project, asset, sha256, filename, expires };
    if !links::verify(key, &target, &signature) {
        return Err(altered());
    }
    if Timestamp::now().0.div_euclid(1_000_000) >= expires {
        return Err(forbidden("download link has expired"));
    }
    Ok(target)
}

pub const GET: Words = Words::new(
    "download",
    "Download by a signed link",
    &[
        Answer::bytes(200, "All bytes"),
        Answer::bytes(206, "The range asked for"),
        Answer::empty(304, "The client has it already (If-None-Match)"),
    ],
)
.details(
    "HEAD is answered too. Single byte ranges only. The link ends with its asset: 404 once that was deleted or has other bytes.",
)
.parameters(&["linkAsset", "expires", "signature", "Range", "IfRange", "IfNoneMatch"])
.refuses(&[FORBIDDEN, NOT_FOUND, RANGE_NOT_SATISFIABLE, UNAVAILABLE]);

/// GET and HEAD.
pub async fn get(
    State(app): Shared,
    method: Method,
    PathTexts(path): PathTexts,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut texts = path.into_iter();
    let (sha256, filename) = texts.next().zip(texts.next()).ok_or_else(altered)?;
    let target = check(&app.engine.signing_key().await?, &sha256, &filename, &uri)?;
    if !app.engine.has_bytes(target.project, target.asset, &sha256).await? {
        let text =
            format!("asset {} has been deleted or replaced since this download link was made", target.asset);
        return Err(ApiError::not_found(text));
    }
    let blob = app.engine.open_blob(&sha256, None).await?;
    let (size, etag) = (blob.size, format!("\"{sha256}\""));
    let head = |status: StatusCode, length: u64| {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .header(CONTENT_DISPOSITION, links::disposition(&filename))
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(ACCEPT_RANGES, "bytes")
            .header(ETAG, &etag)
    };
    let is_get = method == Method::GET;
    match range::wanted(&headers, is_get, &etag, size) {
        Wanted::Whole if is_get => finish(head(StatusCode::OK, size), Body::from_stream(blob.bytes)),
        Wanted::Whole => finish(head(StatusCode::OK, size), Body::empty()),
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            let length = part.end - part.start;
            let blob = app.engine.open_blob(&sha256, Some(part)).await?;
            let head = head(StatusCode::PARTIAL_CONTENT, length).header(CONTENT_RANGE, content_range);
            finish(head, Body::from_stream(blob.bytes))
        }
        Wanted::NotModified => {
            finish(Response::builder().status(StatusCode::NOT_MODIFIED).header(ETAG, &etag), Body::empty())
        }
        Wanted::Unsatisfiable => Err(unsatisfiable(size)),
    }
}

fn unsatisfiable(size: u64) -> ApiError {
    let error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("range lies outside the file's {size} bytes"),
    );
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => error.with_header(CONTENT_RANGE, value),
        Err(_) => error,
    }
}

fn finish(head: Builder, body: Body) -> Result<Response, ApiError> {
    head.body(body).map_err(|e| {
        tracing::error!("cannot build the reply of a download: {e}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error, see the server's log")
    })
}
