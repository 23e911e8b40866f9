//! `SampleTriangleMeshBvh`: the signed distance to a mesh, with its hierarchy given.

use crate::mesh_sampler::{CW_WINDING, MESH_DATA, Ready, promise, stage};
use crate::operator::{Build, BuildError, OperatorEntry, Reach, Stage};
use crate::params::{Kind, Param, Values};
use crate::struts::required_asset;
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::bvh::{Bvh, BvhBytesError};
use std::sync::Arc;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleTriangleMeshBvh",
    doc: "Signed distance to a mesh whose hierarchy is an asset.",
    details: "Inside is where the generalised winding number is above one half (Jacobson et al. 2013): holes are closed smoothly, overlapping \
        parts count once. A mesh that is inside out as a whole is taken the other way round. The distance to the surface of that inside is exact (faces inside a closed mesh do not count); on an axis-aligned \
        grid all samples are found together, and only as far as what follows can see.",
    params: &[
        MESH_DATA,
        Param {
            name: "bvh_data",
            kind: Kind::Asset { file_type: None },
            default: None,
            doc: "its hierarchy, from mesh/compute-bvh; required",
        },
        CW_WINDING,
        XFORM_PARAM,
    ],
    example: r#"{"mesh_data": {"file_type": "MeshFile", "path": "ball.ply"}, "bvh_data": {"path": "ball.bvh"}}"#,
    promise,
    reach: Reach::Patch,
    check: |values, _| required_asset(values, "mesh_data").and(required_asset(values, "bvh_data")).map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let path = required_asset(values, "mesh_data")?;
    let asset = cx.assets.open(path)?;
    let ready = Ready::of(path, &asset, cx, |mesh| {
        let name = required_asset(values, "bvh_data")?;
        let file = cx.assets.open(name)?;
        let mut bytes = file.bytes.as_ref().as_ref();
        let refuse = |e: BvhBytesError| BuildError::param("bvh_data", format!("{name:?}: {e}"));
        Bvh::read(&mut bytes, mesh, &asset.checksum).map_err(refuse)
    })?;
    stage(Arc::new(ready), values, cx)
}
