//! `implicit/evaluate`: the values of a shape graph.

use crate::context::JobContext;
use crate::error::JobError;
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Product, Work};
use crate::watch::Watch;
use anyhow::Context;
use fieldstone_shape::operator::Type;
use fieldstone_shape::{Domain, Program, integers_json, numbers_json, patch_json};
use std::io::Write;
use std::ops::Range;

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "implicit/evaluate",
    revision: 6,
    doc: "Evaluates a shape graph at its sample points: the raw values of its last operator, x fastest.",
    params: &[GRAPH],
    products: &[PRODUCT],
    results: RESULTS,
    example: GRAPH_EXAMPLE,
    work: Work::Document(|values, limits| GraphJob::of_values(values, limits, run)),
    ..JobEntry::DEFAULT
};

/// The volume, shared with the older job type.
pub(super) const PRODUCT: Product = Product {
    name: "volume",
    extension: "bin",
    doc: "values, little-endian, without a header: int8 after Threshold, float32 for numbers, three float32 for points",
};

/// Parameters out, shared with the older job type. Those of the patch are there when the samples are a grid's.
pub(super) const RESULTS: &[&str] =
    &["component_type", "patch", "patch_size", "patch_offset", "patch_resolution"];

/// Samples turned into bytes before they are handed on.
const BATCH: usize = 1 << 18;

pub(super) fn run(job: &GraphJob, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let program = job.program(cx, &monitor.part(0.0, 0.1))?;
    let component = component_type(&program)?;
    let mut out = cx.output("volume", "bin")?;
    let mut watch = watch(&program);
    let slabs: Vec<_> = program.plan().slabs().collect();
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: usize| 0.1 + 0.9 * k as f32 / slabs.len() as f32;
        let channels = program.evaluate(z.clone(), &monitor.part(share(i), share(i + 1)))?;
        if let Some(watch) = &mut watch {
            watch.planes(&channels[0], &monitor)?;
        }
        let count = channels[0].len();
        for from in (0..count).step_by(BATCH) {
            monitor.check()?;
            write(&channels, from..(from + BATCH).min(count), component, &mut out)?;
        }
    }
    out.flush()?;
    if let Some(watch) = watch {
        watch.tell(Some(&program), cx);
    }
    cx.set_param("component_type", component);
    describe_patch(&program, cx)
}

/// Looks over samples that are a field on a grid.
pub(super) fn watch(program: &Program) -> Option<Watch> {
    match program.plan().target_domain() {
        Ok(Domain::Grid { patch, affine }) if program.channels() == 1 => Some(Watch::new(patch, affine, 0.0)),
        _ => None,
    }
}

fn component_type(program: &Program) -> Result<&'static str, JobError> {
    let byte = program.plan().result_type() == Type::Byte;
    match program.channels() {
        1 if byte => Ok("Byte"),
        1 => Ok("Float"),
        2 => Ok("Vec2f"),
        3 => Ok("Vec3f"),
        4 => Ok("Vec4f"),
        n => Err(JobError::Internal(anyhow::anyhow!("{n} values per sample"))),
    }
}

/// Writes these samples, the values of one next to each other.
fn write(
    channels: &[Vec<f32>],
    range: Range<usize>,
    component: &str,
    out: &mut impl Write,
) -> std::io::Result<()> {
    match (channels, component) {
        ([values], "Byte") => {
            let bytes: Vec<u8> = values[range].iter().map(|v| *v as i8 as u8).collect();
            out.write_all(&bytes)
        }
        ([values], _) => out.write_all(bytemuck::cast_slice(&values[range])),
        _ => {
            let together: Vec<f32> = range.flat_map(|i| channels.iter().map(move |c| c[i])).collect();
            out.write_all(bytemuck::cast_slice(&together))
        }
    }
}

/// Sets the parameters of the patch, if the samples are a grid's whose axes are those of the world.
pub(super) fn describe_patch(program: &Program, cx: &mut JobContext) -> Result<(), JobError> {
    let domain = program.plan().target_domain().context("a program has a domain")?;
    let Domain::Grid { .. } = domain else { return Ok(()) };
    match domain.upright_patch() {
        None => cx.warn("the sample points are turned or mirrored by their xform: the outputs name no patch"),
        Some(patch) => {
            let patch = &patch;
            cx.set_param("patch", patch_json(patch));
            cx.set_param("patch_size", numbers_json(&patch.size()));
            cx.set_param("patch_offset", numbers_json(&patch.offset()));
            cx.set_param("patch_resolution", integers_json(&patch.resolution()));
        }
    }
    Ok(())
}
