//! Handlers, a file per noun. They read the request, ask the engine, and choose the status.

pub mod assets;
pub mod events;
pub mod files;
pub mod guide;
pub mod health;
pub mod jobs;
pub mod metrics;
pub mod oauth;
pub mod pilots;
pub mod previews;
pub mod projects;
pub mod registry;
pub mod schema;
pub mod sign_in;
pub mod thumbnails;
pub mod upload;
pub mod uploads;
pub mod user;
pub mod workbench;
pub mod worker;
pub mod workers;
pub mod workflows;

use crate::app::App;
use crate::reply::Reply;
use crate::wire::error::ApiError;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};

type Answer = Result<Reply, ApiError>;
type Shared = State<App>;

/// What no route knows.
pub async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    ApiError::not_found(format!("there is no route {method} {:?}", uri.path()))
}
