//! Triangle meshes: an indexed soup, its repair and its report.

mod first_equal;
mod holes;
mod manifold;
pub mod mean_value;
mod nesting;
mod orient;
mod repair;
mod report;
mod simplify;
mod topology;
mod tri_mesh;
mod weld;

pub use holes::HoleLimits;
pub use mean_value::{MeanValue, MeanValueError};
pub(crate) use orient::mended;
pub use repair::{Center, Preprocess, RELATIVE_WELD_TOLERANCE, preprocess};
pub use report::Report;
pub use simplify::simplify;
pub use tri_mesh::TriMesh;
pub(crate) use weld::equal_positions;
