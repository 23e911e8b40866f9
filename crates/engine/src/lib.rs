//! Projects, assets, jobs and workflows: at rest (a ledger in SQLite, blobs on disk) and in motion
//! (a runner). The ledger is the truth; read [`model`] first, then [`Engine`].

#![warn(missing_docs)]

mod bindings;
mod blobs;
mod cache;
mod caller;
mod child_process;
mod config;
mod core;
mod counted;
mod data_folder;
mod draft;
pub mod error;
pub mod filename;
mod heads;
pub mod keys;
mod lanes;
mod limits;
mod location;
pub mod metrics;
pub mod model;
mod preview;
mod resumable;
mod run;
mod service;
mod staging;
mod store;
#[doc(hidden)]
pub mod testing;
mod thumbnails;
mod tls;
pub mod upkeep;
mod workers;
mod workflow;

pub use blobs::{Blob, WAITING, cache as blob_cache};
pub use config::{EngineConfig, Isolation, Program};
pub use data_folder::{close_file, make_folder, private_file};
pub use draft::JobTypes;
pub use error::{EngineError, FieldError};
pub use location::{BucketUrl, DatabaseUrl, Location};
pub use preview::Preview;
pub use run::{Attempts, Watch};
pub use service::{Engine, NewPreview, News, ProjectEvent, Resumed, ThinVolume, Thumbnail, Upload};
pub use tls::choose_cryptography;
pub use workers::{Pilot, Pilots, Seat, WorkerSlot, talk};

/// A plane of a preview.
pub use fieldstone_jobs::preview::talk::{Header as PreviewHeader, Section};
