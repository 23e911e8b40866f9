//! Measures of triangle meshes: volume, area, moments, parts, and whether they are closed; and of sampled fields: where they are thin or cut off.

mod border;
mod moments;
mod parts;
mod shells;
mod thin;
mod topology;

pub use border::{Border, Cut};
pub use moments::{Moments, moments};
pub use parts::{Parts, parts};
pub use shells::{Shell, lost_shells, shells};
pub use thin::{Confirm, ThinFinder, ThinKind, ThinPlace};
pub use topology::{Topology, topology};
