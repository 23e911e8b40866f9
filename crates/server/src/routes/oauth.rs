//! `/oauth/token`: the client credentials grant of OAuth 2.0 (RFC 6749 §4.4), for clients made with `fieldstone clients create`.

use super::Shared;
use crate::audit::Record;
use crate::extract::JsonOrForm;
use crate::openapi::answers::{Answer, Header, UNAVAILABLE};
use crate::openapi::schema::{Schema, Schemas, any, integer, object, text, word};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::sync::Arc;

/// Characters of a client's id.
const ID_LENGTH: usize = 8;

#[derive(Serialize)]
struct Bought {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

pub const TOKEN: Words = Words::new(
    "createToken",
    "Buy a token with a client's id and secret (OAuth 2.0 client credentials)",
    &[
        Answer::ok("Token"),
        Answer::one(400, "invalid_request or unsupported_grant_type", "TokenError"),
        Answer::one(401, "invalid_client: the client is unknown, revoked or expired, or its secret is wrong", "TokenError")
            .with(Header::new("WWW-Authenticate", text, "Basic")),
        Answer::one(408, "invalid_request: the body stopped arriving", "TokenError"),
        Answer::one(413, "invalid_request: the body is too large", "TokenError"),
    ],
)
.details(
    "Clients are made with `fieldstone clients create`. Id and secret are in the body or in `Authorization: Basic`. `audience`, \
     `organization` and `scope` are ignored: a token is good for this server, with the client's scopes.",
)
.takes("TokenRequest")
.refuses(&[UNAVAILABLE]);

/// What is sent and bought, for the API's document.
pub const SCHEMAS: Schemas = &[("TokenRequest", request), ("Token", bought)];

fn request() -> Schema {
    let ignored = || text().or_null().says("Ignored");
    object([("grant_type", word(["client_credentials"]))]).and_maybe([
        ("client_id", text()),
        ("client_secret", text()),
        ("audience", ignored()),
        ("scope", ignored()),
    ])
}

fn bought() -> Schema {
    object([
        ("access_token", text()),
        ("token_type", any().with("const", "Bearer")),
        ("expires_in", integer().says("Seconds")),
    ])
    .and_maybe([("scope", text().says("What it allows; absent when it allows everything"))])
}

/// JSON or form; the client's id and secret in the body or in `Authorization: Basic`. `audience` and `organization`, which
/// published clients send, are ignored: a token is good for this server and no other. So is `scope`: the answer tells
/// what the client may do.
pub async fn token(
    State(app): Shared,
    record: Option<Extension<Arc<Record>>>,
    headers: HeaderMap,
    body: Result<JsonOrForm, ApiError>,
) -> Result<impl IntoResponse, ApiError> {
    let JsonOrForm(mut body) = body.map_err(|e| e.with_oauth("invalid_request"))?;
    let grant_type = body.required_text("grant_type");
    let (in_body_id, in_body_secret) = (body.text("client_id"), body.text("client_secret"));
    let (id, secret) = match basic(&headers)? {
        Some((id, secret)) => (Some(id), Some(secret)),
        None => (in_body_id, in_body_secret),
    };
    for (field, value) in [("client_id", &id), ("client_secret", &secret)] {
        if value.is_none() {
            body.refuse(field, "is required");
        }
    }
    body.finish().map_err(|e| e.with_oauth("invalid_request"))?;
    if grant_type != "client_credentials" {
        let text = format!("grant_type: expected client_credentials, got {grant_type:?}");
        return Err(ApiError::bad_request(text).with_oauth("unsupported_grant_type"));
    }
    let (id, secret) = (id.unwrap_or_default(), secret.unwrap_or_default());
    // What is no id may be a secret in the wrong place.
    if let Some(Extension(record)) = record
        && id.len() == ID_LENGTH
    {
        record.tell("client", &id);
    }
    let bought = app.engine.grant_token(&id, &secret).await?;
    let bought = bought
        .ok_or_else(|| invalid_client("client is unknown, revoked or expired, or its secret is wrong"))?;
    let answer = Bought {
        access_token: bought.token,
        token_type: "Bearer",
        expires_in: bought.lifetime_s,
        scope: bought.scopes.join(" "),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}

fn invalid_client(text: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, text)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"fieldstone\""))
        .with_oauth("invalid_client")
}

/// Id and secret of `Authorization: Basic`. Ours hold no character that RFC 6749 §2.3.1 would have escaped.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let pair = || {
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    };
    pair().map(Some).ok_or_else(|| invalid_client("header Authorization is not Basic with id:secret"))
}
