//! Geometry: triangle meshes in, distance fields out. Bytes in, numbers out.
//!
//! # Conventions, said once
//! * Negative is inside, outward offsets are positive. A sample that is exactly 0 is inside where the solid lies on both sides
//!   of it, else outside: [`regular`] says which, for isosurfaces, measures and slices alike. The sign of a zero says nothing.
//! * Lengths are model units (mm). Samples and vertices are `f32`, sums and placement are `f64`.
//! * A grid stores x fastest, then y, then z; sample `i` of an axis sits at `offset + size * i / (resolution - 1)`.
//! * The kernel has no files, no clock, no network and no settings of its own: limits are arguments.
//! * Same input, same bytes out: for any number of threads and any SIMD level of one architecture.
//!   Nothing here uses a fused multiply-add or a parallel floating-point reduction.

#![warn(missing_docs)]

pub mod aabb;
pub mod beam;
pub mod bvh;
pub mod distance;
pub mod format;
pub mod isosurface;
pub mod lattice;
pub mod measure;
pub mod mesh;
pub mod monitor;
pub mod outer;
pub mod patch;
pub mod picture;
pub mod regular;
pub mod simd;
pub mod slice;
pub mod solid;
#[doc(hidden)]
pub mod testing;
pub mod text;
pub mod trig;
mod union_find;
pub mod vector;
pub mod volume;

pub use aabb::Aabb;
pub use mesh::TriMesh;
pub use monitor::{Cancelled, Monitor};
pub use patch::Patch;
