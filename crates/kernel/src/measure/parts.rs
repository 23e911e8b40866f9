//! What hangs together: solids and cavities of a closed mesh.

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::union_find::{Numbering, alone, unite_corners};
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
    let mut parent = alone(mesh.positions.len());
    unite_corners(&mut parent, &mesh.triangles, monitor)?;
    let mut numbers = Numbering::new(mesh.positions.len());
    let mut sums: Vec<f64> = vec![];
    let mut origins: Vec<[f32; 3]> = vec![];
    for (chunk, triangles) in mesh.triangles.chunks(1 << 16).enumerate() {
        monitor.check()?;
        for (t, triangle) in triangles.iter().enumerate() {
            let (part, is_new) = numbers.of(&mut parent, triangle[0]);
            if is_new {
                sums.push(0.0);
                origins.push(mesh.positions[triangle[0] as usize]);
            }
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
