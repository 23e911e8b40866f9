//! What every handler sees.

use crate::bodies::Bodies;
use crate::config::ServerConfig;
use crate::connections::Slots;
use crate::constant::Constant;
use crate::metrics::Requests;
use crate::rate::Rates;
use fieldstone_engine::Engine;
use fieldstone_engine::model::Timestamp;
use futures::future::{BoxFuture, Shared};
use std::ops::Deref;
use std::sync::Arc;

/// Resolves when the server is to stop.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// Shared state of the HTTP side. Each request has a few clones of it, so it is one pointer.
#[derive(Clone)]
pub struct App(Arc<AppParts>);

impl App {
    /// Shares `parts`.
    pub fn new(parts: AppParts) -> App {
        App(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// See [`App`].
pub struct AppParts {
    /// The service.
    pub engine: Engine,
    /// What it was told.
    pub config: Arc<ServerConfig>,
    /// When this server began.
    pub started: Timestamp,
    /// Requests so far.
    pub requests: Arc<Requests>,
    /// Requests of late, by who signed in.
    pub rates: Arc<Rates>,
    /// The API's document.
    pub document: Arc<Constant>,
    /// Operators of graphs.
    pub operators: Arc<Constant>,
    /// Types of jobs.
    pub job_types: Arc<Constant>,
    /// Memory of documents in requests.
    pub bodies: Arc<Bodies>,
    /// Connections that are open.
    pub slots: Arc<Slots>,
    /// What streams without an end of their own end with.
    pub stop: Stop,
}
