//! Points to points.

pub mod compute_curvatures;
pub mod compute_normals;
pub mod grade_cell_size;
pub mod interpolate_boundary_coords;
pub mod map_texture_primitive;
pub mod transform_cylindrical_coords;
pub mod transform_mirror_coords;
pub mod transform_spherical_coords;
pub mod transform_twist_coords;
