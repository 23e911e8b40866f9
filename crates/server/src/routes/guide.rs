//! The book at `/guide`, for people: its pages, their style and search, its pictures. No part of the API, hence not in its index.

use super::unknown_route;
use crate::app::App;
use crate::embedded::{File, media_type};
use crate::guide;
use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing;
use std::borrow::Cow;

/// Nothing inline and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

/// What the pages share.
const STYLE: &str = include_str!("../../guide/guide.css");
const SCRIPT: &str = include_str!("../../guide/guide.js");

/// The book's routes.
pub fn routes() -> Router<App> {
    let first = |headers: HeaderMap, method: Method, uri: Uri| answer(String::new(), headers, method, uri);
    let other = |Path(name): Path<String>, headers: HeaderMap, method: Method, uri: Uri| {
        answer(name, headers, method, uri)
    };
    Router::new()
        .route(guide::ROOT, routing::get(first).fallback(unknown_route))
        .route("/guide/{*name}", routing::get(other).fallback(unknown_route))
}

async fn answer(name: String, headers: HeaderMap, method: Method, uri: Uri) -> Response {
    let Some((kind, bytes)) = found(&name) else { return unknown_route(method, uri).await.into_response() };
    let mut response = File::fresh(kind, bytes).answer(&headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// What a name below `/guide/` means, and its type.
fn found(name: &str) -> Option<(&'static str, Cow<'static, [u8]>)> {
    let text = |text: &'static str| Cow::Borrowed(text.as_bytes());
    if let Some(page) = guide::page(name) {
        return Some((HTML, text(page)));
    }
    let kind = media_type(name).or_else(|| match name.rsplit_once('.')?.1 {
        "json" => Some("application/json"),
        "yaml" | "py" | "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    })?;
    let bytes = match name {
        "guide.css" => text(STYLE),
        "guide.js" => text(SCRIPT),
        "search.json" => text(guide::search()),
        _ => guide::file(name)?,
    };
    Some((kind, bytes))
}
