//! Projects, assets, jobs and workflows: at rest (a ledger in SQLite, blobs on disk) and in motion
//! (a runner). The ledger is the truth; read [`model`] first, then [`Engine`].

#![warn(missing_docs)]

mod assets;
mod attempt;
mod bindings;
mod blobs;
mod cache;
mod caller;
mod child;
mod dag;
mod death;
mod draft;
mod engine;
pub mod error;
pub mod filename;
mod jobs;
pub mod keys;
mod list_query;
mod lock;
pub mod metrics;
pub mod model;
mod projects;
mod runner;
mod store;
#[doc(hidden)]
pub mod testing;
pub mod upkeep;
mod workflow;
mod workflows;

pub use assets::Upload;
pub use child::Program;
pub use draft::JobTypes;
pub use engine::{Blob, Engine, EngineConfig, Isolation};
pub use error::{EngineError, FieldError};
