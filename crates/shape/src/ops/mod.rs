//! The one list of operators, and the laws that hold for all of them.

pub mod filter;
pub mod sample;
pub mod source;
pub mod transform;

use crate::affine::Affine;
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
    &transform::grade_cell_size::ENTRY,
    &transform::interpolate_boundary_coords::ENTRY,
    &transform::map_texture_primitive::ENTRY,
    &transform::transform_cylindrical_coords::ENTRY,
    &transform::transform_mirror_coords::ENTRY,
    &transform::transform_spherical_coords::ENTRY,
    &transform::transform_twist_coords::ENTRY,
    &sample::sample_beam::ENTRY,
    &sample::sample_box::ENTRY,
    &sample::sample_lattice::ENTRY,
    &sample::sample_spinodoid::ENTRY,
    &sample::sample_surface_lattice::ENTRY,
    &sample::sample_triangle_mesh::ENTRY,
    &sample::sample_triangle_mesh_bvh::ENTRY,
    &sample::sample_volume::ENTRY,
    &filter::csg::ENTRY,
    &filter::linear_filter::ENTRY,
    &filter::redistance::ENTRY,
    &filter::shell::ENTRY,
    &filter::threshold::ENTRY,
];

/// Other forms of operators, as older clients connect them: the same type name, other inputs.
pub static OLDER: &[&OperatorEntry] = &[&transform::compute_normals::OLDER];

/// Operators of the platform that are refused, and why.
pub static NOT_OFFERED: &[(&str, &str)] =
    &[("SampleCustomShape", "it runs a shader that comes with the graph (SPIR-V)")];

/// The older form of the operator called `type_name`, if it has one.
pub fn older(type_name: &str) -> Option<&'static OperatorEntry> {
    OLDER.iter().copied().find(|e| e.type_name == type_name)
}

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

/// Reads `xform` of an operator that moves points within the world: it works in its own frame, and its points go back to the world.
fn conjugate(values: &Values, cx: &mut Build<'_>) -> Result<(), BuildError> {
    cx.place(values)?;
    let affine = Affine::placement(values, "xform")?;
    cx.after = Some(affine).filter(|a| *a != Affine::IDENTITY);
    Ok(())
}

/// Sources of points are domains, not stages.
fn never_built(_: &Values, _: &mut Build<'_>) -> Result<Stage, BuildError> {
    Err(BuildError::Input("makes points, which are not built".into()))
}

#[cfg(test)]
mod laws;
