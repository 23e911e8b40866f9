//! From a mesh to a signed distance field.

mod boundary;
pub mod from_mesh;
mod packet;
mod sign;
pub(crate) mod triangle;

pub use from_mesh::{FAR_TOLERANCE_CELLS, FromMesh, NARROW_BAND_CELLS, Reach};
