//! `InterpolateBoundaryCoords`: coordinates given at the vertices of a mesh, interpolated to the points within it.

use crate::mesh_sampler::{MESH_DATA, mesh_of};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::params::{Kind, Param, Values};
use crate::struts::{required_asset, tuples};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::Monitor;
use fieldstone_kernel::mesh::{MeanValue, MeanValueError};
use fieldstone_kernel::simd::Level;
use serde_json::Value;

/// Vertices at most.
const MOST_VERTICES: usize = 1 << 24;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "InterpolateBoundaryCoords",
    doc: "Maps the points inside a closed mesh to coordinates that are given at its vertices.",
    details: "`boundary_data` is JSON: {\"coordinates\": [[u, v, w], …]}, one for each vertex of `mesh_data` in the file's order (so not STL, \
        whose triangles share no vertices, unless all corners are listed). Between them by mean value coordinates (Ju, Schaefer, Warren 2005), \
        which reproduce linear maps; within `tolerance` of the surface by the nearest triangle. Time grows with points × \
        triangles, some ten nanoseconds each: a coarse mesh does as well. \
        The points given are coordinates, not places: `xform` is not undone, what follows counts in them.",
    params: &[
        Param {
            name: "boundary_data",
            kind: Kind::Asset { file_type: None },
            default: None,
            doc: "the coordinates; required",
        },
        MESH_DATA,
        Param {
            name: "tolerance",
            kind: Kind::Number { min: 0.0, max: 1e9 },
            default: Some("1e-4"),
            doc: "nearer to the surface the surface's coordinates count, mm",
        },
        XFORM_PARAM,
    ],
    example: r#"{"boundary_data": {"path": "uvw.json"}, "mesh_data": {"file_type": "MeshFile", "path": "ball.ply"}}"#,
    check: |values, _| {
        required_asset(values, "boundary_data").and(required_asset(values, "mesh_data")).map(drop)
    },
    build,
    ..OperatorEntry::TRANSFORM
};

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let mesh = mesh_of(values, cx)?;
    let name = required_asset(values, "boundary_data")?;
    let refuse = |what: String| BuildError::param("boundary_data", format!("{name:?}: {what}"));
    let asset = cx.assets.open(name)?;
    let document: Value = serde_json::from_slice(asset.bytes.as_ref().as_ref())
        .map_err(|e| refuse(format!("is not JSON: {e}")))?;
    let coordinates = tuples::<3>(&document, "coordinates", MOST_VERTICES).map_err(refuse)?;
    let map = MeanValue::new(&mesh, &coordinates, values.float("tolerance"), cx.monitor);
    let map = map.map_err(|e| match e {
        MeanValueError::Cancelled(c) => BuildError::Cancelled(c),
        refused => refuse(refused.to_string()),
    })?;
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(InterpolateBoundaryCoords(map))))
}

struct InterpolateBoundaryCoords(MeanValue);

impl Pointwise for InterpolateBoundaryCoords {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        // A block is small enough to go uncancelled.
        let done = self.0.sample(level, inputs[0].points(), out.points(), &Monitor::none());
        debug_assert!(done.is_ok(), "nobody cancels this");
    }
}
