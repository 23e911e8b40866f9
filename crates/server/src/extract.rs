//! Extractors whose refusals are our error bodies: ids in the path, query strings, JSON bodies, the base URL.

use crate::app::App;
use crate::bodies::{self, Held, Pace, SMALL};
use crate::openapi::operation::{Described, Operation};
use crate::tls::OverTls;
use crate::wire::body::Document;
use crate::wire::error::ApiError;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::uri::{Authority, Uri};
use bytes::{Bytes, BytesMut};
use fieldstone_engine::model::{AssetId, JobId, ListQuery, ProjectId, UploadId, WorkflowId};
use fieldstone_engine::{EngineError, FieldError};
use futures::StreamExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// An id that a path may hold.
pub trait PathId: Sized {
    /// What it names, for the message.
    const NOUN: &'static str;
    /// From its number.
    fn new(number: i64) -> Self;
}

macro_rules! path_ids {
    ($($name:ident $noun:literal),+) => {$(
        impl PathId for $name {
            const NOUN: &'static str = $noun;
            fn new(number: i64) -> Self { $name(number) }
        }
    )+};
}
path_ids!(ProjectId "project", AssetId "asset", JobId "job", WorkflowId "workflow", UploadId "upload");

/// Reads an id in canonical decimal form. What is not one names nothing that could exist: 404.
fn path_id<T: PathId>(text: &str) -> Result<T, ApiError> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let canonical = digits && (text.len() == 1 || !text.starts_with('0'));
    let number = if canonical { text.parse().ok() } else { None };
    number.map(T::new).ok_or_else(|| ApiError::not_found(format!("{} {text:?} does not exist", T::NOUN)))
}

/// The values of a path in their order, decoded.
pub struct PathTexts(pub Vec<String>);

impl FromRequestParts<App> for PathTexts {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::bad_request("path is not UTF-8 once its percent signs are decoded"))?;
        Ok(PathTexts(params.iter().map(|(_, text)| text.to_owned()).collect()))
    }
}

impl Described for PathTexts {
    fn describe(operation: &mut Operation) {
        operation.read_path(false);
    }
}

/// `/projects/{projectId}/…`.
pub struct InProject(pub ProjectId);

impl FromRequestParts<App> for InProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let PathTexts(texts) = PathTexts::from_request_parts(parts, app).await?;
        Ok(InProject(path_id(texts.first().map_or("", String::as_str))?))
    }
}

impl Described for InProject {
    fn describe(operation: &mut Operation) {
        operation.read_path(true);
    }
}

/// `/projects/{projectId}/<things>/{id}…`.
pub struct Item<T>(pub ProjectId, pub T);

impl<T: PathId> FromRequestParts<App> for Item<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let PathTexts(texts) = PathTexts::from_request_parts(parts, app).await?;
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        Ok(Item(path_id(text(0))?, path_id(text(1))?))
    }
}

impl<T> Described for Item<T> {
    fn describe(operation: &mut Operation) {
        operation.read_path(true);
    }
}

/// A query string, form-encoded; unknown names are ignored.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(e) => Err(ApiError::bad_request(format!("query string: {}", e.body_text()))),
        }
    }
}

impl<T: Described> Described for Params<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// `?sort=field:1&q=…&limit=100&after=7` of a list.
#[derive(Deserialize)]
struct ListParams {
    sort: Option<String>,
    q: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

/// Which part of which list.
pub struct Page {
    /// What is asked of the engine.
    pub query: ListQuery,
    /// Of the list, absolute where the client says how it reached us.
    url: String,
}

impl FromRequestParts<App> for Page {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Params(params) = Params::<ListParams>::from_request_parts(parts, app).await?;
        let base = Base::from_request_parts(parts, app).await.map_or(String::new(), |base| base.0);
        // Clients that always send all names send them empty.
        let given = |text: Option<String>| text.filter(|t| !t.is_empty());
        let query = ListQuery {
            sort: given(params.sort),
            q: given(params.q),
            limit: number("limit", given(params.limit))?,
            after: number("after", given(params.after))?,
        };
        Ok(Page { query, url: format!("{base}{}", parts.uri.path()) })
    }
}

impl Described for Page {
    fn describe(operation: &mut Operation) {
        operation.list();
    }
}

/// A whole number that is not negative, from a query string.
fn number<T: FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let number = text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let refuse = || {
        let msg = format!("expected a whole number, got {text:?}");
        ApiError::fields(vec![FieldError { field: name.to_owned(), msg }])
    };
    number.map(Some).ok_or_else(refuse)
}

impl Page {
    /// The value of `Link` (RFC 8288) that leads to what comes after `id`.
    pub fn next(&self, id: i64) -> String {
        let text = |name: &str, value: &Option<String>| match value {
            Some(value) => format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)),
            None => String::new(),
        };
        let limit = self.query.limit.map_or(String::new(), |limit| format!("limit={limit}&"));
        let (sort, q) = (text("sort", &self.query.sort), text("q", &self.query.q));
        format!("<{}?{sort}{q}{limit}after={id}>; rel=\"next\"", self.url)
    }
}

/// A body that is a JSON object, whatever its Content-Type says: browsers post JSON as text/plain.
pub struct JsonBody(pub Document);

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let held = Held::of(&request);
        let body = read_body(request, app, usize::MAX).await?;
        if body.len() <= SMALL {
            return Ok(JsonBody(Document::parse(&body)?));
        }
        // Other requests do not wait for it.
        let counted = tokio::task::spawn_blocking(move || (bodies::values(&body), body)).await;
        let (values, body) = counted.map_err(EngineError::from)?;
        held.unfold(&app.bodies, values).await?;
        // Who hangs up does not end the reading.
        let parsed = tokio::task::spawn_blocking(move || (Document::parse(&body), held)).await;
        Ok(JsonBody(parsed.map_err(EngineError::from)?.0?))
    }
}

impl Described for JsonBody {
    fn describe(operation: &mut Operation) {
        operation.take_document(&[JSON]);
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A small body that is a JSON object or, as its Content-Type says, a form.
pub struct JsonOrForm(pub Document);

impl FromRequest<App> for JsonOrForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let form = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|v| v.as_bytes().to_ascii_lowercase().starts_with(FORM.as_bytes()));
        Ok(JsonOrForm(document(form, &read_body(request, app, SMALL).await?)?))
    }
}

impl Described for JsonOrForm {
    fn describe(operation: &mut Operation) {
        operation.take_document(&[JSON, FORM]);
    }
}

/// A body's document, from a form or from JSON.
pub(crate) fn document(form: bool, bytes: &[u8]) -> Result<Document, ApiError> {
    if !form {
        return Document::parse(bytes);
    }
    // A form body has the syntax of a query string.
    let text = std::str::from_utf8(bytes).map_err(|_| ApiError::bad_request("form body is not UTF-8"))?;
    let uri = Uri::builder().path_and_query(format!("/?{text}")).build();
    let uri = uri.map_err(|_| ApiError::bad_request("form body is not form-encoded"))?;
    let Query(pairs) = Query::try_from_uri(&uri)
        .map_err(|e| ApiError::bad_request(format!("form body: {}", e.body_text())))?;
    Ok(Document::from_texts(pairs))
}

/// The declared length of a body.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `most` bytes, or of fewer that are allowed.
async fn read_body(request: Request, app: &App, most: usize) -> Result<Bytes, ApiError> {
    let limit = app.config.max_json_bytes.min(most);
    let which =
        if most < app.config.max_json_bytes { "such a body may have" } else { "setting max_body allows" };
    let too_large = || ApiError::too_large(format!("body is larger than the {limit} bytes that {which}"));
    if content_length(request.headers()).is_some_and(|n| n > limit as u64) {
        return Err(too_large());
    }
    let (held, mut pace, mut body) =
        (Held::of(&request), Pace::new(&app.bodies, app.config.body_timeout_s), BytesMut::new());
    let mut stream = request.into_body().into_data_stream();
    while let Some(chunk) = pace.next(stream.next()).await? {
        let chunk = chunk.map_err(|e| ApiError::bad_request(format!("body broke off: {e}")))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        pace.came(chunk.len());
        held.grow(&app.bodies, body.len(), chunk.len()).await?;
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Base of absolute links: the configured one, else where the client reached us.
pub struct Base(pub String);

impl FromRequestParts<App> for Base {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(url) = &app.config.public_url {
            return Ok(Base(url.trim_end_matches('/').to_owned()));
        }
        let host = match parts.headers.get(HOST) {
            Some(value) => value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
            None => parts.uri.authority().cloned(),
        };
        match host {
            Some(host) => {
                let scheme = if parts.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
                Ok(Base(format!("{scheme}://{host}")))
            }
            None => Err(ApiError::bad_request("header Host is missing or malformed, links need it")),
        }
    }
}

impl Described for Base {
    fn describe(_: &mut Operation) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_decimals_are_ids() {
        assert_eq!(path_id::<JobId>("123").ok(), Some(JobId(123)));
        assert_eq!(path_id::<JobId>("0").ok(), Some(JobId(0)));
        for text in ["", "abc", "-1", "+1", "01", "1.0", "1\0", "99999999999999999999", "١"] {
            assert!(path_id::<JobId>(text).is_err(), "{text:?}");
        }
    }
}
