//! Triangle meshes: an indexed soup, its repair and its report.

mod tri_mesh;

pub use tri_mesh::TriMesh;
