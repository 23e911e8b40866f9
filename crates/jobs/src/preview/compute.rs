//! One preview: the graph on a coarse grid, as a narrow band of bytes or as a plane of floats.

use super::kept::Files;
use super::talk::{Header, Request, Section};
use crate::context::JobLimits;
use crate::error::JobError;
use crate::graph_input::{warnings_of, watching};
use crate::grid::{grid_of, upright_grid_of};
use crate::warning::Warning;
use crate::watch::Watch;
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::operator::{Promise, Type};
use fieldstone_shape::{Graph, Plan, Program, Visible};
use serde_json::Value;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Cells on both sides of the surface that the bytes of a volume resolve: what a picture's rays need to find it.
const BAND_CELLS: f64 = 4.0;
/// Bytes that may come of a byte of a file.
const BYTES_PER_FILE_BYTE: u64 = 32;

/// Why there is no preview.
pub(super) enum Refused {
    /// It would take so many bytes.
    TooLarge(u64),
    /// As a job would be refused.
    Job(JobError),
}

impl<E: Into<JobError>> From<E> for Refused {
    fn from(e: E) -> Refused {
        Refused::Job(e.into())
    }
}

/// The files that a graph names, each once; an error says what is wrong with the graph.
pub fn files_of(graph: &Value, limits: &JobLimits) -> Result<Vec<String>, String> {
    let graph = Graph::parse(graph, limits.graph).map_err(|e| e.to_string())?;
    let mut paths: Vec<String> = Vec::new();
    for (_, _, path) in graph.assets() {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    Ok(paths)
}

/// Computes it, if it takes no more memory than that.
pub(super) fn preview(
    request: &Request,
    files: &Files<'_>,
    memory_bytes: u64,
    monitor: &Monitor,
) -> Result<(Header, Vec<u8>), Refused> {
    let began = Instant::now();
    let graph = Graph::parse(&request.graph, files.limits.graph).map_err(invalid)?;
    let made = |i: usize, param: &str| Some(&files.named.get(graph.nodes()[i].values.asset(param)?)?.made);
    let graph = graph.adopt(made).and_then(|graph| graph.resampled(request.resolution)).map_err(invalid)?;
    let graph = Arc::new(graph);
    let plan = plan(&graph, request)?;
    let patch = upright_grid_of(&plan)?;
    let needs = plan.memory_bytes().saturating_add(plan.sample_count()).saturating_add(of_files(request));
    let is_watched = request.watch && request.section.is_none();
    let needs = if is_watched { needs.saturating_add(watching(&plan)) } else { needs };
    if needs > memory_bytes {
        return Err(Refused::TooLarge(needs));
    }
    let read = began.elapsed();
    let program = Program::build(plan, files, monitor)?;
    let program = if is_watched { program.watched() } else { program };
    if program.channels() != 1 {
        let what = format!("gives {} values per sample, a preview shows one", program.channels());
        return Err(invalid(graph.error_at(program.plan().target(), what)).into());
    }
    let loaded = began.elapsed();
    let (mut header, bytes) = match request.section {
        None => volume(&program, &patch, is_watched, monitor)?,
        Some(section) => plane(&program, &patch, section, monitor)?,
    };
    let notes = std::mem::take(&mut *files.notes.lock().unwrap_or_else(PoisonError::into_inner));
    header.warnings.splice(0..0, of_graph(program.plan(), notes));
    let computed = began.elapsed();
    header.milliseconds = [read, loaded - read, computed - loaded].map(|time| time.as_secs_f64() * 1e3);
    Ok((header, bytes))
}

/// What a job would warn of before it computes anything.
fn of_graph(plan: &Plan, notes: Vec<String>) -> Vec<Value> {
    let note = |text: String| Warning::new("note", text);
    let of_graph = plan.graph().warnings().iter().cloned().map(note);
    let all = of_graph.chain(warnings_of(plan)).chain(notes.into_iter().map(note));
    all.map(Warning::into_json).collect()
}

fn invalid(e: fieldstone_shape::GraphError) -> JobError {
    JobError::Invalid(e.to_string())
}

fn of_files(request: &Request) -> u64 {
    request
        .files
        .values()
        .map(|file| file.bytes.saturating_mul(BYTES_PER_FILE_BYTE))
        .fold(0, u64::saturating_add)
}

/// A plan for what is wanted, seen as far as it is shown.
fn plan(graph: &Arc<Graph>, request: &Request) -> Result<Plan, JobError> {
    let nodes = graph.nodes();
    let mut target = match request.node {
        None => graph.sink(),
        Some(node) if node < nodes.len() => node,
        Some(node) => {
            return Err(JobError::Invalid(format!(
                "node: {node} is no operator, expected 0 to {}",
                nodes.len() - 1
            )));
        }
    };
    // Bytes would only coarsen it.
    while let (Type::Byte, Some(Some(input))) = (nodes[target].entry.output, nodes[target].inputs.first()) {
        target = *input;
    }
    let visible = match request.section {
        Some(_) => Visible::ALL,
        None => {
            let grid = Plan::new(graph, target, Visible::SURFACE).map_err(invalid)?;
            let cell = longest(upright_grid_of(&grid)?.spacing());
            Visible { band: (BAND_CELLS * cell) as f32, cells: 1 }
        }
    };
    let plan = Plan::new(graph, target, visible).map_err(invalid)?;
    match plan.result_type() {
        Type::Float | Type::Any | Type::Volume => Ok(plan),
        other => {
            let what = format!("gives {other:?}, a preview shows one number per sample");
            Err(invalid(graph.error_at(target, what)))
        }
    }
}

fn longest(spacing: [f64; 3]) -> f64 {
    spacing.into_iter().fold(0.0, f64::max)
}

/// All samples, as bytes; if wanted, with what they do not hold.
fn volume(
    program: &Program,
    patch: &Patch,
    is_watched: bool,
    monitor: &Monitor,
) -> Result<(Header, Vec<u8>), JobError> {
    let (plan, cell) = (program.plan(), longest(patch.spacing()));
    let band = BAND_CELLS * cell;
    let scale = (127.0 / band) as f32;
    let [nx, ny, _] = patch.resolution().map(|n| n as usize);
    let mut bytes = Vec::with_capacity(patch.sample_count() as usize);
    let mut inside: Option<[[usize; 3]; 2]> = None;
    let (samples, affine) = grid_of(plan)?;
    let mut watch = is_watched.then(|| Watch::new(&samples, &affine, 0.0));
    for z in plan.slabs() {
        let first = z.start as usize;
        let values = program.evaluate(z, monitor)?.swap_remove(0);
        if let Some(watch) = &mut watch {
            watch.planes(&values, monitor)?;
        }
        for (row, samples) in values.chunks_exact(nx).enumerate() {
            let at = [first + row / ny, row % ny];
            if let Some(from) = samples.iter().position(|v| *v <= 0.0) {
                let to = samples.iter().rposition(|v| *v <= 0.0).unwrap_or(from);
                let [low, high] = inside.get_or_insert([[usize::MAX; 3], [0; 3]]);
                *low = [low[0].min(from), low[1].min(at[1]), low[2].min(at[0])];
                *high = [high[0].max(to), high[1].max(at[1]), high[2].max(at[0])];
            }
            bytes.extend(samples.iter().map(|v| (v * scale).round().clamp(-127.0, 127.0) as i8 as u8));
        }
    }
    // A cell around the samples inside holds the surface.
    let corner = |at: [usize; 3], beyond: f64| {
        std::array::from_fn(|k| {
            let lowest = patch.offset()[k];
            let place = lowest + patch.spacing()[k] * (at[k] as f64 + beyond);
            place.clamp(lowest, lowest + patch.size()[k])
        })
    };
    let bounds = inside.map(|[low, high]| [corner(low, -1.0), corner(high, 1.0)]);
    let found = watch.map(|watch| watch.found(Some(program))).unwrap_or_default();
    let warnings = found.into_iter().map(Warning::into_json).collect();
    Ok((Header { band: Some(band), bounds, warnings, ..header("int8", plan, patch) }, bytes))
}

/// The samples on a plane: exactly there where the graph is a formula, else between the planes of the grid that are next to it.
fn plane(
    program: &Program,
    patch: &Patch,
    section: Section,
    monitor: &Monitor,
) -> Result<(Header, Vec<u8>), JobError> {
    let Section { axis, offset } = section;
    let (low, extent, count) = (patch.offset()[axis], patch.size()[axis], patch.resolution()[axis]);
    let along = if extent > 0.0 { (offset - low) / extent } else { 0.0 };
    if !(0.0..=1.0).contains(&along) {
        let axis = ["x", "y", "z"][axis];
        let high = low + extent;
        return Err(JobError::Invalid(format!(
            "section: {axis} = {offset} mm lies outside the grid, {low} to {high}"
        )));
    }
    let samples = match exactly(program, axis, along) {
        Some(samples) => samples,
        None => between(program, axis, along * f64::from(count.max(1) - 1), monitor)?,
    };
    let mut header = header("float32", program.plan(), patch);
    header.resolution[axis] = 1;
    header.offset[axis] = offset;
    header.size[axis] = 0.0;
    Ok((header, bytemuck::cast_slice(&samples).to_vec()))
}

/// The values of a formula on the plane at this share of the axis.
fn exactly(program: &Program, axis: usize, along: f64) -> Option<Vec<f32>> {
    program.evaluate_at([&[], &[], &[]])?;
    let (patch, _) = grid_of(program.plan()).ok()?;
    let mut n = patch.resolution();
    n[axis] = 1;
    let mut points = [(); 3].map(|()| Vec::with_capacity(n.iter().map(|n| *n as usize).product()));
    for z in 0..n[2] {
        for y in 0..n[1] {
            for x in 0..n[0] {
                let at = [x, y, z];
                for (k, list) in points.iter_mut().enumerate() {
                    let share = if k == axis {
                        along * patch.size()[k]
                    } else {
                        patch.spacing()[k] * f64::from(at[k])
                    };
                    list.push((patch.offset()[k] + share) as f32);
                }
            }
        }
    }
    program.evaluate_at([&points[0], &points[1], &points[2]])
}

/// The values at plane `at` of an axis, linear between the planes of samples.
fn between(program: &Program, axis: usize, at: f64, monitor: &Monitor) -> Result<Vec<f32>, JobError> {
    let n = program.plan().resolution().map(|n| n as usize);
    let first = (at.floor() as usize).min(n[axis].saturating_sub(2));
    let (second, share) = ((first + 1).min(n[axis] - 1), (at - first as f64) as f32);
    let mut slabs: Vec<_> = program.plan().slabs().collect();
    if axis == 2 {
        let planes = first as u32..second as u32 + 1;
        slabs = Vec::from([planes]);
    }
    let mut out = Vec::new();
    for z in slabs {
        let values = program.evaluate(z.clone(), monitor)?.swap_remove(0);
        let sample = |at: [usize; 3]| values[(at[2] * n[1] + at[1]) * n[0] + at[0]];
        let planes = z.len();
        let (a, b) = if axis == 2 { (0, planes - 1) } else { (first, second) };
        let counts: [usize; 3] = std::array::from_fn(|k| match k {
            k if k == axis => 1,
            2 => planes,
            k => n[k],
        });
        for k in 0..counts[2] {
            for j in 0..counts[1] {
                for i in 0..counts[0] {
                    let on = |plane: usize| {
                        let mut at = [i, j, k];
                        at[axis] = plane;
                        sample(at)
                    };
                    out.push(on(a) + share * (on(b) - on(a)));
                }
            }
        }
    }
    Ok(out)
}

fn header(samples: &str, plan: &Plan, patch: &Patch) -> Header {
    let promise = match plan.promise() {
        Promise::Sign => "sign",
        Promise::Bound => "bound",
        Promise::Pieces => "pieces",
        Promise::Distance => "distance",
    };
    Header {
        samples: samples.to_owned(),
        resolution: patch.resolution(),
        offset: patch.offset(),
        size: patch.size(),
        cell: longest(patch.spacing()),
        band: None,
        promise: promise.to_owned(),
        bounds: None,
        warnings: Vec::new(),
        milliseconds: [0.0; 3],
    }
}
