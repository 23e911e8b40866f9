//! From a mesh, or from any field, to a signed distance field.

pub mod at_points;
mod between;
mod boundary;
mod brick;
pub mod from_mesh;
mod packet;
pub mod redistance;
mod sign;
mod surface;
pub(crate) mod triangle;
mod unite;

pub use at_points::MeshDistance;
pub use from_mesh::{FAR_TOLERANCE_CELLS, FromMesh, NARROW_BAND_CELLS, Reach};
pub use redistance::{RedistanceError, redistance, redistance_planes};
pub use surface::FaceNote;
pub(crate) use unite::united;
