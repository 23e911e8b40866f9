//! Points to values.

pub mod sample_beam;
pub mod sample_box;
pub mod sample_lattice;
pub mod sample_spinodoid;
pub mod sample_surface_lattice;
pub mod sample_text;
pub mod sample_triangle_mesh;
pub mod sample_triangle_mesh_bvh;
pub mod sample_volume;
