//! `evaluate_metrics`: what the shape of a graph measures.

use super::implicit_metrics::{RESULTS, measure};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, POINT_SOURCE, surface_job};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Work};
use crate::surface::{FEATURE_PRESERVING, IN_PIECES, SWITCH};
use crate::surface_pieces;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "evaluate_metrics",
    revision: 7,
    doc: "Measures the shape of a graph without keeping its samples: implicit/evaluate and implicit/metrics in one. A last Threshold is passed over. The measures are those of the mesh that export_triangle_mesh makes of it",
    params: &[GRAPH, POINT_SOURCE, FEATURE_PRESERVING],
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| surface_job(values, limits, IN_PIECES, run)),
    ..JobEntry::DEFAULT
};

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_graph(job, cx, &monitor.part(0.0, 0.1))?;
    if surface_pieces::made(&field, cx, &monitor.part(0.1, 1.0))? {
        return Ok(());
    }
    let sharp = SWITCH.read(job.values(), FEATURE_PRESERVING.name);
    measure(&field, sharp, cx, &monitor.part(0.1, 1.0))
}
