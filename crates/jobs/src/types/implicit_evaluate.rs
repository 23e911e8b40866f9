//! `implicit/evaluate`: the values of a shape graph.

use crate::context::JobContext;
use crate::error::JobError;
use crate::graph_input::{GRAPH, GRAPH_EXAMPLE, GraphJob};
use crate::job_type::{JobEntry, Product, Work};
use crate::share::{PieceFile, Share};
use crate::watch::{PieceWatch, Watch};
use anyhow::Context;
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::affine::Affine;
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
    let monitor = monitor.part(0.1, 1.0);
    if let Share::Piece(piece) = cx.share().clone() {
        return make_piece(&program, &piece, cx, &monitor);
    }
    let component = component_type(&program)?;
    let mut out = cx.output("volume", "bin")?;
    let mut watch = watch(&program);
    match cx.share() {
        Share::Join { .. } => join(&cx.pieces()?, watch.as_mut(), &program, &mut out, &monitor)?,
        _ => {
            for (i, z) in program.plan().slabs().enumerate() {
                let share = |k: usize| k as f32 / program.plan().slabs().count() as f32;
                let channels = program.evaluate(z, &monitor.part(share(i), share(i + 1)))?;
                if let Some(watch) = &mut watch {
                    watch.planes(&channels[0], &monitor)?;
                }
                let all = 0..channels[0].len();
                write_all(&channels, all, component, &mut out, &monitor)?;
            }
        }
    }
    out.flush()?;
    if let Some(watch) = watch {
        watch.tell(Some(&program), cx);
    }
    cx.set_param("component_type", component);
    describe_patch(&program, cx)
}

/// Writes the values of planes `piece`, and what was found on the way.
fn make_piece(
    program: &Program,
    piece: &Range<u32>,
    cx: &mut JobContext,
    monitor: &Monitor,
) -> Result<(), JobError> {
    let component = component_type(program)?;
    let mut out = cx.piece_file()?;
    let slabs = program.plan().slabs_around(piece);
    let first = slabs.first().map_or(0, |z| z.start);
    let mut watch = watched_grid(program).map(|(p, a)| PieceWatch::new(p, a, 0.0, piece, first));
    for (i, z) in slabs.iter().enumerate() {
        let share = |k: usize| k as f32 / slabs.len() as f32;
        let channels = program.evaluate(z.clone(), &monitor.part(share(i), share(i + 1)))?;
        if let Some(watch) = &mut watch {
            watch.planes(z, &channels[0], monitor)?;
        }
        let plane = channels[0].len() / z.len().max(1);
        let sample = |k: u32| (k.clamp(z.start, z.end) - z.start) as usize * plane;
        write_all(&channels, sample(piece.start)..sample(piece.end), component, &mut out, monitor)?;
    }
    let numbers = watch.map_or_else(Vec::new, |watch| watch.into_numbers(Some(program)));
    Ok(out.finish(&numbers)?)
}

/// Writes the pieces one after the other.
fn join(
    pieces: &[PieceFile],
    mut watch: Option<&mut Watch>,
    program: &Program,
    out: &mut impl Write,
    monitor: &Monitor,
) -> Result<(), JobError> {
    for (i, piece) in pieces.iter().enumerate() {
        for bytes in piece.body().chunks(4 * BATCH) {
            monitor.check()?;
            out.write_all(bytes)?;
        }
        if let Some(watch) = &mut watch {
            watch.join(&piece.numbers(), Some(program))?;
        }
        monitor.progress((i + 1) as f32 / pieces.len() as f32);
    }
    Ok(())
}

/// Looks over samples that are a field on a grid.
pub(super) fn watch(program: &Program) -> Option<Watch> {
    watched_grid(program).map(|(patch, affine)| Watch::new(patch, affine, 0.0))
}

/// The grid of samples that are a field on one.
fn watched_grid(program: &Program) -> Option<(&Patch, &Affine)> {
    match program.plan().target_domain() {
        Ok(Domain::Grid { patch, affine }) if program.channels() == 1 => Some((patch, affine)),
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

/// Writes these samples, some at a time.
fn write_all(
    channels: &[Vec<f32>],
    range: Range<usize>,
    component: &str,
    out: &mut impl Write,
    monitor: &Monitor,
) -> Result<(), JobError> {
    for from in range.clone().step_by(BATCH) {
        monitor.check()?;
        write(channels, from..(from + BATCH).min(range.end), component, out)?;
    }
    Ok(())
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
