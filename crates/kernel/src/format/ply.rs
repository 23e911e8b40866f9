//! PLY (Turk 1994): a text header that says what the rows hold, then rows as text or binary of either byte order.
//!
//! Needs an element `vertex` with scalars x, y, z and an element `face` with an integer list `vertex_indices`
//! (or `vertex_index`), of any types, in any order, among any others. A cloud without faces is refused.

use super::ply_header::{self, Encoding};
use super::polygon::{self, Polygons};
use super::{FormatError, MeshLimits, check_triangles, check_vertices, ply_ascii, ply_binary};
use crate::mesh::TriMesh;
use crate::monitor::Monitor;

/// Faces as a body reader found them.
pub(super) enum Faces {
    /// All faces had three corners.
    Triangles(Vec<[u32; 3]>),
    /// In file order.
    Polygons(Vec<Polygons>),
}

pub(super) fn read(bytes: &[u8], limits: &MeshLimits, monitor: &Monitor) -> Result<TriMesh, FormatError> {
    let header = ply_header::parse(bytes)?;
    check_vertices(header.vertex_count())?;
    let (positions, faces) = match header.encoding {
        Encoding::Ascii => ply_ascii::read(bytes, &header, monitor)?,
        Encoding::LittleEndian => ply_binary::read::<false>(bytes, &header, monitor)?,
        Encoding::BigEndian => ply_binary::read::<true>(bytes, &header, monitor)?,
    };
    let triangles = match faces {
        Faces::Triangles(triangles) => {
            check_triangles(triangles.len() as u64, limits)?;
            triangles
        }
        Faces::Polygons(parts) => polygon::triangles(parts, &positions, limits, monitor)?,
    };
    Ok(TriMesh { positions, triangles })
}

/// Why a corner index was refused.
pub(super) fn out_of_range(index: impl std::fmt::Display, vertices: u64) -> String {
    format!("vertex index {index} is out of range, the file has {vertices} vertices")
}
