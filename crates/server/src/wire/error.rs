//! Error bodies: `{"code","name","description","msg"}`, plus `errors` for validation, for every non-2xx.

use crate::openapi::schema::{Schema, Schemas, integer, list, object, text, with_fields, word};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fieldstone_engine::{EngineError, FieldError};
use serde::Serialize;
use std::borrow::Cow;

/// When to come again while the ledger is locked or descriptors lack.
const RETRY_S: u64 = 1;

/// A reply that is not 2xx. `description` is what the pages document; clients read `errors`, then `msg`.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    description: String,
    errors: Vec<FieldError>,
    /// The word of RFC 6749 §5.2, for the token endpoint.
    oauth: Option<&'static str>,
    /// Boxed: errors travel by value through every handler.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: u16,
    name: &'a str,
    description: &'a str,
    msg: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
}

#[derive(Serialize)]
struct Field<'a> {
    field: &'a str,
    msg: &'a str,
}

impl ApiError {
    /// An error with `status` and a text for people.
    pub fn new(status: StatusCode, description: impl Into<String>) -> Self {
        ApiError { status, description: description.into(), errors: Vec::new(), oauth: None, header: None }
    }

    /// 400 about the request as a whole.
    pub fn bad_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, description)
    }

    /// 400 about fields of the body; the description lists them all.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let lines: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.msg)).collect();
        ApiError { errors, ..Self::bad_request(lines.join("; ")) }
    }

    /// 401 with the challenge of RFC 6750 §3, `detail` being its attributes.
    pub fn unauthorized(description: impl Into<String>, detail: &str) -> Self {
        let challenge = if detail.is_empty() { "Bearer".to_owned() } else { format!("Bearer {detail}") };
        let value = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        Self::new(StatusCode::UNAUTHORIZED, description).with_header(WWW_AUTHENTICATE, value)
    }

    /// 404.
    pub fn not_found(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, description)
    }

    /// 413.
    pub fn too_large(description: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, description)
    }

    /// Adds `error` and `error_description`, as OAuth's clients read them.
    pub fn with_oauth(mut self, word: &'static str) -> Self {
        self.oauth = Some(word);
        self
    }

    /// Whether whoever asks has to sign in, or in another way.
    pub fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Adds a header to the reply.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound(_) => Self::not_found(error.to_string()),
            EngineError::Invalid { message, errors } => ApiError { errors, ..Self::bad_request(message) },
            EngineError::Denied(text) => Self::unauthorized(text, "error=\"insufficient_scope\""),
            EngineError::Conflict(text) => Self::new(StatusCode::CONFLICT, text),
            EngineError::Gone(text) => Self::new(StatusCode::GONE, text),
            EngineError::Mismatch(text) => Self::new(mismatch(), text),
            EngineError::TooLarge(text) => Self::too_large(text),
            EngineError::Quota(text) => Self::new(StatusCode::FORBIDDEN, text),
            EngineError::Busy { message, retry_after_s } => Self::new(StatusCode::TOO_MANY_REQUESTS, message)
                .with_header(RETRY_AFTER, HeaderValue::from(retry_after_s)),
            EngineError::Full | EngineError::NoRoom(_) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
            }
            EngineError::Locked | EngineError::NoDescriptors | EngineError::Unreachable(_) => {
                if !matches!(error, EngineError::Locked) {
                    tracing::warn!("a request was refused: {error}");
                }
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                    .with_header(RETRY_AFTER, HeaderValue::from(RETRY_S))
            }
            EngineError::Internal(cause) => {
                tracing::error!("internal error: {cause:#}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error, see the server's log")
            }
        }
    }
}

/// 460 of tus 1.0, the extension Checksum.
fn mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Characters of one text of an error at most: most repeat what the client sent, and that may be megabytes.
const LONGEST: usize = 2000;

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}… ({} bytes)", &text[..end], text.len())),
        None => Cow::Borrowed(text),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let description = shortened(&self.description);
        let fields = self.errors.iter();
        let fields: Vec<_> = fields.map(|e| (shortened(&e.field), shortened(&e.msg))).collect();
        let body = Body {
            code: self.status.as_u16(),
            name: self
                .status
                .canonical_reason()
                .unwrap_or_else(|| if self.status == mismatch() { "Checksum Mismatch" } else { "Error" }),
            description: &description,
            msg: &description,
            errors: fields.iter().map(|(field, msg)| Field { field, msg }).collect(),
            error: self.oauth,
            error_description: self.oauth.map(|_| &*description),
        };
        // A struct of strings and a number cannot fail to serialise.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header.map(|h| *h) {
            headers.insert(name, value);
        }
        response
    }
}

/// How refusals are shown, for the API's document.
pub const SCHEMAS: Schemas = &[("Error", shown), ("TokenError", shown_by_oauth)];

fn shown() -> Schema {
    let field = object([("field", text()), ("msg", text())]);
    object([
        ("code", integer().says("HTTP response code")),
        ("name", text().says("Status text corresponding to the HTTP response code")),
        ("description", text().says("Detailed error message")),
        ("msg", text().says("The same as description, for older clients")),
    ])
    .and_maybe([("errors", list(field).says("Only when fields of the body are wrong"))])
}

fn shown_by_oauth() -> Schema {
    let error = word(["invalid_request", "invalid_client", "unsupported_grant_type"]);
    with_fields("Error", object([("error", error), ("error_description", text())]))
}
