//! A bounding volume hierarchy over triangles, and what it is asked: the closest point, the winding number.

mod build;
mod bytes;
mod closest;
mod pairs;
pub mod winding;

pub use build::Bvh;
pub(crate) use build::{MAX_DEPTH as MAX_STACK, Node, over_boxes};
pub use bytes::{BvhBytesError, MeshChecksum};
pub(crate) use bytes::{check_order, hex, outline_fault};
pub(crate) use pairs::PairTest;
