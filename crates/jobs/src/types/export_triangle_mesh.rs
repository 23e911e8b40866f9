//! `export_triangle_mesh`: the surface of a shape graph as a mesh.

use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, POINT_SOURCE, surface_job};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Work};
use crate::surface::{
    FEATURE_PRESERVING, FILE_TYPE, MESH, RESULTS, SIMPLIFIED_IN_PIECES, SIMPLIFY_TOLERANCE, export,
};
use crate::surface_pieces;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_triangle_mesh",
    revision: 7,
    doc: "Meshes the surface of a shape graph without keeping its samples: implicit/evaluate and mesh/from-volume in one. A last Threshold is passed over.",
    params: &[GRAPH, POINT_SOURCE, FILE_TYPE, FEATURE_PRESERVING, SIMPLIFY_TOLERANCE],
    products: &[MESH],
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| surface_job(values, limits, SIMPLIFIED_IN_PIECES, run)),
    ..JobEntry::DEFAULT
};

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_graph(job, cx, &monitor.part(0.0, 0.1))?;
    if surface_pieces::made(&field, cx, &monitor.part(0.1, 1.0))? {
        return Ok(());
    }
    export(&field, 0.0, job.values(), cx, &monitor.part(0.1, 1.0))
}
