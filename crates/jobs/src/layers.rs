//! Slicing a field: its layers from bottom to top, each as a plane of samples.

use crate::bodies::Bodies;
use crate::context::{JobContext, JobLimits};
use crate::error::JobError;
use crate::field::{Field, surface_bytes, surface_plan};
use crate::graph_input::{GraphJob, Planner};
use crate::grid::upright_grid_of;
use crate::job_type::Prepared;
use crate::watch::Watch;
use fieldstone_kernel::slice::{Layers, Plane, Sections, SliceError};
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::{Graph, Kind, Param, ParamError, Plan, Values};
use std::sync::Arc;

/// Thickness of a layer.
pub const LAYER_HEIGHT: Param = Param {
    name: "layer_height",
    kind: Kind::Number { min: 1e-6, max: 1e9 },
    default: Some("0.1"),
    doc: "thickness of a layer, mm, at most the part's; each is cut in its middle, at most 100,000 of them. The last one ends with the grid and may be thinner",
};
/// Fewer points.
pub const TOLERANCE: Param = Param {
    name: "tolerance",
    kind: Kind::Number { min: 0.0, max: 1e9 },
    default: Some("0"),
    doc: "mm that contours may leave the bilinear surface by to have fewer points; 0 leaves out only points on a line",
};

/// Layers of one build at most.
const MAX_LAYERS: u32 = 100_000;

/// The layers over the z of `patch`.
pub fn layers_of(patch: &Patch, height: f64) -> Result<Layers, JobError> {
    Layers::new(patch, height, MAX_LAYERS).map_err(refused)
}

/// Reads a graph whose surface the job cuts into layers by `plan` ([`layers_plan`] and what else it checks); takes `beside` bytes on top.
pub fn layers_job(
    values: Values,
    limits: &JobLimits,
    beside: u64,
    plan: fn(&Arc<Graph>, &Values) -> Result<Plan, ParamError>,
    run: fn(&GraphJob, &mut JobContext) -> Result<(), JobError>,
) -> Result<Box<dyn Prepared>, ParamError> {
    let (channels, writes_samples, pieces) = (Some(1), false, None);
    let planner = Planner { plan, of_plan: surface_bytes, beside, channels, writes_samples, pieces };
    Ok(Box::new(GraphJob::new(values, limits, planner, run)?))
}

/// A plan for the surface, and layers that fit its grid.
pub fn layers_plan(graph: &Arc<Graph>, values: &Values) -> Result<Plan, ParamError> {
    let plan = surface_plan(graph, values)?;
    let refuse = |e: JobError| ParamError { name: LAYER_HEIGHT.name.into(), what: e.to_string() };
    layers_of(&upright_grid_of(&plan)?, values.float(LAYER_HEIGHT.name)).map_err(refuse)?;
    Ok(plan)
}

/// A slice error is the sender's.
pub fn refused(e: SliceError) -> JobError {
    JobError::Invalid(e.to_string())
}

/// Calls `each` with the number and the plane of every layer, upwards. Planes are computed as they are needed. A part that is empty or
/// lower than a layer is refused in the end. Warns of what the field's grid does not hold; returns what is in it, to be told.
pub fn for_each_layer(
    field: &Field,
    patch: &Patch,
    layers: &Layers,
    cx: &JobContext,
    monitor: &Monitor,
    mut each: impl FnMut(u32, &Plane, &Monitor) -> Result<(), JobError>,
) -> Result<Bodies, JobError> {
    let [nx, ny, nz] = patch.resolution().map(|n| n as usize);
    let mut sections = Sections::new(patch, 0.0);
    let mut plane = vec![0.0; nx * ny];
    let mut k = 0;
    let mut watch = Watch::new(&field.patch()?, &field.affine(), 0.0);
    let mut bodies = Bodies::new(&field.patch()?, &field.affine(), cx);
    for z in field.slabs() {
        let share = |z: u32, part: f32| (z as f32 + part) / nz as f32;
        let part = monitor.part(share(z.start, 0.0), share(z.start, 0.5 * z.len() as f32));
        let samples = field.evaluate(z.clone(), &part)?;
        watch.planes(&samples, monitor)?;
        bodies.planes(&samples, &monitor.part(0.0, 0.0))?;
        sections.push(&samples);
        while k < layers.count() && sections.reaches(layers.middle(k)) {
            monitor.check()?;
            sections.cut(layers.middle(k), &mut plane, monitor)?;
            each(k, &Plane::new(patch, &plane), &monitor.part(0.0, 0.0))?;
            monitor.progress(k as f32 / layers.count() as f32);
            k += 1;
        }
    }
    watch.tell(field.program(), cx);
    let empty = || JobError::Invalid("there is nothing to cut: no sample of the field is below 0".into());
    layers.check_part(sections.extent().ok_or_else(empty)?).map_err(refused)?;
    Ok(bodies)
}
