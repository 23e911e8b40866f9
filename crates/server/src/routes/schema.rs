//! The API's description: OpenAPI for machines, a page for people. Nothing is fetched from elsewhere.

use super::Shared;
use crate::openapi::answers::Answer;
use crate::openapi::schema::document;
use crate::openapi::words::Words;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};

const KNOWN: Answer = Answer::empty(304, "The client has it already (If-None-Match)");

pub const OPENAPI: Words =
    Words::new("getOpenApi", "This document", &[Answer::json(document), KNOWN]).parameters(&["IfNoneMatch"]);

pub async fn openapi(State(app): Shared, headers: HeaderMap) -> Response {
    app.document.answer(&headers)
}

/// Nothing inline and nothing from elsewhere: the page works under the strictest policy, and says so itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub const DOCS: Words = Words::new("getDocs", "This document as a page", &[Answer::text("text/html")]);

pub async fn docs() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("../../docs.html")))
}

pub const SCRIPT: Words = Words::new("getDocsJs", "A file of the page", &[Answer::text("text/javascript")]);

pub async fn docs_script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../docs.js"))
}

pub const STYLE: Words = Words::new("getDocsCss", "A file of the page", &[Answer::text("text/css")]);

pub async fn docs_style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../docs.css"))
}
