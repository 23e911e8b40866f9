//! Files: meshes as STL, OBJ, PLY, 3MF (in and out) and GLB (out); volumes as VTI; slices as SVG, PNG and CLI.
//!
//! # Promises
//! * No reader allocates by a number that the file promises before it has compared the number with the bytes present.
//! * The same bytes give the same mesh and the same error, for any number of threads.
//! * Triangles come in file order; polygons are split (see `polygon`).

pub mod cli;
mod encoding;
mod far;
mod fixed;
mod glb;
mod notes;
mod obj;
mod ply;
mod ply_ascii;
mod ply_binary;
mod ply_body;
mod ply_header;
mod polygon;
mod ring;
pub mod stack;
mod stl;
pub mod svg;
mod text;
mod threemf;
pub mod vti;
mod write;

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use notes::Notes;
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
    /// glTF 2.0 in one binary file. Written only.
    Glb,
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
    /// A format that is written here and not read.
    #[error("{0} is written but not read here, expected one of stl, obj, ply, 3mf")]
    WriteOnly(&'static str),
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
    /// So far from the origin that single precision loses its shape.
    #[error(
        "the mesh is {extent} mm across and lies {farthest} mm from the origin, where numbers are rounded to {step} mm: move it nearer"
    )]
    TooFar {
        /// Longest edge of its bounding box.
        extent: f64,
        /// Greatest coordinate.
        farthest: f64,
        /// Distance between neighbouring `f32` there.
        step: f64,
    },
    /// Cancelled from outside.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl MeshFormat {
    /// Every format that is written, in the order of [`MeshFormat::extension`]'s documentation.
    pub const WRITTEN: [MeshFormat; 5] =
        [MeshFormat::Stl, MeshFormat::Obj, MeshFormat::Ply, MeshFormat::ThreeMf, MeshFormat::Glb];

    /// Its usual file extension, lower case without the dot: `stl`, `obj`, `ply`, `3mf`, `glb`.
    pub fn extension(self) -> &'static str {
        match self {
            MeshFormat::Stl => "stl",
            MeshFormat::Obj => "obj",
            MeshFormat::Ply => "ply",
            MeshFormat::ThreeMf => "3mf",
            MeshFormat::Glb => "glb",
        }
    }

    /// The format with this extension, any case; all of them can be written.
    pub fn of_extension(extension: &str) -> Option<MeshFormat> {
        MeshFormat::WRITTEN.into_iter().find(|f| f.extension().eq_ignore_ascii_case(extension))
    }

    /// The format that a file name's extension names, any case, if that format can be read.
    pub fn of_filename(name: &str) -> Result<MeshFormat, FormatError> {
        let ext = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
        match MeshFormat::of_extension(&ext) {
            Some(MeshFormat::Glb) => Err(FormatError::WriteOnly("GLB")),
            Some(format) => Ok(format),
            None => Err(FormatError::Unknown(ext)),
        }
    }

    /// Its name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            MeshFormat::Stl => "STL",
            MeshFormat::Obj => "OBJ",
            MeshFormat::Ply => "PLY",
            MeshFormat::ThreeMf => "3MF",
            MeshFormat::Glb => "GLB",
        }
    }
}

/// A mesh as its file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadMesh {
    /// Coordinates are finite, indices in range; at least one triangle.
    pub mesh: TriMesh,
    /// What was taken otherwise than the file's words say, and what was left out: one line each, with its place, for
    /// the file's owner. Empty for most files, and at most 21 lines.
    pub notes: Vec<String>,
}

/// Reads a whole mesh file.
///
/// Units are taken as mm except in 3MF, which names its own.
pub fn read_mesh(
    bytes: &[u8],
    format: MeshFormat,
    limits: &MeshLimits,
    monitor: &Monitor,
) -> Result<ReadMesh, FormatError> {
    monitor.check()?;
    if bytes.is_empty() {
        return Err(malformed(format.name(), "byte 0", "the file is empty"));
    }
    let mut notes = Notes::default();
    let mesh = match format {
        MeshFormat::Stl => stl::read(bytes, limits, monitor, &mut notes)?,
        MeshFormat::Obj => obj::read(bytes, limits, monitor, &mut notes)?,
        MeshFormat::Ply => ply::read(bytes, limits, monitor, &mut notes)?,
        MeshFormat::ThreeMf => threemf::read(bytes, limits, monitor, &mut notes)?,
        MeshFormat::Glb => return Err(FormatError::WriteOnly("GLB")),
    };
    if mesh.triangles.is_empty() {
        return Err(malformed(format.name(), "end of file", "there are no triangles"));
    }
    far::check(&mesh, &mut notes)?;
    debug_assert!(mesh.triangles.iter().flatten().all(|&i| (i as usize) < mesh.positions.len()));
    Ok(ReadMesh { mesh, notes: notes.into_lines() })
}

/// Writes `mesh` in `format` (binary where the format has a binary form).
pub fn write_mesh(mesh: &TriMesh, format: MeshFormat, out: &mut dyn Write) -> std::io::Result<()> {
    match format {
        MeshFormat::Stl => write::stl(mesh, out),
        MeshFormat::Obj => write::obj(mesh, out),
        MeshFormat::Ply => write::ply(mesh, out),
        MeshFormat::ThreeMf => write::threemf(mesh, out),
        MeshFormat::Glb => glb::write(mesh, out),
    }
}

fn malformed(format: &'static str, at: impl Into<String>, what: impl Into<String>) -> FormatError {
    FormatError::Malformed { format, at: at.into(), what: what.into() }
}

/// Refuses `triangles` above the limit, and above what 32-bit corner indices can address.
fn check_triangles(triangles: u64, limits: &MeshLimits) -> Result<(), FormatError> {
    let limit = limits.max_triangles.min(u64::from(u32::MAX) / 3);
    match triangles > limit {
        true => Err(FormatError::TooLarge { what: format!("{triangles} triangles"), limit }),
        false => Ok(()),
    }
}

/// Refuses more vertices than 32-bit indices can name.
fn check_vertices(vertices: u64) -> Result<(), FormatError> {
    let limit = u64::from(u32::MAX);
    match vertices > limit {
        true => Err(FormatError::TooLarge { what: format!("{vertices} vertices"), limit }),
        false => Ok(()),
    }
}
