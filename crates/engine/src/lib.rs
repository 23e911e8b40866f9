//! Projects, assets, jobs and workflows: at rest (a ledger in SQLite, blobs on disk) and in motion
//! (a runner). The ledger is the truth; read [`model`] first, then [`Engine`].

#![warn(missing_docs)]

mod engine;
pub mod error;
pub mod model;

pub use engine::{Blob, Engine, EngineConfig, Upload};
pub use error::{EngineError, FieldError};
