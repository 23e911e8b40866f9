//! Why a file cannot be read, and what a reader accepts at most.

use crate::monitor::Cancelled;

/// What a reader accepts at most; each is a setting of the service.
#[derive(Clone, Copy, Debug)]
pub struct MeshLimits {
    /// Triangles after polygons are split.
    pub max_triangles: u64,
    /// Bytes of one decompressed part of a 3MF package.
    pub max_unpacked_bytes: u64,
    /// How often triangles may touch each other where parts overlap. While these are united, each takes up to
    /// [`BYTES_PER_CONTACT`](crate::outer::BYTES_PER_CONTACT).
    pub max_contacts: u64,
}

impl Default for MeshLimits {
    fn default() -> Self {
        MeshLimits {
            max_triangles: 100_000_000,
            max_unpacked_bytes: 8 << 30,
            max_contacts: crate::outer::MAX_CONTACTS,
        }
    }
}

/// Why a file could not be read. `at` names the place: `line 12`, `byte 84`, `triangle 7`, `3D/3dmodel.model line 4`.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The extension names no format that is read here.
    #[error("unknown mesh format {extension:?}, expected one of {expected}")]
    Unknown {
        /// What the name ends in.
        extension: String,
        /// The extensions that are read.
        expected: &'static str,
    },
    /// A format that is written here and not read.
    #[error("{format} is written but not read here, expected one of {expected}")]
    WriteOnly {
        /// Format name, upper case.
        format: &'static str,
        /// The extensions that are read.
        expected: &'static str,
    },
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

pub(super) fn malformed(format: &'static str, at: impl Into<String>, what: impl Into<String>) -> FormatError {
    FormatError::Malformed { format, at: at.into(), what: what.into() }
}

/// Refuses `triangles` above the limit, and above what 32-bit corner indices can address.
pub(super) fn check_triangles(triangles: u64, limits: &MeshLimits) -> Result<(), FormatError> {
    let limit = limits.max_triangles.min(u64::from(u32::MAX) / 3);
    match triangles > limit {
        true => Err(FormatError::TooLarge { what: format!("{triangles} triangles"), limit }),
        false => Ok(()),
    }
}

/// Refuses more vertices than 32-bit indices can name.
pub(super) fn check_vertices(vertices: u64) -> Result<(), FormatError> {
    let limit = u64::from(u32::MAX);
    match vertices > limit {
        true => Err(FormatError::TooLarge { what: format!("{vertices} vertices"), limit }),
        false => Ok(()),
    }
}
