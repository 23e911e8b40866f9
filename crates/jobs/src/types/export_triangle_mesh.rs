//! `export_triangle_mesh`: the surface of a shape graph as a mesh.

use crate::context::JobContext;
use crate::field::{Field, POINT_SOURCE, check_surface, graph_memory};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, INPUTS, references};
use crate::job_type::{JobEntry, JobError};
use crate::surface::{FEATURE_PRESERVING, FILE_TYPE, MESH, RESULTS, SIMPLIFY_TOLERANCE, export};
use fieldstone_shape::params::Values;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_triangle_mesh",
    revision: 1,
    doc: "Meshes the surface of a shape graph without keeping its samples: implicit/evaluate and mesh/from-volume in one. A last Threshold is passed over.",
    inputs: INPUTS,
    params: &[GRAPH, POINT_SOURCE, FILE_TYPE, FEATURE_PRESERVING, SIMPLIFY_TOLERANCE],
    products: &[MESH],
    refers: Some(references),
    check: check_surface,
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    memory_bytes: graph_memory,
    run,
};

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_graph(values, cx, &monitor.part(0.0, 0.1))?;
    export(&field, 0.0, values, cx, &monitor.part(0.1, 1.0))
}
