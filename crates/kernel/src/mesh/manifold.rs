//! Whether a surface is a closed 2-manifold, and where it is not.

use super::TriMesh;
use super::topology::{BRANCH, Edges, next, origin};
use crate::monitor::{Cancelled, Monitor};

/// Vertices at which a surface is not a closed, oriented 2-manifold; each list may name one twice.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Ends of edges without exactly two triangles that agree on the outside, or of two triangles with all corners
    /// in common.
    pub edges: Vec<u32>,
    /// Vertices around which the triangles form several fans.
    pub joining: Vec<u32>,
}

/// All faults of `mesh`, less `known` vertices that join fans. Triangles have three different corners.
pub(super) fn faulty_vertices(mesh: &TriMesh, known: &[u32], monitor: &Monitor) -> Result<Faults, Cancelled> {
    let edges = Edges::of(mesh, monitor)?;
    let mut faults = Faults::default();
    let triangles = &mesh.triangles;
    for (t, corners) in triangles.iter().enumerate() {
        let h = 3 * t as u32;
        for k in 0..3 {
            let twin = edges.twin[(h + k) as usize];
            if twin >= BRANCH || origin(triangles, twin) == corners[k as usize] {
                faults.edges.extend([corners[k as usize], corners[(k as usize + 1) % 3]]);
            }
        }
        let [a, b] = [edges.twin[h as usize], edges.twin[h as usize + 1]];
        if a < BRANCH && b < BRANCH && a / 3 == b / 3 {
            faults.edges.extend(corners);
        }
    }
    if faults.edges.is_empty() {
        faults.joining = joining(mesh, &edges, known);
    }
    Ok(faults)
}

/// Vertices of several fans, in a mesh where every edge has two triangles that agree.
fn joining(mesh: &TriMesh, edges: &Edges, known: &[u32]) -> Vec<u32> {
    let mut seen = vec![false; edges.twin.len()];
    let mut has_fan = vec![false; mesh.positions.len()];
    let mut allowed = vec![false; mesh.positions.len()];
    known.iter().for_each(|&v| allowed[v as usize] = true);
    let mut found = Vec::new();
    for first in 0..edges.twin.len() as u32 {
        if seen[first as usize] {
            continue;
        }
        let v = origin(&mesh.triangles, first) as usize;
        if std::mem::replace(&mut has_fan[v], true) && !allowed[v] {
            found.push(v as u32);
        }
        let mut h = first;
        while !seen[h as usize] {
            seen[h as usize] = true;
            h = next(edges.twin[h as usize]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cuboid, joined, torus};

    fn faults(mesh: &TriMesh) -> Faults {
        faulty_vertices(mesh, &[], &Monitor::none()).unwrap()
    }

    #[test]
    fn each_fault_is_found_where_it_is() {
        let good = joined(&torus(10, 8, 5.0, 2.0), &cuboid([20.0; 3], [21.0; 3]));
        let none = faults(&good);
        assert!(none.edges.is_empty() && none.joining.is_empty());
        let mut hole = good.clone();
        let [a, b, c] = hole.triangles.pop().unwrap();
        let found = faults(&hole).edges;
        assert!([a, b, c].iter().all(|v| found.contains(v)) && found.iter().all(|v| [a, b, c].contains(v)));
        let mut turned = good.clone();
        turned.triangles[3].swap(0, 1);
        assert!(!faults(&turned).edges.is_empty());
        let mut sheet = good.clone();
        let n = sheet.positions.len() as u32;
        sheet.positions.extend([[40.0; 3], [41.0, 40.0, 40.0], [40.0, 41.0, 40.0]]);
        sheet.triangles.extend([[n, n + 1, n + 2], [n, n + 2, n + 1]]);
        assert!(faults(&sheet).edges.contains(&n));
        // Two boxes that share a corner.
        let mut pinched = joined(&cuboid([0.0; 3], [1.0; 3]), &cuboid([1.0; 3], [2.0; 3]));
        pinched.triangles.iter_mut().flatten().filter(|v| **v == 8).for_each(|v| *v = 7);
        let found = faults(&pinched);
        assert!(found.edges.is_empty());
        assert_eq!(found.joining, [7]);
        assert!(faulty_vertices(&pinched, &[7], &Monitor::none()).unwrap().joining.is_empty());
    }
}
