//! Files: meshes in the formats of [`FORMATS`]; volumes as VTI; slices as SVG, PNG and CLI.
//!
//! # Promises
//! * No reader allocates by a number that the file promises before it has compared the number with the bytes present.
//! * The same bytes give the same mesh and the same error, for any number of threads.
//! * Triangles come in file order; polygons are split (see `polygon`).

pub mod cli;
mod encoding;
mod entry;
mod error;
mod far;
mod fixed;
mod glb;
mod listed;
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
use crate::monitor::Monitor;
use error::malformed;
use notes::Notes;
use std::io::Write;

pub use entry::MeshFormat;
pub use error::{FormatError, MeshLimits};
pub use listed::Listed;

/// Every mesh format, in the order of the documentation.
#[rustfmt::skip] // one a line, so that lists merge
pub const FORMATS: &[&MeshFormat] = &[
    &stl::ENTRY,
    &obj::ENTRY,
    &ply::ENTRY,
    &threemf::ENTRY,
    &glb::ENTRY,
];

/// How many formats are read, and how many are written.
const COUNTS: [usize; 2] = {
    let (mut counts, mut i) = ([0; 2], 0);
    while i < FORMATS.len() {
        counts[0] += FORMATS[i].is_read() as usize;
        counts[1] += FORMATS[i].is_written() as usize;
        i += 1;
    }
    counts
};

/// The formats that are read.
pub const READ: [&MeshFormat; COUNTS[0]] = chosen(true);
/// The formats that are written.
pub const WRITTEN: [&MeshFormat; COUNTS[1]] = chosen(false);
/// Extensions of the formats that are read, with commas between.
pub const READ_EXTENSIONS: &str = Listed::of(&words(READ, true), ", ").text();
/// Names of the formats that are read, as in `A, B or C`.
pub const READ_NAMES: &str = Listed::of(&words(READ, false), " or ").text();

const fn chosen<const N: usize>(read: bool) -> [&'static MeshFormat; N] {
    let (mut found, mut count, mut i) = ([FORMATS[0]; N], 0, 0);
    while i < FORMATS.len() {
        if if read { FORMATS[i].is_read() } else { FORMATS[i].is_written() } {
            found[count] = FORMATS[i];
            count += 1;
        }
        i += 1;
    }
    found
}

const fn words<const N: usize>(formats: [&'static MeshFormat; N], extension: bool) -> [&'static str; N] {
    let (mut words, mut i) = ([""; N], 0);
    while i < N {
        words[i] = if extension { formats[i].extension } else { formats[i].name };
        i += 1;
    }
    words
}

impl MeshFormat {
    /// The format with this extension, any case.
    pub fn of_extension(extension: &str) -> Option<&'static MeshFormat> {
        FORMATS.iter().copied().find(|f| f.extension.eq_ignore_ascii_case(extension))
    }

    /// The format that a file name's extension names, any case, if that format can be read.
    pub fn of_filename(name: &str) -> Result<&'static MeshFormat, FormatError> {
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
        match MeshFormat::of_extension(&extension) {
            Some(format) if format.is_read() => Ok(format),
            Some(format) => Err(write_only(format)),
            None => Err(FormatError::Unknown { extension, expected: READ_EXTENSIONS }),
        }
    }
}

fn write_only(format: &MeshFormat) -> FormatError {
    FormatError::WriteOnly { format: format.name, expected: READ_EXTENSIONS }
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
    format: &MeshFormat,
    limits: &MeshLimits,
    monitor: &Monitor,
) -> Result<ReadMesh, FormatError> {
    monitor.check()?;
    if bytes.is_empty() {
        return Err(malformed(format.name, "byte 0", "the file is empty"));
    }
    let mut notes = Notes::default();
    let read = format.read.ok_or_else(|| write_only(format))?;
    let mesh = read(bytes, limits, monitor, &mut notes)?;
    if mesh.triangles.is_empty() {
        return Err(malformed(format.name, "end of file", "there are no triangles"));
    }
    far::check(&mesh, &mut notes)?;
    debug_assert!(mesh.triangles.iter().flatten().all(|&i| (i as usize) < mesh.positions.len()));
    Ok(ReadMesh { mesh, notes: notes.into_lines() })
}

/// Writes `mesh` in `format` (binary where the format has a binary form); one that is only read is
/// [`Unsupported`](std::io::ErrorKind::Unsupported).
pub fn write_mesh(mesh: &TriMesh, format: &MeshFormat, out: &mut dyn Write) -> std::io::Result<()> {
    match format.write {
        Some(write) => write(mesh, out),
        None => Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            format!("{} is not written", format.name),
        )),
    }
}
