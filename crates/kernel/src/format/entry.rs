//! What a mesh format is: one constant in a file of its own, and a line in the list.

use super::error::{FormatError, MeshLimits};
use super::notes::Notes;
use crate::mesh::TriMesh;
use crate::monitor::Monitor;
use std::io::Write;

/// Reads the bytes of a file, of which there is at least one.
pub(super) type Read = fn(&[u8], &MeshLimits, &Monitor, &mut Notes) -> Result<TriMesh, FormatError>;
/// Writes a mesh; equal meshes give equal bytes.
pub(super) type WriteTo = fn(&TriMesh, &mut dyn Write) -> std::io::Result<()>;

/// A mesh file format, named by its file extension: everything about it, as data.
pub struct MeshFormat {
    /// Its usual file extension, lower case without the dot.
    pub extension: &'static str,
    /// Its name as people write it.
    pub name: &'static str,
    /// `None`: it is written here and not read.
    pub(super) read: Option<Read>,
    /// `None`: it is read here and not written.
    pub(super) write: Option<WriteTo>,
}

impl MeshFormat {
    /// Whether it is read here.
    pub const fn is_read(&self) -> bool {
        self.read.is_some()
    }

    /// Whether it is written here.
    pub const fn is_written(&self) -> bool {
        self.write.is_some()
    }
}

impl PartialEq for MeshFormat {
    fn eq(&self, other: &MeshFormat) -> bool {
        self.extension == other.extension
    }
}

impl Eq for MeshFormat {}

impl std::fmt::Debug for MeshFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
