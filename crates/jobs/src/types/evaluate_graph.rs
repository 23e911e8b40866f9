//! `evaluate_graph`: the older name of `implicit/evaluate`.

use super::implicit_evaluate::{PRODUCT, RESULTS, run};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, INPUTS, check_graph, memory_bytes, references};
use crate::job_type::JobEntry;
use fieldstone_shape::Visible;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "evaluate_graph",
    revision: 1,
    doc: "Evaluates a shape graph at its sample points: the older name of implicit/evaluate.",
    inputs: INPUTS,
    params: &[GRAPH],
    products: &[PRODUCT],
    refers: Some(references),
    check: check_graph,
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    memory_bytes: |values, inputs| memory_bytes(values, inputs, Visible::ALL),
    run,
};
