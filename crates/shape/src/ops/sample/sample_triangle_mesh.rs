//! `SampleTriangleMesh`: the signed distance to a mesh.

use crate::mesh_sampler::{CW_WINDING, MESH_DATA, Ready, promise, stage};
use crate::operator::{Build, BuildError, OperatorEntry, Reach, Stage};
use crate::params::Values;
use crate::struts::required_asset;
use crate::xform::XFORM_PARAM;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleTriangleMesh",
    doc: "Signed distance to a mesh.",
    details: "Inside is where the generalised winding number is above one half (Jacobson et al. 2013): holes are closed smoothly, overlapping \
        parts count once. A mesh that is inside out as a whole is taken the other way round. The distance to the surface of that inside is exact (faces inside a closed mesh do not count); on an axis-aligned \
        grid all samples are found together, and only as far as what follows can see.",
    params: &[MESH_DATA, CW_WINDING, XFORM_PARAM],
    example: r#"{"mesh_data": {"file_type": "MeshFile", "path": "ball.ply"}}"#,
    promise,
    reach: Reach::Patch,
    check: |values, _| required_asset(values, "mesh_data").map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    stage(Ready::kept(values, cx)?, values, cx)
}
