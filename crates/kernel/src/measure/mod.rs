//! Measures of triangle meshes: volume, area, moments, parts, and whether they are closed.

mod moments;
mod parts;
mod topology;

pub use moments::{Moments, moments};
pub use parts::{Parts, parts};
pub use topology::{Topology, topology};
