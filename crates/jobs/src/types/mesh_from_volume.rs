//! `mesh/from-volume`: the surface of a sampled field as a mesh.

use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, VOLUME, VOLUME_OFFSET, VOLUME_RESOLUTION, VOLUME_SIZE, volume_work};
use crate::job_type::JobEntry;
use crate::surface::{FEATURE_PRESERVING, FILE_TYPE, ISOVALUE, MESH, RESULTS, SIMPLIFY_TOLERANCE, export};
use fieldstone_shape::params::Values;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "mesh/from-volume",
    revision: 5,
    doc: "Meshes the surface of a sampled field; where the shape leaves the volume, the volume's faces close it.",
    inputs: &[VOLUME],
    params: &[
        VOLUME_SIZE,
        VOLUME_OFFSET,
        VOLUME_RESOLUTION,
        ISOVALUE,
        FILE_TYPE,
        FEATURE_PRESERVING,
        SIMPLIFY_TOLERANCE,
    ],
    products: &[MESH],
    results: RESULTS,
    example: r#"{"volume_size": [2, 2, 2], "volume_resolution": [16, 16, 16]}"#,
    work: volume_work(run),
};

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_volume(values, cx)?;
    export(&field, values.float(ISOVALUE.name), values, cx, &monitor)
}
