//! PLY (Turk 1994): a text header that says what the rows hold, then rows as text or binary of either byte order.
//!
//! Needs an element `vertex` with scalars x, y, z and an element `face` (polygons) or `tristrips` (triangle strips, as the
//! scans of Stanford have them) with an integer list `vertex_indices` (or `vertex_index`), of any types, in any order,
//! among any others. A cloud without faces is refused. Text may be UTF-16; what lies behind the last row is noted.

use super::encoding;
use super::entry::MeshFormat;
use super::error::{FormatError, MeshLimits, check_triangles, check_vertices, malformed};
use super::notes::Notes;
use super::ply_body::{Body, Faces};
use super::ply_header::{self, Encoding};
use super::polygon::{self, Polygons};
use super::write;
use super::{ply_ascii, ply_binary};
use crate::mesh::TriMesh;
use crate::monitor::Monitor;

/// Stanford polygon file, ASCII or binary of either byte order.
pub const ENTRY: MeshFormat =
    MeshFormat { extension: "ply", name: "PLY", read: Some(read), write: Some(write::ply) };

impl MeshFormat {
    /// Stanford polygon file, ASCII or binary of either byte order.
    pub const PLY: &MeshFormat = &ENTRY;
}

pub(super) fn read(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    if encoding::is_utf_16(bytes) {
        return read_text(bytes, limits, monitor, notes);
    }
    let mut found = Notes::default();
    let header = ply_header::parse(bytes, &mut found)?;
    check_vertices(header.vertex_count())?;
    let body = match header.encoding {
        Encoding::Ascii => return read_text(bytes, limits, monitor, notes),
        Encoding::LittleEndian => ply_binary::read::<false>(bytes, &header, monitor, &mut found)?,
        Encoding::BigEndian => ply_binary::read::<true>(bytes, &header, monitor, &mut found)?,
    };
    notes.append(found);
    mesh_of(body, limits, monitor, notes)
}

fn read_text(
    bytes: &[u8],
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let text = encoding::as_lines(bytes).map_err(|what| malformed("PLY", "byte 0", what))?;
    let header = ply_header::parse(&text, notes)?;
    if header.encoding != Encoding::Ascii {
        return Err(malformed("PLY", "header", "a file in UTF-16 cannot have a binary body"));
    }
    check_vertices(header.vertex_count())?;
    let body = ply_ascii::read(&text, &header, monitor, notes)?;
    mesh_of(body, limits, monitor, notes)
}

fn mesh_of(
    body: Body,
    limits: &MeshLimits,
    monitor: &Monitor,
    notes: &mut Notes,
) -> Result<TriMesh, FormatError> {
    let Body { positions, faces } = body;
    let mut triangles = Vec::new();
    for faces in faces {
        let mut more = match faces {
            Faces::Triangles(triangles) => triangles,
            Faces::Polygons(parts) => {
                let before: Vec<usize> = parts.iter().map(Polygons::face_count).collect();
                let place = |part: usize, face: usize| {
                    format!("face {}", before[..part].iter().sum::<usize>() + face)
                };
                polygon::triangles(parts, &positions, limits, monitor, notes, place)?
            }
        };
        check_triangles((triangles.len() + more.len()) as u64, limits)?;
        if triangles.is_empty() {
            triangles = more;
        } else {
            triangles.append(&mut more);
        }
    }
    Ok(TriMesh { positions, triangles })
}
