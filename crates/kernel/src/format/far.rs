//! Meshes that lie far from the origin for their size: `f32` coordinates there are coarse.

use super::error::FormatError;
use super::notes::Notes;
use crate::aabb::Aabb;
use crate::mesh::TriMesh;

/// Extents between a mesh and the origin above which it is refused: steps of 2⁻²³ of a coordinate are 5e-4 of the mesh.
const MOST_EXTENTS: f64 = 4096.0;
/// Extents from which it is noted how coordinates are rounded: by more than 1e-6 of the mesh.
const NOTED_EXTENTS: f64 = 16.0;
/// Triangles that are looked at before all are.
const SAMPLE: usize = 64;

/// Refuses a mesh whose shape is lost in the steps between coordinates, notes one whose shape is touched.
pub(super) fn check(mesh: &TriMesh, notes: &mut Notes) -> Result<(), FormatError> {
    // Where some corners are near for their distance from each other, all are: the rest can only be farther apart.
    let stride = mesh.triangles.len().div_ceil(SAMPLE).max(1);
    let some = mesh.triangles.iter().step_by(stride).flatten().map(|&i| &mesh.positions[i as usize]);
    if !is_beyond(&Aabb::around(some), NOTED_EXTENTS) {
        return Ok(());
    }
    let bounds = mesh.bounds();
    if !is_beyond(&bounds, NOTED_EXTENTS) {
        return Ok(());
    }
    let (extent, farthest) = measure(&bounds);
    if extent == 0.0 {
        // A point, whatever its place: other checks have words for that.
        return Ok(());
    }
    // Towards the origin: beyond the greatest number there is none.
    let step = farthest - f64::from((farthest as f32).next_down());
    if is_beyond(&bounds, MOST_EXTENTS) {
        return Err(FormatError::TooFar { extent, farthest, step });
    }
    notes.add(format!(
        "the mesh is {extent} mm across and lies {farthest} mm from the origin: single precision keeps its coordinates to {:.1e} mm, {:.1e} of its size",
        0.5 * step,
        0.5 * step / extent
    ));
    Ok(())
}

fn is_beyond(bounds: &Aabb, extents: f64) -> bool {
    let (extent, farthest) = measure(bounds);
    farthest > extents * extent
}

/// The longest edge, and the greatest coordinate.
fn measure(bounds: &Aabb) -> (f64, f64) {
    let longest = bounds.extent().into_iter().fold(0.0, f64::max);
    let farthest = bounds.min.iter().chain(&bounds.max).fold(0.0, |m: f64, v| m.max(f64::from(v.abs())));
    (longest, farthest)
}
