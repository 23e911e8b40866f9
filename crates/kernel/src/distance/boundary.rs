//! What is missing for a mesh to be closed: its boundary, and caps that close it.
//!
//! The boundary of a mesh, as a chain of directed edges with multiplicities, is a sum of cycles (a boundary has no
//! boundary), however broken the mesh is. A cone over each connected part of it, taken the other way round,
//! therefore closes the mesh: the winding number of mesh and caps together is an integer everywhere.

use crate::mesh::{TriMesh, equal_positions};
use crate::monitor::{Cancelled, Monitor};
use crate::outer::Shells;
use crate::union_find::{alone, find, unite};
use rayon::prelude::*;

/// Triangles that close `mesh`, and its shells.
///
/// Vertices at the same position count as one, so that an unwelded mesh is closed when it looks closed.
pub(super) fn closing(mesh: &TriMesh, monitor: &Monitor) -> Result<(TriMesh, Shells), Cancelled> {
    // With a vertex for each corner no edge has two triangles.
    if mesh.positions.len() < 3 * mesh.triangles.len() {
        let shells = Shells::of(mesh, |i| i);
        if shells.closed {
            return Ok((TriMesh::default(), shells));
        }
    }
    let same = equal_positions(&mesh.positions, monitor)?;
    let by_position = |i: u32| same[i as usize];
    let shells = Shells::of(mesh, by_position);
    let caps = match shells.closed {
        true => TriMesh::default(),
        false => cones(mesh, &unbalanced(mesh, by_position)),
    };
    Ok((caps, shells))
}

fn edges(t: &[u32; 3]) -> [(u32, u32); 3] {
    [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])]
}

/// The boundary: directed edges as the mesh has them, each as often as it is missing its opposite.
fn unbalanced(mesh: &TriMesh, vertex: impl Fn(u32) -> u32) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32, i32)> = Vec::with_capacity(3 * mesh.triangles.len());
    for (a, b) in mesh.triangles.iter().flat_map(edges) {
        let (a, b) = (vertex(a), vertex(b));
        if a != b {
            all.push((a.min(b), a.max(b), if a < b { 1 } else { -1 }));
        }
    }
    all.par_sort_unstable();
    let mut open = Vec::new();
    for same in all.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)) {
        let excess: i32 = same.iter().map(|e| e.2).sum();
        let (a, b, _) = same[0];
        let edge = if excess > 0 { (a, b) } else { (b, a) };
        open.extend(std::iter::repeat_n(edge, excess.unsigned_abs() as usize));
    }
    open
}

/// A cone over each connected part of the boundary, from the mean of its vertices.
fn cones(mesh: &TriMesh, boundary: &[(u32, u32)]) -> TriMesh {
    let mut vertices: Vec<u32> = boundary.iter().flat_map(|e| [e.0, e.1]).collect();
    vertices.sort_unstable();
    vertices.dedup();
    let local = |v: u32| vertices.binary_search(&v).expect("every boundary vertex is listed") as u32;
    let mut parent = alone(vertices.len());
    for &(a, b) in boundary {
        unite(&mut parent, local(a), local(b));
    }
    let mut sums = vec![([0.0f64; 3], 0.0f64); vertices.len()];
    for (i, &v) in vertices.iter().enumerate() {
        let (sum, count) = &mut sums[find(&mut parent, i as u32) as usize];
        for (s, c) in sum.iter_mut().zip(mesh.positions[v as usize]) {
            *s += f64::from(c);
        }
        *count += 1.0;
    }
    let mut caps = TriMesh::default();
    caps.positions.extend(vertices.iter().map(|&v| mesh.positions[v as usize]));
    let mut apex = vec![u32::MAX; vertices.len()];
    for &(a, b) in boundary {
        let (a, b) = (local(a), local(b));
        let part = find(&mut parent, a) as usize;
        if apex[part] == u32::MAX {
            apex[part] = caps.positions.len() as u32;
            let (sum, count) = sums[part];
            caps.positions.push(sum.map(|s| (s / count) as f32));
        }
        caps.triangles.push([b, a, apex[part]]);
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, bumpy_sphere, cuboid, joined, torus};

    #[test]
    fn closed_meshes_need_no_caps() {
        let ball = bumpy_sphere(10, 20, 1.0, 0.1);
        for mesh in [ball.clone(), torus(8, 6, 2.0, 0.5), joined(&ball, &cuboid([0.0; 3], [3.0; 3]))] {
            assert!(closing(&mesh, &Monitor::none()).unwrap().1.closed);
            // The same triangles with vertices of their own, as an STL file has them.
            let positions = mesh.triangles.iter().flatten().map(|&i| mesh.positions[i as usize]).collect();
            let triangles = (0..mesh.triangles.len() as u32).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
            assert!(closing(&TriMesh { positions, triangles }, &Monitor::none()).unwrap().1.closed);
        }
    }

    #[test]
    fn whatever_is_broken_is_closed_by_its_caps() {
        let mut rng = Rng::new(9);
        for _ in 0..50 {
            let mut mesh = bumpy_sphere(8, 12, 1.0, 0.1);
            mesh.triangles.retain(|_| rng.below(5) > 0);
            for t in &mut mesh.triangles {
                match rng.below(10) {
                    0 => t.swap(0, 1),
                    1 => t[0] = rng.below(mesh.positions.len()) as u32,
                    _ => {}
                }
            }
            let both = joined(&mesh, &closing(&mesh, &Monitor::none()).unwrap().0);
            let same = equal_positions(&both.positions, &Monitor::none()).unwrap();
            assert!(unbalanced(&both, |i| same[i as usize]).is_empty());
        }
    }
}
