//! Jobs in motion: claimed, run somewhere, their ends written down.

mod attempt;
mod attempt_process;
pub(crate) mod death;
mod estimate;
#[cfg(target_os = "linux")]
mod fork_server;
mod inputs;
mod join;
pub(crate) mod lease_clock;
mod patience;
mod pieces;
mod place;
mod process;
mod publish;
mod queue;
mod remote;
mod reuse;
mod room;
mod runner;
pub(crate) mod running;
pub(crate) mod starter;
pub(crate) mod threads;
mod whole;
mod worker_attempts;

pub(crate) use runner::Runner;
pub use worker_attempts::{Attempts, Watch};
