//! `evaluate_graph`: the older name of `implicit/evaluate`.

use super::implicit_evaluate::{PRODUCT, RESULTS, run};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Work};

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "evaluate_graph",
    revision: 6,
    doc: "Evaluates a shape graph at its sample points: the older name of implicit/evaluate.",
    params: &[GRAPH],
    products: &[PRODUCT],
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| GraphJob::of_values(values, limits, run)),
    ..JobEntry::DEFAULT
};
