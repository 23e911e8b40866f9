//! Doors for the fuzz targets to what only the router calls; no part of the API.

use crate::config::ServerConfig;
use crate::links::Target;
use crate::range::{self, Wanted};
use crate::wire::{dialect, jobs, projects, workflows};
use crate::{auth, extract, issuer, links, routes};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use fieldstone_engine::Engine;
use fieldstone_engine::model::{AssetId, ProjectId, Timestamp};
use std::ops::Range;
use std::sync::Arc;
use tower::ServiceExt;

fn headers(name: HeaderName, value: &[u8]) -> Option<HeaderMap> {
    Some(HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).ok()?)]))
}

/// The bytes of a blob of `size` that a `Range` asks for; `None` for an answer that is no 2xx.
pub fn range(header: &[u8], size: u64) -> Option<Range<u64>> {
    let headers = headers(RANGE, header)?;
    match range::wanted(&headers, true, "\"tag\"", size) {
        Wanted::Whole => Some(0..size),
        Wanted::Part(part) => Some(part),
        Wanted::Unsatisfiable | Wanted::NotModified => None,
    }
}

/// A link to a blob.
pub fn link(key: &[u8; 32], sha256: &str, filename: &str, expires: i64) -> String {
    let (project, asset) = (ProjectId(1), AssetId(2));
    links::sign(key, "http://h", &Target { project, asset, sha256, filename, expires })
}

/// Whether a link with this query opens the blob under the name.
pub fn opens(key: &[u8; 32], sha256: &str, filename: &str, query: &str) -> bool {
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    uri.is_ok_and(|uri| routes::files::check(key, sha256, filename, &uri).is_ok())
}

/// The header that saves a download under `filename`, if it is one.
pub fn disposition(filename: &str) -> Option<String> {
    let value = HeaderValue::from_str(&links::disposition(filename)).ok()?;
    value.to_str().ok().map(str::to_owned)
}

/// The user that `Authorization` and an issuer's keys make of a token.
pub fn token(header: &[u8], keys: &[u8]) -> Option<String> {
    let headers = headers(AUTHORIZATION, header)?;
    let token = auth::bearer(&headers).ok()??;
    let now = Timestamp(1_000_000_000_000_000);
    issuer::authenticate_with(keys, token, now).ok().map(|caller| caller.user)
}

/// How many of the bodies that there are a document could be, and the dialect that a `Prefer` asks for.
pub fn body(form: bool, bytes: &[u8], prefer: &[u8]) -> (usize, Option<&'static str>) {
    let read = || extract::document(form, bytes).ok();
    let job = read().and_then(|d| jobs::new_job(d).ok()).is_some();
    let name = read().and_then(|d| jobs::new_name(d).ok()).is_some();
    let project = read().and_then(|d| projects::new_project(d).ok()).is_some();
    let change = read().and_then(|d| projects::project_change(d).ok()).is_some();
    let workflow = read().and_then(|d| workflows::new_workflow(d).ok()).is_some();
    let taken = [job, name, project, change, workflow].iter().filter(|taken| **taken).count();
    let chosen =
        headers(HeaderName::from_static("prefer"), prefer).and_then(|h| dialect::choose(&h, None).ok());
    (taken, chosen.map(|choice| choice.dialect.as_str()))
}

/// The filenames of the files in a multipart body with the boundary `X`, and their bytes together.
pub async fn multipart(body: Vec<u8>) -> (Vec<String>, usize) {
    let request = Request::builder().header(CONTENT_TYPE, "multipart/form-data; boundary=X");
    let framing = Arc::new(routes::upload::Framing::default());
    let request = request.body(framing.clone().watch(Body::from(body))).expect("both are well-formed");
    let mut multipart = Multipart::from_request(request, &()).await.expect("a body comes once");
    let (mut names, mut bytes) = (Vec::new(), 0);
    loop {
        framing.begin();
        let Ok(Some(mut field)) = multipart.next_field().await else { break };
        framing.end();
        names.extend(routes::upload::filename(&field));
        while let Ok(Some(chunk)) = field.chunk().await {
            bytes += chunk.len();
        }
    }
    (names, bytes)
}

/// The whole API without sockets.
pub struct Service(Router);

/// What the API answers: status, `Content-Type`, body.
pub type Reply = (u16, String, Vec<u8>);

impl Service {
    /// Over an engine.
    pub fn new(engine: Engine, config: ServerConfig) -> Service {
        Service(crate::router(engine, config))
    }

    /// Answers a request; `None` for what is none in the eyes of the HTTP library. Of a stream of events only the head is read.
    pub async fn answer(
        &self,
        (method, target): (&str, &str),
        headers: &[(&str, &[u8])],
        body: Vec<u8>,
    ) -> Option<Reply> {
        let mut request = Request::builder().method(method.parse::<Method>().ok()?).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).ok()?;
        let response = match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        if kind == "text/event-stream" {
            return Some((status, kind, Vec::new()));
        }
        let bytes =
            to_bytes(response.into_body(), usize::MAX).await.expect("a body of ours does not break off");
        Some((status, kind, bytes.to_vec()))
    }
}
