//! Who asks, what they may do and which dialect they read: the [`Session`] of a request.

use crate::app::App;
use crate::wire::dialect::{self, Choice};
use crate::wire::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use fieldstone_engine::model::Caller;
use std::marker::PhantomData;
use std::sync::Arc;
use tower_http::request_id::RequestId;

/// Characters kept of a request's id, which a client may choose.
const LONGEST_ID: usize = 100;

/// A right that a route asks for; routes name theirs in the type of their session.
pub trait Scope: Send + Sync {
    /// Wire word; `None` asks for a valid key and nothing more.
    const WORD: Option<&'static str>;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Scope for $name {
            const WORD: Option<&'static str> = $word;
        }
    )+};
}

scopes! {
    /// Any valid key.
    AnyScope = None,
    /// See projects.
    ProjectsRead = Some("projects:read"),
    /// Make, change and delete projects.
    ProjectsWrite = Some("projects:write"),
    /// See and download assets.
    AssetsRead = Some("assets:read"),
    /// Upload, replace and delete assets.
    AssetsWrite = Some("assets:write"),
    /// See jobs.
    JobsRead = Some("jobs:read"),
    /// Dispatch, rename and delete jobs.
    JobsWrite = Some("jobs:write"),
    /// See workflows.
    WorkflowsRead = Some("workflows:read"),
    /// Dispatch, cancel and delete workflows.
    WorkflowsWrite = Some("workflows:write"),
}

/// An authenticated request with the right `S`.
pub struct Session<S: Scope> {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// How to answer.
    pub choice: Choice,
    request: Option<RequestId>,
    scope: PhantomData<S>,
}

impl<S: Scope> FromRequestParts<App> for Session<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        let caller = app.engine.authenticate(token).await?.ok_or_else(|| {
            ApiError::unauthorized("token is unknown, revoked or has expired", "error=\"invalid_token\"")
        })?;
        if let Some(word) = S::WORD {
            // The platform answers 401 here, not 403.
            if !caller.scopes.is_empty() && !caller.scopes.iter().any(|s| s == word) {
                let detail = format!("error=\"insufficient_scope\", scope=\"{word}\"");
                return Err(ApiError::unauthorized(format!("token lacks the scope {word}"), &detail));
            }
        }
        let choice = dialect::choose(&parts.headers, caller.dialect.as_deref())?;
        let request = parts.extensions.get().cloned();
        Ok(Session { caller, choice, request, scope: PhantomData })
    }
}

impl<S: Scope> Session<S> {
    /// The id that this request has in the log and in its answer.
    pub fn request_id(&self) -> Option<String> {
        let id = self.request.as_ref()?.header_value().to_str().ok()?;
        Some(id.chars().take(LONGEST_ID).collect())
    }
}

/// The token of `Authorization: Bearer <token>`.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(ApiError::unauthorized("header Authorization is missing, expected Bearer <token>", ""));
    };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim())
        }
        _ => Err(ApiError::unauthorized("header Authorization is not Bearer <token>", "")),
    }
}
