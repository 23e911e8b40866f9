//! `export_vti`: a shape graph's samples for ParaView.

use super::implicit_evaluate::{describe_patch, watch};
use crate::bodies::{Bodies, CAVITIES, COMPONENTS};
use crate::context::{JobContext, JobLimits};
use crate::error::JobError;
use crate::field::surface_bytes;
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob, Planner, refused};
use crate::grid::upright_grid_of;
use crate::job_type::{JobEntry, Prepared, Product, Work};
use fieldstone_kernel::format::vti::{Component, VtiWriter};
use fieldstone_shape::affine::Affine;
use fieldstone_shape::operator::Type;
use fieldstone_shape::{Graph, ParamError, Plan, Values, Visible};
use std::io::Write;
use std::sync::Arc;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_vti",
    revision: 7,
    doc: "Writes the values of a shape graph as VTK image data (.vti), as ParaView opens it: float32, or int8 after Threshold. In place of export_openvdb: no maintained library writes .vdb files from Rust",
    params: &[GRAPH],
    products: &[Product { name: "volume", extension: "vti", doc: "one array of point data called distance" }],
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(prepare),
    ..JobEntry::DEFAULT
};

/// Parameters out: those of the patch, and what is in it.
const RESULTS: &[&str] = &["patch", "patch_size", "patch_offset", "patch_resolution", COMPONENTS, CAVITIES];

fn prepare(values: Values, limits: &JobLimits) -> Result<Box<dyn Prepared>, ParamError> {
    let plan = |graph: &Arc<Graph>, _: &Values| {
        let plan = Plan::of_result(graph, Visible::ALL).map_err(refused)?;
        upright_grid_of(&plan)?;
        Ok(plan)
    };
    let (channels, writes_samples, pieces) = (Some(1), true, None);
    let planner = Planner { plan, of_plan: surface_bytes, beside: 0, channels, writes_samples, pieces };
    Ok(Box::new(GraphJob::new(values, limits, planner, run)?))
}

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let program = job.program(cx, &monitor.part(0.0, 0.1))?;
    let patch = upright_grid_of(program.plan())?;
    let byte = program.plan().result_type() == Type::Byte;
    let component = if byte { Component::Int8 } else { Component::Float32 };
    let mut writer = VtiWriter::new(cx.output("volume", "vti")?, &patch, component, "distance")?;
    let mut watch = watch(&program);
    let mut bodies = Bodies::new(&patch, &Affine::IDENTITY, cx);
    let slabs: Vec<_> = program.plan().slabs().collect();
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: usize| 0.1 + 0.85 * k as f32 / slabs.len() as f32;
        let samples = program.evaluate(z.clone(), &monitor.part(share(i), share(i + 1)))?.swap_remove(0);
        if let Some(watch) = &mut watch {
            watch.planes(&samples, &monitor)?;
        }
        bodies.planes(&samples, &monitor.part(0.0, 0.0))?;
        match byte {
            true => writer.bytes(&samples.iter().map(|v| *v as i8).collect::<Vec<_>>())?,
            false => writer.floats(&samples)?,
        }
    }
    writer.finish()?.flush()?;
    if let Some(watch) = watch {
        watch.tell(Some(&program), cx);
    }
    describe_patch(&program, cx)?;
    bodies.tell(cx, &monitor.part(0.95, 1.0))
}
