//! Replies: a resource in the dialect of the request, as JSON bytes.

use crate::auth::{Scope, Session};
use crate::wire::dialect::Choice;
use crate::wire::{Many, One, Resource};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LINK, VARY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Bytes of a usual job; short lists grow from here.
const USUAL_BYTES: usize = 2048;

/// Resources that are written at once.
const SHORT_LIST: usize = 500;

/// Runs `work`; where it takes long, other requests of this thread go to another first.
fn aside<T>(takes_long: bool, work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    // Where there is no other thread there is nobody to take them.
    match flavor {
        Ok(RuntimeFlavor::MultiThread) if takes_long => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// A JSON reply whose spelling depended on the request.
pub struct Reply {
    status: StatusCode,
    body: Body,
    choice: Choice,
    progress: Option<f32>,
    next: Option<HeaderValue>,
}

impl<S: Scope> Session<S> {
    /// One resource.
    pub fn one<R: Resource>(&self, status: StatusCode, resource: &R) -> Reply {
        let shown = One { resource, dialect: self.choice.dialect, link: None };
        aside(resource.is_large(), || self.json(status, &shown))
    }

    /// One resource and the `link` to go on with.
    pub fn linked<R: Resource>(&self, status: StatusCode, resource: &R, link: &str) -> Reply {
        let shown = One { resource, dialect: self.choice.dialect, link: Some(link) };
        aside(resource.is_large(), || self.json(status, &shown))
    }

    /// A short list.
    pub fn many<R: Resource>(&self, resources: &[R]) -> Reply {
        let shown = Many { resources, dialect: self.choice.dialect };
        let takes_long = resources.len() > SHORT_LIST || resources.iter().any(Resource::is_large);
        aside(takes_long, || self.json(StatusCode::OK, &shown))
    }

    /// Anything else.
    pub fn json(&self, status: StatusCode, value: &impl Serialize) -> Reply {
        let mut body = Vec::with_capacity(USUAL_BYTES);
        // Our views have text keys and infallible fields, and a Vec takes all that is written to it.
        serde_json::to_writer(&mut body, value).expect("views serialise");
        Reply { status, ..self.raw(body.into()) }
    }

    /// JSON that is written already or will be.
    pub(crate) fn raw(&self, body: Body) -> Reply {
        Reply { status: StatusCode::OK, body, choice: self.choice, progress: None, next: None }
    }

    /// What a deletion answers; clients ignore it.
    pub fn deleted(&self) -> Reply {
        self.json(StatusCode::OK, &serde_json::Map::new())
    }
}

impl Reply {
    /// Tells how far a job is in `X-Progress`, 0..=1; a key in the body would break clients.
    pub fn with_progress(mut self, fraction: f32) -> Reply {
        self.progress = Some(fraction);
        self
    }

    /// Says where a list goes on.
    pub(crate) fn with_next(mut self, next: Option<HeaderValue>) -> Reply {
        self.next = next;
        self
    }
}

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const PROGRESS: HeaderName = HeaderName::from_static("x-progress");

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(VARY, HeaderValue::from_static("User-Agent, Prefer"));
        if self.choice.preferred {
            let applied = format!("dialect={}", self.choice.dialect.as_str());
            headers.extend(HeaderValue::from_str(&applied).ok().map(|v| (PREFERENCE_APPLIED, v)));
        }
        headers.extend(self.next.map(|next| (LINK, next)));
        if let Some(fraction) = self.progress {
            let text = format!("{:.3}", fraction.clamp(0.0, 1.0));
            headers.extend(HeaderValue::from_str(&text).ok().map(|v| (PROGRESS, v)));
        }
        response
    }
}
