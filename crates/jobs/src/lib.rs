//! Job types: a folder of inputs in, a folder of outputs out. Synchronous, and the only place that
//! knows what a job type is called. Read [`job_type`] first.

#![warn(missing_docs)]

pub mod bodies;
pub mod child;
#[cfg_attr(not(unix), allow(unused))]
mod confine;
pub mod context;
pub mod error;
pub mod field;
#[cfg(target_os = "linux")]
pub mod fork_server;
pub mod graph_input;
pub mod grid;
pub mod job_type;
pub mod layers;
pub mod mesh_input;
pub mod preview;
pub mod share;
pub mod surface;
pub mod surface_pieces;
pub mod surface_size;
pub mod ticket;
pub mod types;
pub mod warning;
pub mod watch;

pub use context::{Input, JobContext, JobLimits, Output, Outputs};
pub use error::JobError;
pub use fieldstone_shape::params::{Given, Kind, Param, ParamError, Values};
pub use fieldstone_shape::{GraphLimits, MakerParams, maker, operator, ops};
pub use job_type::{JobEntry, KnownInput, KnownInputs, Prepared, Product, Reference, Slot, Work};
pub use share::{Cut, Share};
pub use types::{JOB_TYPES, find};
pub use warning::WARNINGS;
