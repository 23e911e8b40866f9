//! Measures of triangle meshes: volume, area, moments, parts, and whether they are closed; and of sampled fields: where they are thin.

mod moments;
mod parts;
mod thin;
mod topology;

pub use moments::{Moments, moments};
pub use parts::{Parts, parts};
pub use thin::{Confirm, ThinFinder, ThinKind, ThinPlace};
pub use topology::{Topology, topology};
