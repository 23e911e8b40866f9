//! Takes the negative parts of an object away from its other parts, exactly.
//!
//! Each part is repaired by itself first, as a slicer does: welded, oriented, small holes closed. Then
//! [`outer`](crate::outer::outer), which finds the boundary of all points whose winding number is at least one half, does
//! the rest. The parts' union A has winding number 1 inside. In a box around everything, the box minus A plus the negatives
//! has winding number 1 − A + N, which is at least one half wherever A is not or N is: the boundary of that, without the
//! box and turned round, is the boundary of A without N.

use crate::bvh::Bvh;
use crate::distance::FaceNote;
use crate::mesh::{Preprocess, TriMesh, preprocess};
use crate::monitor::{Cancelled, Monitor};
use crate::outer::{Faces, outer};
use rayon::prelude::*;

/// How much wider than its content the box is, on each side, as a part of the largest extent.
const MARGIN: f32 = 1.0 / 16.0;

/// Why parts could not be taken away.
pub(super) enum Refusal {
    /// This part, counted over parts and then negatives, is open or one-sided.
    Open(usize),
    /// Triangles touch each other more often than is allowed.
    TooManyContacts,
    Cancelled(Cancelled),
}

impl From<Cancelled> for Refusal {
    fn from(cancelled: Cancelled) -> Refusal {
        Refusal::Cancelled(cancelled)
    }
}

/// What is left of `parts` without `negatives`; maybe no triangle.
pub(super) fn subtract(
    parts: Vec<TriMesh>,
    negatives: Vec<TriMesh>,
    max_contacts: u64,
    monitor: &Monitor,
) -> Result<TriMesh, Refusal> {
    let before = parts.len();
    let mut solid = TriMesh::default();
    let mut negative = TriMesh::default();
    for (i, mesh) in parts.into_iter().chain(negatives).enumerate() {
        let (mesh, report) =
            preprocess(mesh, &Preprocess { max_contacts, ..Preprocess::default() }, monitor)?;
        if report.faces.iter().any(|note| matches!(note, FaceNote::TooManyContacts { .. })) {
            return Err(Refusal::TooManyContacts);
        }
        if !is_closed(&mesh) {
            return Err(Refusal::Open(i));
        }
        append(if i < before { &mut solid } else { &mut negative }, &mesh);
    }
    let mut space = surface(solid, max_contacts, monitor)?;
    space.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    append(&mut space, &negative);
    let bounds = space.bounds();
    let extent = (0..3).map(|k| bounds.max[k] - bounds.min[k]).fold(0.0, f32::max);
    let corner = |i: usize, k: usize| match i >> k & 1 {
        0 => (bounds.min[k] - MARGIN * extent).min(bounds.min[k].next_down()),
        _ => (bounds.max[k] + MARGIN * extent).max(bounds.max[k].next_up()),
    };
    let corners: [[f32; 3]; 8] = std::array::from_fn(|i| [0, 1, 2].map(|k| corner(i, k)));
    append(&mut space, &TriMesh { positions: corners.to_vec(), triangles: BOX.to_vec() });
    let mut left = surface(space, max_contacts, monitor)?;
    let of_box: Vec<bool> = left.positions.iter().map(|p| corners.contains(p)).collect();
    left.triangles.retain(|t| !t.iter().all(|&i| of_box[i as usize]));
    left.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    Ok(without_unused(left))
}

/// The faces of a box whose corner `i` has the greater coordinate along axis `k` where bit `k` of `i` is set.
const BOX: [[u32; 3]; 12] = [
    [0, 2, 3],
    [0, 3, 1],
    [4, 5, 7],
    [4, 7, 6],
    [0, 1, 5],
    [0, 5, 4],
    [2, 6, 7],
    [2, 7, 3],
    [0, 4, 6],
    [0, 6, 2],
    [1, 3, 7],
    [1, 7, 5],
];

/// The boundary of the points whose winding number is at least one half; the volume of `mesh` must not be negative.
fn surface(mesh: TriMesh, max_contacts: u64, monitor: &Monitor) -> Result<TriMesh, Refusal> {
    let bvh = Bvh::build(&mesh, monitor)?;
    match outer(&mesh, &bvh, max_contacts, monitor)? {
        Faces::AllOuter => Ok(mesh),
        Faces::SomeInner(found) => Ok(found.mesh),
        Faces::TooMany => Err(Refusal::TooManyContacts),
    }
}

/// Whether at every edge as many triangles run one way as the other.
fn is_closed(mesh: &TriMesh) -> bool {
    let mut edges: Vec<(u32, u32, i32)> = Vec::with_capacity(3 * mesh.triangles.len());
    for t in &mesh.triangles {
        for (a, b) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
            edges.push(if a < b { (a, b, 1) } else { (b, a, -1) });
        }
    }
    edges.par_sort_unstable();
    edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).all(|run| run.iter().map(|e| e.2).sum::<i32>() == 0)
}

fn append(to: &mut TriMesh, mesh: &TriMesh) {
    let base = to.positions.len() as u32;
    to.positions.extend_from_slice(&mesh.positions);
    to.triangles.extend(mesh.triangles.iter().map(|t| t.map(|i| base + i)));
}

fn without_unused(mesh: TriMesh) -> TriMesh {
    let mut number = vec![u32::MAX; mesh.positions.len()];
    let mut out = TriMesh::default();
    for t in &mesh.triangles {
        out.triangles.push(t.map(|i| {
            let n = &mut number[i as usize];
            if *n == u32::MAX {
                *n = out.positions.len() as u32;
                out.positions.push(mesh.positions[i as usize]);
            }
            *n
        }));
    }
    out
}
