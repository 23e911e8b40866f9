//! `export_vti`: a shape graph's samples for ParaView.

use super::implicit_evaluate::{PATCH_RESULTS, describe_patch, watch};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::upright;
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Product, Work};
use fieldstone_kernel::format::vti::{Component, VtiWriter};
use fieldstone_shape::Domain;
use fieldstone_shape::operator::Type;
use std::io::Write;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "export_vti",
    revision: 3,
    doc: "Writes the values of a shape graph as VTK image data (.vti), as ParaView opens it: float32, or int8 after Threshold. In place of export_openvdb: no maintained library writes .vdb files from Rust",
    params: &[GRAPH],
    products: &[Product { name: "volume", extension: "vti", doc: "one array of point data called distance" }],
    results: PATCH_RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| GraphJob::of_values(values, limits, run)),
    ..JobEntry::DEFAULT
};

fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let program = job.program(cx, &monitor.part(0.0, 0.1))?;
    if program.channels() != 1 {
        let what = format!("the graph gives {} values per sample, expected one", program.channels());
        return Err(JobError::Invalid(what));
    }
    let domain = program.plan().target_domain().map_err(|e| JobError::Invalid(e.to_string()))?;
    let Domain::Grid { patch, affine } = domain else {
        return Err(JobError::Invalid("the graph's samples are a list of points, expected a grid".into()));
    };
    let patch = upright(patch, affine)?;
    let byte = program.plan().result_type() == Type::Byte;
    let component = if byte { Component::Int8 } else { Component::Float32 };
    let mut writer = VtiWriter::new(cx.output("volume", "vti")?, &patch, component, "distance")?;
    let mut watch = watch(&program);
    let slabs: Vec<_> = program.plan().slabs().collect();
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: usize| 0.1 + 0.9 * k as f32 / slabs.len() as f32;
        let samples = program.evaluate(z.clone(), &monitor.part(share(i), share(i + 1)))?.swap_remove(0);
        if let Some(watch) = &mut watch {
            watch.planes(&samples, &monitor)?;
        }
        match byte {
            true => writer.bytes(&samples.iter().map(|v| *v as i8).collect::<Vec<_>>())?,
            false => writer.floats(&samples)?,
        }
    }
    writer.finish()?.flush()?;
    if let Some(watch) = watch {
        watch.tell(Some(&program), cx);
    }
    describe_patch(&program, cx)
}
