//! `/sign-in`: what the app needs to know before anybody has signed in. An addition to the platform's API, without a key.

use super::Shared;
use crate::openapi::answers::{Answer, NOT_READY};
use crate::openapi::schema::{Schema, Schemas, object, text, uri};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

pub const GET: Words = Words::new("getSignIn", "Ways to sign in to the app", &[Answer::ok("SignIn")])
    .details(
        "Keys are always one. Where the settings name an issuer and the app's client there, the app signs people in by its authorization code \
         with PKCE (RFC 7636). 503: the issuer's configuration cannot be fetched. An addition to the platform's API.",
    )
    .refuses(&[NOT_READY]);

/// What is shown, for the API's document.
pub const SCHEMAS: Schemas = &[("SignIn", sign_in)];

fn sign_in() -> Schema {
    let issuer = object([
        ("issuer", uri().says("The iss of its tokens")),
        ("authorization_endpoint", uri()),
        ("token_endpoint", uri()),
        (
            "end_session_endpoint",
            uri().or_null().says("Signs people out there, too; null where the issuer has none"),
        ),
        ("client_id", text().says("A public client")),
        ("scope", text().says("What the app asks for")),
        ("audience", text().says("Who the tokens must be for")),
    ]);
    object([("issuer", issuer.or_null().says("null where people sign in with keys alone"))])
}

pub async fn get(State(app): Shared) -> Result<impl IntoResponse, ApiError> {
    let issuer = match app.config.issuer.as_ref().and_then(|issuer| issuer.sign_in()) {
        None => Value::Null,
        Some(sign_in) => {
            let endpoints = sign_in.endpoints().await.ok_or_else(|| {
                let text = format!(
                    "the configuration of {} cannot be had now, see the server's log",
                    sign_in.issuer()
                );
                let wait = HeaderValue::from(sign_in.window().as_secs().max(1));
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text).with_header(RETRY_AFTER, wait)
            })?;
            json!({
                "issuer": sign_in.issuer(),
                "authorization_endpoint": endpoints.authorization,
                "token_endpoint": endpoints.token,
                "end_session_endpoint": endpoints.end_session,
                "client_id": sign_in.app().id,
                "scope": sign_in.app().scope,
                "audience": sign_in.audience(),
            })
        }
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(json!({"issuer": issuer}))))
}
