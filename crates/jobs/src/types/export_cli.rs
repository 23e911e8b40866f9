//! `export_cli`: a shape graph as contours in the Common Layer Interface.

use crate::bodies::{CAVITIES, COMPONENTS};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, POINT_SOURCE};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Product, Work};
use crate::layers::{LAYER_HEIGHT, TOLERANCE, for_each_layer, layers_job, layers_of, layers_plan};
use fieldstone_kernel::format::cli::{CliWriter, Encoding, Header};
use fieldstone_kernel::slice::contours;
use fieldstone_shape::params::{Choices, Kind, Param};
use std::io::Write;

/// What the words of `encoding` mean.
const ENCODINGS: Choices<Encoding, 2> = Choices([("binary", Encoding::Binary), ("ascii", Encoding::Ascii)]);

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_cli",
    revision: 7,
    doc: "Cuts the shape of a graph into layers and writes their contours as a Common Layer Interface 2.0 file, in mm",
    params: &[
        GRAPH,
        POINT_SOURCE,
        LAYER_HEIGHT,
        Param {
            name: "encoding",
            kind: Kind::Choice(&ENCODINGS.words()),
            default: Some("binary"),
            doc: "how the geometry is written",
        },
        TOLERANCE,
    ],
    products: &[Product {
        name: "layers",
        extension: "cli",
        doc: "outer contours counter-clockwise, holes clockwise",
    }],
    results: &["layer_count", COMPONENTS, CAVITIES],
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| layers_job(values, limits, 0, layers_plan, run)),
    ..JobEntry::DEFAULT
};

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_graph(job, cx, &monitor.part(0.0, 0.1))?;
    let patch = field.upright_patch()?;
    let layers = layers_of(&patch, job.values().float(LAYER_HEIGHT.name))?;
    let encoding = ENCODINGS.read(job.values(), "encoding");
    let (min, size) = (patch.offset(), patch.size());
    let max = std::array::from_fn(|a| min[a] + size[a]);
    let mut writer =
        CliWriter::new(cx.output("layers", "cli")?, encoding, &Header { min, max, layers: layers.count() })?;
    let tolerance = job.values().float(TOLERANCE.name);
    let bodies =
        for_each_layer(&field, &patch, &layers, cx, &monitor.part(0.1, 0.95), |k, plane, monitor| {
            writer.layer(layers.top(k), &contours(plane, 0.0, tolerance, monitor)?)?;
            Ok(())
        })?;
    writer.finish()?.flush()?;
    cx.set_param("layer_count", layers.count());
    bodies.tell(cx, &monitor.part(0.95, 1.0))
}
