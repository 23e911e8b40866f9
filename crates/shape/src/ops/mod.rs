//! The one list of operators, and the laws that hold for all of them.

pub mod filter;
pub mod sample;
pub mod source;
pub mod transform;

use crate::maker::Adopt;
use crate::operator::OperatorEntry;

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
    &sample::sample_text::ENTRY,
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

/// What others call operators, or what one looks for under its own name, and the operator that does it: (theirs, ours).
pub static SYNONYMS: &[(&str, &str)] = &[
    ("Boolean", "CSG"),
    ("Union", "CSG"),
    ("Intersect", "CSG"),
    ("Intersection", "CSG"),
    ("Subtract", "CSG"),
    ("Difference", "CSG"),
    ("Sphere", "SampleBox"),
    ("SampleSphere", "SampleBox"),
    ("SampleEllipsoid", "SampleBox"),
    ("SampleCylinder", "SampleBox"),
    ("SamplePrimitive", "SampleBox"),
    ("Primitive", "SampleBox"),
    ("Gyroid", "SampleSurfaceLattice"),
    ("SampleGyroid", "SampleSurfaceLattice"),
    ("SampleTPMS", "SampleSurfaceLattice"),
    ("TPMS", "SampleSurfaceLattice"),
    ("SampleMesh", "SampleTriangleMesh"),
    ("SampleBeamLattice", "SampleLattice"),
    ("BeamLattice", "SampleLattice"),
    ("UnitCell", "SampleLattice"),
    ("Text", "SampleText"),
    ("Label", "SampleText"),
    ("Font", "SampleText"),
    ("Engrave", "SampleText"),
    ("Blend", "LinearFilter"),
    ("Add", "LinearFilter"),
    ("Thicken", "Shell"),
    ("Offset", "Redistance"),
    ("Twist", "TransformTwistCoords"),
    ("Mirror", "TransformMirrorCoords"),
    ("Grid", "GenerateSamplePoints"),
    ("Points", "GenerateSamplePoints"),
    ("PointSource", "GenerateSamplePoints"),
];

/// The older form of the operator called `type_name`, if it has one.
pub fn older(type_name: &str) -> Option<&'static OperatorEntry> {
    OLDER.iter().copied().find(|e| e.type_name == type_name)
}

/// The operator called `type_name`, if there is one.
pub fn find(type_name: &str) -> Option<&'static OperatorEntry> {
    OPERATORS.iter().copied().find(|e| e.type_name == type_name)
}

/// How the operator uses what the maker of its file said, if it does.
pub fn adopts(entry: &OperatorEntry) -> Option<Adopt> {
    (entry.type_name == source::load_volume::ENTRY.type_name).then_some(source::load_volume::ADOPT)
}

#[cfg(test)]
mod laws;
