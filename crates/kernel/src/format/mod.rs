//! Mesh files: STL, OBJ, PLY, 3MF. Bytes in, [`TriMesh`] out, and back.

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use std::io::Write;

/// A mesh file format, named by its file extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshFormat {
    /// Stereolithography, binary or ASCII.
    Stl,
    /// Wavefront object.
    Obj,
    /// Stanford polygon file, ASCII or binary of either byte order.
    Ply,
    /// 3D Manufacturing Format: a zip with an XML model part.
    ThreeMf,
}

/// What a reader accepts at most; each is a setting of the service.
#[derive(Clone, Copy, Debug)]
pub struct MeshLimits {
    /// Triangles after polygons are split.
    pub max_triangles: u64,
    /// Bytes of one decompressed part of a 3MF package.
    pub max_unpacked_bytes: u64,
}

impl Default for MeshLimits {
    fn default() -> Self {
        MeshLimits { max_triangles: 100_000_000, max_unpacked_bytes: 8 << 30 }
    }
}

/// Why a file could not be read. `at` names the place: `line 12`, `byte 84`, `triangle 7`, `3D/3dmodel.model line 4`.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The extension names no format that is read here.
    #[error("unknown mesh format {0:?}, expected one of stl, obj, ply, 3mf")]
    Unknown(String),
    /// The content contradicts the format.
    #[error("{format} {at}: {what}")]
    Malformed {
        /// Format name, upper case.
        format: &'static str,
        /// The place.
        at: String,
        /// What is wrong there, with the value.
        what: String,
    },
    /// A limit of the service.
    #[error("the mesh has {what}, more than the limit of {limit}")]
    TooLarge {
        /// For example `4294967295 triangles`.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// Cancelled from outside.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl MeshFormat {
    /// The format that a file name's extension names, any case.
    pub fn of_filename(name: &str) -> Result<MeshFormat, FormatError> {
        let ext = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
        match ext.as_str() {
            "stl" => Ok(MeshFormat::Stl),
            "obj" => Ok(MeshFormat::Obj),
            "ply" => Ok(MeshFormat::Ply),
            "3mf" => Ok(MeshFormat::ThreeMf),
            _ => Err(FormatError::Unknown(ext)),
        }
    }
}

/// Reads a whole mesh file. Coordinates are finite, indices in range, at least one triangle.
pub fn read_mesh(
    _bytes: &[u8],
    format: MeshFormat,
    _limits: &MeshLimits,
    _monitor: &Monitor,
) -> Result<TriMesh, FormatError> {
    Err(FormatError::Unknown(format!("{format:?}")))
}

/// Writes `mesh` in `format` (binary where the format has a binary form).
pub fn write_mesh(_mesh: &TriMesh, _format: MeshFormat, _out: &mut dyn Write) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
