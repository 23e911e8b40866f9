//! A surface made in pieces, each from some of the planes, and what they are together.
//!
//! Vertices are numbered upwards: a layer's before those of the plane above it. So what a piece shares with those below it are
//! the last vertices of these, the ones of the plane below the piece, and one number added to the corners of its triangles
//! makes them those of the whole.

use super::IsosurfaceError;
use crate::mesh::TriMesh;
use crate::monitor::Monitor;

/// A piece of a surface ([`super::Mesher::of_piece`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// Its triangles and their vertices, in the order of the whole.
    pub mesh: TriMesh,
    /// So many of the vertices, the first ones, are those of the plane below the piece: the last ones of the piece below it.
    pub below: usize,
}

/// Pieces put together, from the lowest upwards.
pub struct Joined {
    mesh: TriMesh,
    max_triangles: u64,
}

impl Joined {
    /// For pieces of so many triangles together at most.
    pub fn new(max_triangles: u64) -> Joined {
        Joined { mesh: TriMesh::default(), max_triangles }
    }

    /// Makes room for so many vertices and triangles, those that are there among them.
    pub fn reserve(&mut self, vertices: u64, triangles: u64) -> Result<(), IsosurfaceError> {
        self.check_size(vertices, triangles)?;
        self.mesh.positions.reserve_exact(vertices as usize - self.mesh.positions.len());
        self.mesh.triangles.reserve_exact(triangles as usize - self.mesh.triangles.len());
        Ok(())
    }

    /// Adds the next piece: what [`Piece`] has, by reference.
    pub fn push(
        &mut self,
        below: usize,
        positions: &[[f32; 3]],
        triangles: &[[u32; 3]],
        monitor: &Monitor,
    ) -> Result<(), IsosurfaceError> {
        monitor.check()?;
        let TriMesh { positions: all, triangles: corners } = &mut self.mesh;
        let shared = all.len().checked_sub(below).and_then(|first| Some((first, positions.get(..below)?)));
        let (first, shared) = shared.ok_or(IsosurfaceError::Apart)?;
        let is_known = triangles.iter().flatten().all(|v| (*v as usize) < positions.len());
        // By their bits: −0 is not 0 in a file.
        let bits = |p: &[[f32; 3]]| p.iter().flatten().map(|v| v.to_bits()).collect::<Vec<u32>>();
        if !is_known || bits(&all[first..]) != bits(shared) {
            return Err(IsosurfaceError::Apart);
        }
        let (vertices, faces) = (first + positions.len(), corners.len() + triangles.len());
        self.check_size(vertices as u64, faces as u64)?;
        let TriMesh { positions: all, triangles: corners } = &mut self.mesh;
        all.extend_from_slice(&positions[below..]);
        for some in triangles.chunks(1 << 20) {
            monitor.check()?;
            corners.extend(some.iter().map(|t| t.map(|v| v + first as u32)));
        }
        Ok(())
    }

    /// The whole.
    pub fn finish(self) -> TriMesh {
        self.mesh
    }

    fn check_size(&self, vertices: u64, triangles: u64) -> Result<(), IsosurfaceError> {
        let max_triangles = self.max_triangles;
        match triangles > max_triangles || vertices > u64::from(u32::MAX) {
            true => Err(IsosurfaceError::TooLarge { triangles, vertices, max_triangles }),
            false => Ok(()),
        }
    }
}
