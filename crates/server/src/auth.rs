//! Who asks, what they may do and which dialect they read: the [`Session`] of a request.

use crate::app::App;
use crate::extract::InProject;
use crate::issuer::Refusal;
use crate::wire::dialect::{self, Choice};
use crate::wire::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use fieldstone_engine::model::{Caller, Timestamp};
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

/// A request with the right `S`: its token grants it, or what it reads is public.
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
        let caller = match bearer(&parts.headers)? {
            Some(token) => {
                let caller = identify(app, token).await?;
                app.rates.count(parts, &caller)?;
                caller
            }
            None => stranger::<S>(parts, app).await?,
        };
        if let Some(word) = S::WORD
            && !caller.has(word)
        {
            // The platform answers 401 here, not 403.
            let detail = format!("error=\"insufficient_scope\", scope=\"{word}\"");
            return Err(ApiError::unauthorized(format!("token lacks the scope {word}"), &detail));
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

/// The token of `Authorization: Bearer <token>`; `None` without the header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim()))
        }
        _ => Err(ApiError::unauthorized("header Authorization is not Bearer <token>", "")),
    }
}

/// Whose token this is: one of ours or, if it has the three parts of a JWT, the external issuer's.
async fn identify(app: &App, token: &str) -> Result<Arc<Caller>, ApiError> {
    let invalid = |text: &str| ApiError::unauthorized(text, "error=\"invalid_token\"");
    match &app.config.issuer {
        Some(issuer) if token.split('.').count() == 3 => {
            let checked = issuer.authenticate(token, Timestamp::now()).await;
            checked.map(Arc::new).map_err(|refusal| match refusal {
                Refusal::Invalid(text) => invalid(&text),
                Refusal::Unavailable => {
                    let text = "the keys of the token's issuer cannot be fetched now, see the server's log";
                    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text)
                }
            })
        }
        _ => {
            let caller = app.engine.authenticate(token).await?;
            caller.ok_or_else(|| invalid("token is unknown, revoked or has expired"))
        }
    }
}

/// Who has not signed in may read what lies in a public project. All else is refused in the same words, whether it
/// exists or not.
async fn stranger<S: Scope>(parts: &mut Parts, app: &App) -> Result<Arc<Caller>, ApiError> {
    let reads = S::WORD.is_some_and(|word| word.ends_with(":read"));
    if reads
        && (parts.method == Method::GET || parts.method == Method::HEAD)
        && let Ok(InProject(project)) = InProject::from_request_parts(parts, app).await
        && app.engine.is_public(project).await?
    {
        return Ok(Arc::new(Caller::stranger()));
    }
    Err(ApiError::unauthorized("header Authorization is missing, expected Bearer <token>", ""))
}
