//! A scalar field that a job meshes, measures or slices: a volume asset or the result of a shape graph, slab by slab.

use crate::context::{JobContext, JobLimits};
use crate::error::JobError;
use crate::graph_input::{GraphJob, InPieces, Planner, refused, watching};
use crate::grid::{grid_of, refuse, upright_grid_of};
use crate::job_type::{KnownInputs, Prepared, Slot, Work};
use crate::watch::Watch;
use fieldstone_kernel::isosurface::{Gradients, IsosurfaceError, Mesher, Options};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::affine::Affine;
use fieldstone_shape::finite::NotFinite;
use fieldstone_shape::maker::PatchParams;
use fieldstone_shape::operator::Type;
use fieldstone_shape::{Domain, Graph, Kind, MakerParams, Param, ParamError, Plan, Program, Values, Visible};
use memmap2::Mmap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// The volume that a job reads.
pub const VOLUME: Slot = Slot {
    name: "volume",
    required: true,
    from_param: None,
    doc: "raw samples without a header, x fastest: float32 (mm, negative inside) or int8 (value/127)",
};
/// Samples per axis of [`VOLUME`].
pub const VOLUME_RESOLUTION: Param = Param {
    name: "volume_resolution",
    kind: Kind::Integers { count: 3, min: 1, max: 1 << 20 },
    default: None,
    doc: "samples per axis of the volume; default: as the job says that made it, required where none did",
};
/// Extent of [`VOLUME`].
pub const VOLUME_SIZE: Param = Param {
    name: "volume_size",
    kind: Kind::Numbers(3),
    default: None,
    doc: "extent of the volume, mm; default: as the job says that made it, required where none did",
};
/// Place of [`VOLUME`].
pub const VOLUME_OFFSET: Param = Param {
    name: "volume_offset",
    kind: Kind::Numbers(3),
    default: None,
    doc: "lowest corner of the volume, mm; default: as the job says that made it, else −volume_size/2",
};
/// The grid of a graph that is meshed or measured.
pub const POINT_SOURCE: Param = Param {
    name: "point_source",
    kind: Kind::Integer { min: 0, max: 1 << 30 },
    default: None,
    doc: "index of the operator that makes the sample points; default: the one that the result's samples come from",
};

/// Planes of a volume that are decoded at a time: this many bytes of floats.
const SLAB_BYTES: usize = 64 << 20;

/// Where samples come from.
pub enum Field {
    /// A file.
    Volume(VolumeFile),
    /// A graph.
    Graph(Box<Program>),
}

/// A mapped volume.
pub struct VolumeFile {
    filename: String,
    bytes: Mmap,
    patch: Patch,
    is_byte: bool,
}

impl Field {
    /// The job's input [`VOLUME`], as its parameters describe it.
    pub fn of_volume(values: &Values, cx: &JobContext) -> Result<Field, JobError> {
        let input = cx.input(VOLUME.name)?;
        let patch = volume_patch(values, &input.made)?;
        let file = File::open(&input.path)?;
        let is_byte = is_byte(&patch, file.metadata()?.len())
            .map_err(|what| JobError::Invalid(format!("input volume ({}): {what}", input.filename)))?;
        // SAFETY: a staged input is an immutable blob that nobody writes to or cuts while the job runs.
        let bytes = unsafe { Mmap::map(&file)? };
        Ok(Field::Volume(VolumeFile { filename: input.filename.clone(), bytes, patch, is_byte }))
    }

    /// The surface of a graph that was read by [`surface_job`].
    pub fn of_graph(job: &GraphJob, cx: &JobContext, monitor: &Monitor) -> Result<Field, JobError> {
        Ok(Field::Graph(Box::new(job.program(cx, monitor)?)))
    }

    /// Where the samples are, before [`Field::affine`].
    pub fn patch(&self) -> Result<Patch, JobError> {
        match self {
            Field::Volume(volume) => Ok(volume.patch),
            Field::Graph(program) => Ok(grid_of(program.plan())?.0),
        }
    }

    /// Where the patch is put in the world.
    pub fn affine(&self) -> Affine {
        match self {
            Field::Graph(program) => grid_of(program.plan()).map_or(Affine::IDENTITY, |(_, affine)| affine),
            Field::Volume(_) => Affine::IDENTITY,
        }
    }

    /// The patch in the world, if its axes are still those of the world.
    pub fn upright_patch(&self) -> Result<Patch, JobError> {
        match self {
            Field::Volume(volume) => Ok(volume.patch),
            Field::Graph(program) => Ok(upright_grid_of(program.plan())?),
        }
    }

    /// Ranges of planes to read one after the other.
    pub fn slabs(&self) -> Vec<Range<u32>> {
        match self {
            Field::Graph(program) => program.plan().slabs().collect(),
            Field::Volume(volume) => {
                let [nx, ny, nz] = volume.patch.resolution();
                let planes = (SLAB_BYTES / (4 * nx as usize * ny as usize)).max(1) as u32;
                (0..nz).step_by(planes as usize).map(|z| z..(z + planes).min(nz)).collect()
            }
        }
    }

    /// Samples of these planes.
    pub fn evaluate(&self, z: Range<u32>, monitor: &Monitor) -> Result<Vec<f32>, JobError> {
        match self {
            Field::Graph(program) => Ok(program.evaluate(z, monitor)?.swap_remove(0)),
            Field::Volume(volume) => {
                monitor.check()?;
                volume.planes(z)
            }
        }
    }

    /// What computes the samples, where they are not a file's.
    pub fn program(&self) -> Option<&Program> {
        match self {
            Field::Graph(program) => Some(program),
            Field::Volume(_) => None,
        }
    }

    /// The field between its samples, where the graph is a formula.
    pub fn gradients(&self) -> Option<Differentiated<'_>> {
        match self {
            Field::Graph(program) => {
                program.evaluate_at([&[], &[], &[]])?;
                let h = self.patch().ok()?.spacing().into_iter().fold(f64::INFINITY, f64::min);
                Some(Differentiated { program, step: (h * 1e-2) as f32 })
            }
            Field::Volume(_) => None,
        }
    }
}

impl VolumeFile {
    /// The samples of these planes; one that is not finite is refused.
    fn planes(&self, z: Range<u32>) -> Result<Vec<f32>, JobError> {
        let [nx, ny, _] = self.patch.resolution().map(|n| n as usize);
        let range = z.start as usize * nx * ny..z.end as usize * nx * ny;
        if self.is_byte {
            return Ok(self.bytes[range].iter().map(|b| f32::from(*b as i8) / 127.0).collect());
        }
        let (level, mut found) = (Level::detect(), None::<NotFinite>);
        let mut samples = Vec::with_capacity(range.len());
        // Looked at while they are in the cache.
        for bytes in self.bytes[4 * range.start..4 * range.end].chunks(1 << 16) {
            let from = samples.len();
            samples.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            if let Some(here) = NotFinite::among(level, &samples[from..], range.start + from) {
                found = Some(found.map_or(here, |before| before.or(here)));
            }
        }
        match found {
            Some(found) => {
                let domain = Domain::Grid { patch: self.patch, affine: Affine::IDENTITY };
                Err(JobError::Invalid(format!(
                    "input volume ({}): {}",
                    self.filename,
                    found.told(&domain, z)
                )))
            }
            None => Ok(samples),
        }
    }
}

/// Whether a file of so many bytes holds a patch of int8 rather than float32.
fn is_byte(patch: &Patch, bytes: u64) -> Result<bool, String> {
    let ([x, y, z], count) = (patch.resolution(), patch.sample_count());
    match bytes {
        n if n == count => Ok(true),
        n if Some(n) == count.checked_mul(4) => Ok(false),
        n => Err(format!(
            "{n} bytes are neither int8 nor float32 for volume_resolution {x} × {y} × {z} = {count} samples"
        )),
    }
}

/// The parameters of [`VOLUME`].
const VOLUME_PATCH: PatchParams =
    PatchParams { resolution: &VOLUME_RESOLUTION, size: &VOLUME_SIZE, offset: &VOLUME_OFFSET };

/// The patch that the volume parameters describe, as far as they do, and otherwise the job that made the volume.
fn volume_patch(values: &Values, made: &MakerParams) -> Result<Patch, ParamError> {
    let mut values = values.clone();
    VOLUME_PATCH.adopt(&mut values, made)?;
    let refuse = |name: &str, what: String| ParamError { name: name.into(), what };
    let required = |name: &str| {
        let why = match made.is_empty() {
            true => "the volume was uploaded, no job here made it",
            false => "the job that made the volume does not say where its samples are",
        };
        refuse(name, format!("is required: {why}"))
    };
    let size = values.numbers("volume_size").ok_or_else(|| required("volume_size"))?;
    let n = values.integers("volume_resolution").ok_or_else(|| required("volume_resolution"))?;
    let size = [size[0], size[1], size[2]];
    let offset = values.numbers("volume_offset").map_or(size.map(|s| -0.5 * s), |o| [o[0], o[1], o[2]]);
    Patch::new(size, offset, [n[0] as u32, n[1] as u32, n[2] as u32])
        .map_err(|e| refuse("volume_size", e.to_string()))
}

/// The work of a job that reads a volume and needs its surface.
pub const fn volume_work(run: fn(&Values, &mut JobContext) -> Result<(), JobError>) -> Work {
    Work::Plain { check: check_volume, memory_bytes: volume_memory, run }
}

/// Refuses a volume whose size does not fit its parameters.
fn check_volume(values: &Values, inputs: &KnownInputs) -> Result<(), ParamError> {
    // One that is still to be made is looked at when the job runs.
    let Some(volume) = inputs.get(VOLUME.name) else { return Ok(()) };
    let patch = volume_patch(values, &volume.made)?;
    let refuse =
        |what| ParamError { name: VOLUME_RESOLUTION.name.into(), what: format!("input volume: {what}") };
    is_byte(&patch, volume.bytes).map_err(refuse)?;
    let no_cells = |e: IsosurfaceError| ParamError { name: VOLUME_SIZE.name.into(), what: e.to_string() };
    Mesher::new(&patch, &Options::default()).map(drop).map_err(no_cells)
}

/// Reads a graph whose surface the job meshes, in `pieces` if it may: that of its result, or of what its last Threshold quantises.
pub fn surface_job(
    values: Values,
    limits: &JobLimits,
    pieces: InPieces,
    run: fn(&GraphJob, &mut JobContext) -> Result<(), JobError>,
) -> Result<Box<dyn Prepared>, ParamError> {
    Ok(Box::new(GraphJob::new(
        values,
        limits,
        Planner {
            plan: surface_plan,
            of_plan: surface_bytes,
            beside: 0,
            channels: Some(1),
            writes_samples: false,
            pieces: Some(pieces),
        },
        run,
    )?))
}

/// Memory that finding the surface of a plan's result takes.
pub fn surface_bytes(plan: &Plan) -> u64 {
    crate::surface_size::memory_bytes(plan.sample_count()).saturating_add(watching(plan))
}

/// A plan for the zero set of the graph's result, on a grid that a surface can be found on.
pub fn surface_plan(graph: &Arc<Graph>, values: &Values) -> Result<Plan, ParamError> {
    let mut target = graph.sink();
    // Bytes would only coarsen the surface.
    while let (Type::Byte, Some(Some(input))) =
        (graph.nodes()[target].entry.output, graph.nodes()[target].inputs.first())
    {
        target = *input;
    }
    let plan = Plan::new(graph, target, Visible::SURFACE).map_err(refused)?;
    if !matches!(plan.result_type(), Type::Float | Type::Any | Type::Volume) {
        let what = format!("gives {:?}, a surface needs one number per sample", plan.result_type());
        return Err(refused(graph.error_at(target, what)));
    }
    Mesher::new(&grid_of(&plan)?.0, &Options::default()).map_err(|e| refuse(&plan, e.to_string()))?;
    match values.integer(POINT_SOURCE.name).map(|i| i as usize) {
        Some(given) if !plan.is_target_source(given) => {
            let other = plan.target_source().map_or(String::new(), |s| format!(", operators[{s}] does"));
            let what = format!("operators[{given}] does not make the result's points{other}");
            Err(ParamError { name: POINT_SOURCE.name.into(), what })
        }
        _ => Ok(plan),
    }
}

/// A formula with its gradient by central differences.
pub struct Differentiated<'a> {
    program: &'a Program,
    step: f32,
}

impl Gradients for Differentiated<'_> {
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]) {
        let axis = |a: usize| positions.iter().map(|p| p[a]).collect::<Vec<f32>>();
        let at = [axis(0), axis(1), axis(2)];
        let evaluate = |p: &[Vec<f32>; 3]| {
            let found = self.program.evaluate_at([&p[0], &p[1], &p[2]]);
            found.expect("asked for only where the graph is a formula")
        };
        values.copy_from_slice(&evaluate(&at));
        for a in 0..3 {
            let moved = |by: f32| {
                let mut p = at.clone();
                p[a].iter_mut().for_each(|v| *v += by);
                (p[a].clone(), evaluate(&p))
            };
            let ((below, low), (above, high)) = (moved(-self.step), moved(self.step));
            for (i, gradient) in gradients.iter_mut().enumerate() {
                gradient[a] = (high[i] - low[i]) / (above[i] - below[i]);
            }
        }
    }
}

/// Upper bound of the memory for reading a volume and meshing it.
fn volume_memory(values: &Values, inputs: &KnownInputs) -> u64 {
    let patch = inputs.get(VOLUME.name).and_then(|volume| volume_patch(values, &volume.made).ok());
    let n = patch.map_or([0; 3], |p| p.resolution()).map(u64::from);
    let watch = Watch::memory_bytes(n[0] * n[1]);
    (256 << 20) + 2 * SLAB_BYTES as u64 + crate::surface_size::memory_bytes(n.iter().product()) + watch
}
