//! The mesh of what a mesh encloses: overlapping and touching parts as one.

use super::sign::Signs;
use super::surface::{FaceNote, Surface};
use crate::bvh::Bvh;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::outer::Shells;
use crate::patch::Patch;

/// Lines along each of two axes on which a shell that goes through itself is noticed.
const LINES: u32 = 128;

/// The closed surface of what `mesh` encloses, where that is not the mesh itself, and what there is to say about it. `None` for a mesh that is
/// not closed, too. A single shell that goes through itself is noticed on lines along x, 128 × 128 over its box.
///
/// `shells`: those of a mesh that is known to be closed and whose shells face as they should; they are found where they are not given.
pub(crate) fn united(
    mesh: &TriMesh,
    shells: Option<Shells>,
    max_contacts: u64,
    monitor: &Monitor,
) -> Result<(Option<TriMesh>, Vec<FaceNote>), Cancelled> {
    let (lines, part) = (lines(mesh), monitor.part(0.0, 0.2));
    let (signs, surface) = match shells {
        None => Signs::of(mesh, &lines, &part)?,
        Some(shells) => {
            let surface = Surface::closed(mesh, shells);
            (Signs::of_surface(&surface, &lines, &part)?, surface)
        }
    };
    let overlaps = signs.overlap();
    if !overlaps && !surface.has_several_shells() {
        return Ok((None, Vec::new()));
    }
    let bvh = Bvh::build(mesh, &monitor.part(0.2, 0.3))?;
    surface.outer(&bvh, overlaps, max_contacts, &monitor.part(0.3, 1.0))
}

/// Lines on which a shell that goes through itself is noticed.
pub(super) fn lines(mesh: &TriMesh) -> Patch {
    let bounds = mesh.bounds();
    let size = bounds.extent().map(|e| e.max(0.0));
    let point = Patch::new([1.0; 3], [0.0; 3], [1; 3]);
    Patch::new(size, bounds.min.map(f64::from), [LINES; 3]).or(point).expect("a patch of one sample")
}
