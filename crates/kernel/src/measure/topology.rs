//! Whether a mesh is a closed, oriented 2-manifold, and of what kind.

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::union_find::{find, unite};
use rayon::prelude::*;

/// Counts of what keeps a mesh from being a closed, oriented 2-manifold (all 0 when it is one), and of its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Edges with one triangle.
    pub open_edges: usize,
    /// Edges with more than two triangles.
    pub branching_edges: usize,
    /// Edges whose two triangles run through them in the same direction.
    pub conflicting_edges: usize,
    /// Vertices whose triangles form more than one fan.
    pub pinched_vertices: usize,
    /// Triangles that name a vertex twice; they count nowhere else.
    pub degenerate_triangles: usize,
    /// Parts that hang together over edges.
    pub components: usize,
    /// Vertices used minus edges plus triangles: 2 for every sphere, 0 for every torus.
    pub euler: i64,
}

impl Topology {
    /// Whether the mesh is a closed, oriented 2-manifold.
    pub fn is_closed_manifold(&self) -> bool {
        let faults = self.open_edges + self.branching_edges + self.conflicting_edges;
        faults + self.pinched_vertices + self.degenerate_triangles == 0
    }
}

/// Counts edges by sorting half-edges, fans and parts by union-find over triangle corners.
/// Takes 28 bytes a half-edge; at most 2³² / 3 triangles.
pub fn topology(mesh: &TriMesh, monitor: &Monitor) -> Result<Topology, Cancelled> {
    let mut found = Topology::default();
    let whole = |t: &[u32; 3]| t[0] != t[1] && t[1] != t[2] && t[2] != t[0];
    // Lower vertex, upper vertex; corner at the start of the half-edge.
    let mut edges: Vec<(u64, u32)> = Vec::with_capacity(3 * mesh.triangles.len());
    for (t, corners) in mesh.triangles.iter().enumerate() {
        if !whole(corners) {
            found.degenerate_triangles += 1;
            continue;
        }
        for k in 0..3 {
            let (a, b) = (corners[k], corners[(k + 1) % 3]);
            edges.push((u64::from(a.min(b)) << 32 | u64::from(a.max(b)), (3 * t + k) as u32));
        }
    }
    monitor.check()?;
    edges.par_sort_unstable();
    monitor.check()?;
    let vertex = |c: u32| mesh.triangles[c as usize / 3][c as usize % 3];
    let after = |c: u32| if c % 3 == 2 { c - 2 } else { c + 1 };
    let mut fan: Vec<u32> = (0..3 * mesh.triangles.len() as u32).collect();
    let mut part: Vec<u32> = (0..mesh.triangles.len() as u32).collect();
    let mut count = 0;
    for group in edges.chunk_by(|a, b| a.0 == b.0) {
        count += 1;
        match group.len() {
            1 => found.open_edges += 1,
            2 => found.conflicting_edges += usize::from(vertex(group[0].1) == vertex(group[1].1)),
            _ => found.branching_edges += 1,
        }
        for pair in group.windows(2) {
            let (a, b) = (pair[0].1, pair[1].1);
            unite(&mut part, a / 3, b / 3);
            let same = vertex(a) == vertex(b);
            unite(&mut fan, a, if same { b } else { after(b) });
            unite(&mut fan, after(a), if same { after(b) } else { b });
        }
    }
    monitor.check()?;
    let mut fans = vec![0u32; mesh.positions.len()];
    for (t, corners) in mesh.triangles.iter().enumerate().filter(|(_, c)| whole(c)) {
        found.components += usize::from(find(&mut part, t as u32) == t as u32);
        for k in 0..3 {
            let c = (3 * t + k) as u32;
            fans[corners[k] as usize] += u32::from(find(&mut fan, c) == c);
        }
    }
    found.pinched_vertices = fans.iter().filter(|f| **f > 1).count();
    let used = fans.iter().filter(|f| **f > 0).count() as i64;
    found.euler = used - count + (mesh.triangles.len() - found.degenerate_triangles) as i64;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cuboid, joined, torus};

    #[test]
    fn a_torus_and_a_box() {
        let mesh = joined(&torus(8, 6, 3.0, 1.0), &cuboid([9.0; 3], [10.0; 3]));
        let found = topology(&mesh, &Monitor::none()).unwrap();
        assert!(found.is_closed_manifold());
        assert_eq!((found.components, found.euler), (2, 2));
    }

    #[test]
    fn faults_are_found() {
        let check = |mesh: &TriMesh| topology(mesh, &Monitor::none()).unwrap();
        let mut mesh = cuboid([0.0; 3], [1.0; 3]);
        mesh.triangles.pop();
        assert_eq!(check(&mesh).open_edges, 3);
        mesh = cuboid([0.0; 3], [1.0; 3]);
        mesh.triangles[0].swap(0, 1);
        assert_eq!(check(&mesh).conflicting_edges, 3);
        // Two boxes that share a vertex.
        mesh = joined(&cuboid([0.0; 3], [1.0; 3]), &cuboid([1.0; 3], [2.0; 3]));
        mesh.triangles.iter_mut().flatten().filter(|i| **i == 8).for_each(|i| *i = 7);
        assert_eq!(check(&mesh).pinched_vertices, 1);
        // Three triangles on an edge.
        mesh.triangles.push([0, 1, 9]);
        assert!(check(&mesh).branching_edges > 0);
    }
}
