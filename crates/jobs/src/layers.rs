//! Slicing a field: its layers from bottom to top, each as a plane of samples.

use crate::field::Field;
use crate::job_type::JobError;
use fieldstone_kernel::slice::{Layers, Plane, SliceError, blend, planes_of};
use fieldstone_kernel::{Monitor, Patch};
use fieldstone_shape::{Kind, Param};

/// Thickness of a layer.
pub const LAYER_HEIGHT: Param = Param {
    name: "layer_height",
    kind: Kind::Number { min: 1e-6, max: 1e9 },
    default: Some("0.1"),
    doc: "thickness of a layer, mm; each is cut in its middle, at most 100,000 of them",
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

/// A slice error is the sender's.
pub fn refused(e: SliceError) -> JobError {
    JobError::Invalid(e.to_string())
}

/// Calls `each` with the number and the plane of every layer, upwards. Planes are computed as they are needed.
pub fn for_each_layer(
    field: &Field,
    patch: &Patch,
    layers: &Layers,
    monitor: &Monitor,
    mut each: impl FnMut(u32, &Plane, &Monitor) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let [nx, ny, nz] = patch.resolution().map(|n| n as usize);
    let plane = nx * ny;
    let top = patch.offset()[2] + patch.size()[2];
    let mut k = 0;
    // Samples of planes `first..`, the last plane of the slab before among them.
    let (mut first, mut samples) = (0, Vec::new());
    let mut between = vec![0.0; plane];
    for z in field.slabs() {
        let share = |z: u32, part: f32| (z as f32 + part) / nz as f32;
        let part = monitor.part(share(z.start, 0.0), share(z.start, 0.5 * z.len() as f32));
        samples.extend(field.evaluate(z.clone(), &part)?);
        while k < layers.count() {
            let at = layers.middle(k).min(top);
            let (below, above, share) = planes_of(patch, at).unwrap_or((0, 0, 0.0));
            if above >= z.end {
                break;
            }
            monitor.check()?;
            let samples_of = |p: u32| &samples[(p as usize - first) * plane..][..plane];
            blend(samples_of(below), samples_of(above), share, &mut between);
            each(k, &Plane::new(patch, &between), &monitor.part(0.0, 0.0))?;
            monitor.progress(k as f32 / layers.count() as f32);
            k += 1;
        }
        let keep = (z.end as usize - 1).max(first);
        samples.drain(..(keep - first) * plane);
        first = keep;
    }
    Ok(())
}
