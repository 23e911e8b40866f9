//! The one list of operators, and the laws that hold for all of them.

/// Where points and volumes come from.
pub mod source {
    pub mod generate_sample_points;
    pub mod load_sample_points;
    pub mod load_volume;
}
/// Points to points.
pub mod transform {
    pub mod compute_curvatures;
    pub mod compute_normals;
    pub mod interpolate_boundary_coords;
}
/// Points to values.
pub mod sample {
    pub mod sample_beam;
    pub mod sample_lattice;
    pub mod sample_triangle_mesh;
    pub mod sample_triangle_mesh_bvh;
    pub mod sample_volume;
}
/// Values to values.
pub mod filter {
    pub mod csg;
    pub mod linear_filter;
    pub mod redistance;
    pub mod shell;
    pub mod threshold;
}

use crate::operator::{Build, BuildError, OperatorEntry, Stage};
use crate::params::{Kind, Param, Values};

/// Every operator, in the order of the reference.
#[rustfmt::skip] // one a line, so that lists merge
pub static OPERATORS: &[&OperatorEntry] = &[
    &source::generate_sample_points::ENTRY,
    &source::load_sample_points::ENTRY,
    &source::load_volume::ENTRY,
    &transform::compute_normals::ENTRY,
    &transform::compute_curvatures::ENTRY,
    &transform::interpolate_boundary_coords::ENTRY,
    &sample::sample_beam::ENTRY,
    &sample::sample_lattice::ENTRY,
    &sample::sample_triangle_mesh::ENTRY,
    &sample::sample_triangle_mesh_bvh::ENTRY,
    &sample::sample_volume::ENTRY,
    &filter::csg::ENTRY,
    &filter::linear_filter::ENTRY,
    &filter::redistance::ENTRY,
    &filter::shell::ENTRY,
    &filter::threshold::ENTRY,
];

/// The operator called `type_name`, if there is one.
pub fn find(type_name: &str) -> Option<&'static OperatorEntry> {
    OPERATORS.iter().copied().find(|e| e.type_name == type_name)
}

/// The affine map that most operators have.
pub const XFORM_PARAM: Param = Param {
    name: "xform",
    kind: Kind::Numbers(16),
    default: Some("[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]"),
    doc: "object → world: 16 numbers, translation at 12..14",
};

/// Sources of points are domains, not stages.
fn never_built(_: &Values, _: &mut Build<'_>) -> Result<Stage, BuildError> {
    Err(BuildError::Input("makes points, which are not built".into()))
}

#[cfg(test)]
mod laws;
