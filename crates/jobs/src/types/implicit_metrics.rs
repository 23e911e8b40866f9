//! `implicit/metrics`: what the shape of a sampled field measures.

use crate::bodies::{self, CAVITIES, COMPONENTS};
use crate::context::JobContext;
use crate::error::JobError;
use crate::field::{Field, VOLUME, VOLUME_OFFSET, VOLUME_RESOLUTION, VOLUME_SIZE, volume_work};
use crate::job_type::JobEntry;
use crate::surface::{FEATURE_PRESERVING, SWITCH, mesh_of};
use crate::watch::tell_specks;
use fieldstone_kernel::Monitor;
use fieldstone_kernel::measure::{moments, parts};
use fieldstone_shape::params::Values;
use fieldstone_shape::{bounds_json, number_json, numbers_json};

/// The registry entry.
pub const ENTRY: JobEntry = JobEntry {
    type_name: "implicit/metrics",
    revision: 5,
    doc: "Measures the shape of a sampled field. The measures are those of the mesh that mesh/from-volume makes of it: of second order in the cell for smooth shapes (docs/accuracy.md). Faces of the volume that close the shape count as surface",
    inputs: &[VOLUME],
    params: &[VOLUME_SIZE, VOLUME_OFFSET, VOLUME_RESOLUTION, FEATURE_PRESERVING],
    results: RESULTS,
    example: r#"{"volume_size": [2, 2, 2], "volume_resolution": [16, 16, 16]}"#,
    work: volume_work(run),
    ..JobEntry::DEFAULT
};

/// Parameters out, shared with the older job type: mm³, mm², share of the patch, mm, mm, counts, mm⁵.
pub(super) const RESULTS: &[&str] = &[
    "interior_volume",
    "surface_area",
    "relative_density",
    "bounds",
    "centroid",
    COMPONENTS,
    CAVITIES,
    "second_moments",
];

fn run(values: &Values, cx: &mut JobContext) -> Result<(), JobError> {
    let monitor = cx.monitor().clone();
    let sharp = SWITCH.read(values, FEATURE_PRESERVING.name);
    measure(&Field::of_volume(values, cx)?, sharp, cx, &monitor)
}

/// Measures the surface of `field`, creases restored if `sharp`, and sets the results.
pub(super) fn measure(
    field: &Field,
    sharp: bool,
    cx: &mut JobContext,
    monitor: &Monitor,
) -> Result<(), JobError> {
    let mesh = mesh_of(field, 0.0, sharp, cx, &monitor.part(0.0, 0.8))?;
    let measured = moments(&mesh, &monitor.part(0.8, 0.9))?;
    let parts = parts(&mesh, &monitor.part(0.9, 1.0))?;
    let whole = field.patch()?.size().iter().product::<f64>() * field.affine().determinant().abs();
    cx.set_param("interior_volume", number_json(measured.volume));
    cx.set_param("surface_area", number_json(measured.area));
    cx.set_param("relative_density", number_json(measured.volume / whole));
    cx.set_param("bounds", bounds_json(&measured.bounds));
    cx.set_param("centroid", numbers_json(&measured.centroid));
    bodies::tell(Some(&parts), cx);
    tell_specks(&parts, &field.patch()?, &field.affine(), cx);
    let rows = measured.second.map(|row| numbers_json(&row)).join(", ");
    cx.set_param("second_moments", format!("[{rows}]"));
    Ok(())
}
