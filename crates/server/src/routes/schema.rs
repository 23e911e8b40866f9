//! The API's description: OpenAPI for machines, a page for people. Nothing is fetched from elsewhere.

use super::{Shared, unknown_route};
use crate::app::App;
use crate::embedded::{File, media_type};
use crate::openapi::answers::Answer;
use crate::openapi::schema::document;
use crate::openapi::words::Words;
use crate::packing::is_accepted;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use flate2::read::GzDecoder;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::io::Read;

const KNOWN: Answer = Answer::empty(304, "The client has it already (If-None-Match)");

pub const OPENAPI: Words =
    Words::new("getOpenApi", "This document", &[Answer::json(document), KNOWN]).parameters(&["IfNoneMatch"]);

pub async fn openapi(State(app): Shared, headers: HeaderMap) -> Response {
    app.document.answer(&headers)
}

/// Nothing inline and nothing from elsewhere; signs of the viewer are pictures in its style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's files: ours, and packed ones of Swagger UI.
#[derive(RustEmbed)]
#[folder = "docs/"]
struct Viewer;

pub const DOCS: Words = Words::new("getDocs", "This document as a page", &[Answer::text("text/html")]);

pub async fn docs(headers: HeaderMap) -> Response {
    let page = Viewer::get("index.html").map_or(Cow::Borrowed(&[][..]), |file| file.data);
    let mut response = File::fresh("text/html; charset=utf-8", page).answer(&headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// What the page is made of; no part of the API, hence not in its index and its document.
pub fn files() -> Router<App> {
    Router::new().route("/docs/{name}", routing::get(file).fallback(unknown_route))
}

async fn file(Path(name): Path<String>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match found(&name, &headers) {
        Some(file) => file.answer(&headers),
        None => unknown_route(method, uri).await.into_response(),
    }
}

/// A file by its name; of what is kept packed, the plain bytes for a client that does not take gzip.
fn found(name: &str, headers: &HeaderMap) -> Option<File> {
    // The page itself has its own address, and its policy there.
    let kind = media_type(name).filter(|kind| !kind.starts_with("text/html"))?;
    if let Some(plain) = Viewer::get(name) {
        return Some(File::fresh(kind, plain.data));
    }
    let packed = Viewer::get(&format!("{name}.gz"))?.data;
    if is_accepted(headers) {
        return Some(File { coding: Some("gzip"), ..File::fresh(kind, packed) });
    }
    let mut plain = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut plain).ok()?;
    Some(File::fresh(kind, plain.into()))
}
