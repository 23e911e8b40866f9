//! Who asks, what they may do and which dialect they read: the [`Session`] of a request.

use crate::app::App;
use crate::audit::{Record, id_text};
use crate::extract::InProject;
use crate::issuer::Refusal;
use crate::openapi::operation::{Described, Operation};
use crate::wire::dialect::{self, Choice};
use crate::wire::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use fieldstone_engine::EngineError;
use fieldstone_engine::model::{Caller, ProjectId, Timestamp};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tower_http::request_id::RequestId;

/// A right that a route asks for; routes name theirs in the type of their session.
pub trait Scope: Send + Sync {
    /// Wire word; `None` asks for a valid key and nothing more.
    const WORD: Option<&'static str>;
}

/// Any valid key.
#[derive(Clone, Copy, Debug)]
pub struct AnyScope;

impl Scope for AnyScope {
    const WORD: Option<&'static str> = None;
}

macro_rules! scopes {
    ($(#[doc = $meaning:literal] $name:ident = $word:literal),+ $(,)?) => {
        $(
            #[doc = $meaning]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl Scope for $name {
                const WORD: Option<&'static str> = Some($word);
            }
        )+

        /// Every scope, with what it lets a key do.
        pub const SCOPES: &[(&str, &str)] = &[$(($word, $meaning.trim_ascii())),+];
    };
}

scopes! {
    /// See projects
    ProjectsRead = "projects:read",
    /// Make, change and delete projects
    ProjectsWrite = "projects:write",
    /// See and download assets
    AssetsRead = "assets:read",
    /// Upload, replace and delete assets
    AssetsWrite = "assets:write",
    /// See jobs
    JobsRead = "jobs:read",
    /// Dispatch, rename, cancel and delete jobs
    JobsWrite = "jobs:write",
    /// See workflows
    WorkflowsRead = "workflows:read",
    /// Dispatch, cancel and delete workflows
    WorkflowsWrite = "workflows:write",
}

/// A request with the right `S`: its token grants it, or what it reads is public.
pub struct Session<S: Scope> {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// How to answer.
    pub choice: Choice,
    request: Option<RequestId>,
    pass: Pass,
    record: Option<Arc<Record>>,
    scope: PhantomData<S>,
}

/// What lets a request in, to be looked at again while it goes on.
#[derive(Clone)]
pub(crate) struct Pass {
    /// `None` for a stranger.
    token: Option<Arc<str>>,
    scope: Option<&'static str>,
}

/// How often the pass of a request that goes on is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Pass {
    /// Whether it would still be let in to read this project. What cannot be found out now is taken for a yes.
    async fn opens(&self, app: &App, project: ProjectId) -> bool {
        let Some(token) = &self.token else { return app.engine.is_public(project).await.unwrap_or(true) };
        match identify(app, token).await {
            Ok(caller) => {
                let found = app.engine.get_project(&caller, project).await;
                let is_refused = matches!(found, Err(EngineError::NotFound(_) | EngineError::Denied(_)));
                !is_refused && self.scope.is_none_or(|word| caller.has(word))
            }
            Err(refusal) => !refusal.is_unauthorized(),
        }
    }

    /// Resolves once it opens this project no longer (its key was revoked or has expired, the project was made private or is gone), or
    /// when the server stops, which waits for open answers.
    pub(crate) async fn ends(self, app: App, project: ProjectId) {
        let closed = async {
            while self.opens(&app, project).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            () = closed => {}
            () = app.stop.clone() => {}
        }
    }
}

impl<S: Scope> FromRequestParts<App> for Session<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let record = parts.extensions.get::<Arc<Record>>().cloned();
        let token = bearer(&parts.headers)?.map(Arc::from);
        let caller = match &token {
            Some(token) => {
                let caller = identify(app, token).await?;
                if let Some(record) = &record {
                    record.identify(&caller);
                }
                app.rates.count(parts, &caller, app.engine.server_count())?;
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
        let pass = Pass { token, scope: S::WORD };
        Ok(Session { caller, choice, request, pass, record, scope: PhantomData })
    }
}

impl<S: Scope> Described for Session<S> {
    fn describe(operation: &mut Operation) {
        operation.sign_in(S::WORD);
    }

    fn describe_optional(operation: &mut Operation) {
        operation.maybe_sign_in();
    }
}

impl<S: Scope> Session<S> {
    /// The id that this request has in the log and in its answer.
    pub fn request_id(&self) -> Option<String> {
        self.request.as_ref().and_then(id_text)
    }

    /// What let this request in.
    pub(crate) fn pass(&self) -> Pass {
        self.pass.clone()
    }

    /// Refuses a request whose key was revoked while its body came.
    pub(crate) async fn still_opens(&self, app: &App, project: ProjectId) -> Result<(), ApiError> {
        match self.pass.opens(app, project).await {
            true => Ok(()),
            false => {
                Err(ApiError::unauthorized("token was revoked or has expired", "error=\"invalid_token\""))
            }
        }
    }

    /// Adds a fact to the line that the audit log has for this request.
    pub(crate) fn tell(&self, name: &'static str, value: impl ToString) {
        if let Some(record) = &self.record {
            record.tell(name, value);
        }
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
