//! How large the surface among samples may be, before it is known.

use crate::context::JobLimits;

/// Triangles that may always be made.
const LEAST_TRIANGLES: u64 = 1 << 24;
/// A closed surface has more samples beside it than this per triangle, noise aside.
const SAMPLES_PER_TRIANGLE: u64 = 16;
/// No cell has more triangles than this on average, border included.
const TRIANGLES_PER_SAMPLE: u64 = 8;
/// Positions and indices, with what making them holds for a moment.
const BYTES_PER_TRIANGLE: u64 = 48;

/// Joining pieces of a surface, per byte of these: of the 18 bytes of a triangle and half a vertex come as many of the mesh, 84 while its topology
/// is counted, and some.
pub const JOIN_PER_BYTE: u64 = 6;

/// Triangles that a job may make of the surface among so many samples.
pub fn most_triangles(samples: u64, limits: &JobLimits) -> u64 {
    most_among(samples).min(limits.mesh.max_triangles)
}

fn most_among(samples: u64) -> u64 {
    LEAST_TRIANGLES.max(samples / SAMPLES_PER_TRIANGLE).min(samples.saturating_mul(TRIANGLES_PER_SAMPLE))
}

/// Upper bound of the memory that meshing so many samples takes beside the samples.
pub fn memory_bytes(samples: u64) -> u64 {
    most_among(samples).saturating_mul(BYTES_PER_TRIANGLE)
}
