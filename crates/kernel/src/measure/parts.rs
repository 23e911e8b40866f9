//! What hangs together: solids and cavities of a closed mesh.

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::determinant;

/// The parts of a mesh that hang together over vertices, by the sign of what they enclose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// Enclosed volume of every part, in the order of their first triangles; negative for a cavity.
    pub volumes: Vec<f64>,
    /// A vertex of every part.
    pub places: Vec<[f32; 3]>,
    /// Parts whose faces look outward: outer surfaces.
    pub solids: usize,
    /// Parts whose faces look inward: surfaces of cavities.
    pub cavities: usize,
}

/// Finds the parts by union-find over vertices and sums their volumes in the order of the triangles.
/// A part that encloses exactly nothing is neither a solid nor a cavity.
pub fn parts(mesh: &TriMesh, monitor: &Monitor) -> Result<Parts, Cancelled> {
    let mut parent: Vec<u32> = (0..mesh.positions.len() as u32).collect();
    for triangles in mesh.triangles.chunks(1 << 16) {
        monitor.check()?;
        for &[a, b, c] in triangles {
            unite(&mut parent, a, b);
            unite(&mut parent, b, c);
        }
    }
    const NONE: u32 = u32::MAX;
    let mut number = vec![NONE; mesh.positions.len()];
    let mut sums: Vec<f64> = vec![];
    let mut origins: Vec<[f32; 3]> = vec![];
    for (chunk, triangles) in mesh.triangles.chunks(1 << 16).enumerate() {
        monitor.check()?;
        for (t, triangle) in triangles.iter().enumerate() {
            let root = find(&mut parent, triangle[0]) as usize;
            if number[root] == NONE {
                number[root] = sums.len() as u32;
                sums.push(0.0);
                origins.push(mesh.positions[triangle[0] as usize]);
            }
            let part = number[root] as usize;
            let corners = mesh.corners((chunk << 16) + t);
            // From a vertex of the part, so that small parts far away keep their digits.
            let [a, b, c] = corners.map(|p| [0, 1, 2].map(|k| f64::from(p[k]) - f64::from(origins[part][k])));
            sums[part] += determinant(a, b, c);
        }
    }
    let volumes: Vec<f64> = sums.into_iter().map(|s| s / 6.0).collect();
    let solids = volumes.iter().filter(|v| **v > 0.0).count();
    let cavities = volumes.iter().filter(|v| **v < 0.0).count();
    Ok(Parts { volumes, places: origins, solids, cavities })
}

/// The root of `i`, halving the path to it.
pub(super) fn find(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}

/// Joins two sets under the lesser root.
pub(super) fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (find(parent, a), find(parent, b));
    parent[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cuboid, joined};

    #[test]
    fn a_box_with_a_hole_and_a_box_beside() {
        let mut hole = cuboid([1.0; 3], [2.0; 3]);
        hole.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        let all = joined(&joined(&cuboid([0.0; 3], [4.0; 3]), &hole), &cuboid([9.0; 3], [9.5; 3]));
        let parts = parts(&all, &Monitor::none()).unwrap();
        assert_eq!((&parts.volumes[..], parts.solids, parts.cavities), (&[64.0, -1.0, 0.125][..], 2, 1));
        assert_eq!(parts.places, [[0.0; 3], [1.0; 3], [9.0; 3]]);
    }
}
