//! Probes, without a key.

use super::Shared;
use crate::wire::error::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// The process answers.
pub async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

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
