//! `evaluate_metrics`: what the shape of a graph measures.

use super::implicit_metrics::{RESULTS, measure};
use crate::context::JobContext;
use crate::field::{Field, POINT_SOURCE, check_surface, graph_memory};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, INPUTS, references};
use crate::job_type::{JobEntry, JobError};
use fieldstone_shape::params::Values;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "evaluate_metrics",
    revision: 1,
    doc: "Measures the shape of a graph without keeping its samples: implicit/evaluate and implicit/metrics in one. A last Threshold is passed over.",
    inputs: INPUTS,
    params: &[GRAPH, POINT_SOURCE],
    products: &[],
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
    measure(&field, cx, &monitor.part(0.1, 1.0))
}
