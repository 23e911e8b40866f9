//! Probes, without a key.

use super::Shared;
use crate::openapi::answers::{Answer, NOT_READY};
use crate::openapi::schema::{Schema, any, object};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

fn is_ok() -> Schema {
    object([("status", any().with("const", "ok"))])
}

pub const HEALTH: Words = Words::new("getHealth", "The process answers", &[Answer::json(is_ok)]);

/// The process answers.
pub async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

pub const READINESS: Words =
    Words::new("getReadiness", "Ledger and blobs can be written", &[Answer::json(is_ok)])
        .refuses(&[NOT_READY]);

/// The service can do its work: the ledger and the blobs can be written.
pub async fn readyz(State(app): Shared) -> Result<Json<Value>, ApiError> {
    match app.engine.ready().await {
        Ok(()) => Ok(Json(json!({"status": "ok"}))),
        Err(e) => {
            tracing::error!("not ready: {e}");
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not ready, see the server's log"))
        }
    }
}
