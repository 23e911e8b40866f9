//! `export_slices`: a shape graph cut into layers, as pictures or contours.

use crate::bodies::{CAVITIES, COMPONENTS};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, POINT_SOURCE};
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::grid::upright_grid_of;
use crate::job_type::{JobEntry, Product, Work};
use crate::layers::{LAYER_HEIGHT, TOLERANCE, for_each_layer, layers_job, layers_of, layers_plan};
use fieldstone_kernel::Patch;
use fieldstone_kernel::format::stack::{Stack, png};
use fieldstone_kernel::format::svg;
use fieldstone_kernel::slice::{Raster, contours, coverage};
use fieldstone_shape::params::{Choices, Kind, Param, ParamError, Values};
use fieldstone_shape::{Graph, Plan, numbers_json};
use std::io::Write;
use std::sync::Arc;

/// Pixels of one layer at most.
const MAX_PIXELS: u64 = 1 << 28;

/// Of a layer.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    /// A picture.
    Png,
    /// Contours.
    Svg,
}

/// What the words of `format` mean.
const FORMATS: Choices<Format, 2> = Choices([("png", Format::Png), ("svg", Format::Svg)]);

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_slices",
    revision: 8,
    doc: "Cuts the shape of a graph into layers: a zip of anti-aliased PNG pictures (white inside, highest y first) or of SVG contours, 00000.png upwards from the lowest. Their lower left corner and the bottom of the first lie at patch_offset, mm; one every layer_height up to the top of the patch",
    params: &[
        GRAPH,
        POINT_SOURCE,
        LAYER_HEIGHT,
        Param {
            name: "format",
            kind: Kind::Choice(&FORMATS.words()),
            default: Some("png"),
            doc: "of a layer",
        },
        Param {
            name: "pixel_size",
            kind: Kind::Numbers(2),
            default: Some("[0.05, 0.05]"),
            doc: "mm of a PNG's pixel along x and y; at most 2^28 pixels a layer",
        },
        TOLERANCE,
    ],
    products: &[Product { name: "slices", extension: "zip", doc: "one file per layer" }],
    results: &["layer_count", "layer_height", "patch_size", "patch_offset", COMPONENTS, CAVITIES],
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| layers_job(values, limits, 16 * MAX_PIXELS / 4, plan, run)),
    ..JobEntry::DEFAULT
};

/// Layers that fit the grid, in pictures that are not too large.
fn plan(graph: &Arc<Graph>, values: &Values) -> Result<Plan, ParamError> {
    let plan = layers_plan(graph, values)?;
    if FORMATS.read(values, "format") == Format::Png {
        raster(&upright_grid_of(&plan)?, values)?;
    }
    Ok(plan)
}

fn raster(patch: &Patch, values: &Values) -> Result<Raster, ParamError> {
    let raster = Raster::new(patch, values.vector("pixel_size"), MAX_PIXELS);
    raster.map_err(|e| ParamError { name: "pixel_size".into(), what: e.to_string() })
}

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let field = Field::of_graph(job, cx, &monitor.part(0.0, 0.1))?;
    let patch = field.upright_patch()?;
    let layers = layers_of(&patch, job.values().float(LAYER_HEIGHT.name))?;
    let raster = match FORMATS.read(job.values(), "format") {
        Format::Png => Some(raster(&patch, job.values())?),
        Format::Svg => None,
    };
    let mut picture = vec![0; raster.as_ref().map_or(0, Raster::pixels)];
    let mut stack = Stack::new(cx.output("slices", "zip")?);
    let tolerance = job.values().float(TOLERANCE.name);
    let bodies =
        for_each_layer(&field, &patch, &layers, cx, &monitor.part(0.1, 0.95), |k, plane, monitor| {
            match &raster {
                Some(raster) => {
                    coverage(plane, 0.0, raster, &mut picture, monitor)?;
                    stack.add(&format!("{k:05}.png"), &png(raster, &picture)?)?;
                }
                None => {
                    let polygons = contours(plane, 0.0, tolerance, monitor)?;
                    let ([x, y, _], [w, h, _]) = (patch.offset(), patch.size());
                    stack.add(&format!("{k:05}.svg"), &svg::layer(&polygons, [x, y], [w, h]))?;
                }
            }
            Ok(())
        })?;
    stack.finish()?.flush()?;
    cx.set_param("layer_count", layers.count());
    cx.set_param("layer_height", layers.height());
    cx.set_param("patch_size", numbers_json(&patch.size()));
    cx.set_param("patch_offset", numbers_json(&patch.offset()));
    bodies.tell(cx, &monitor.part(0.95, 1.0))
}
