//! The API's description: OpenAPI for machines, a page for people. Both are files, nothing is fetched.

use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};

/// The OpenAPI 3.1 document; a test holds it against the router's index.
pub const OPENAPI: &str = include_str!("../../openapi.json");

pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

pub async fn docs() -> Html<&'static str> {
    Html(include_str!("../../docs.html"))
}
