//! Jobs in motion: claimed, run somewhere, their ends written down.

mod attempt;
mod attempts;
pub(crate) mod death;
mod estimate;
mod inputs;
pub(crate) mod lease_clock;
mod place;
mod process;
mod publish;
mod queue;
mod remote;
mod reuse;
mod room;
mod runner;
pub(crate) mod running;
pub(crate) mod spare;
pub(crate) mod threads;

pub use attempts::{Attempts, Watch};
pub(crate) use runner::Runner;
