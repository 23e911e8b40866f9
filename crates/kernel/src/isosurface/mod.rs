//! Isosurfaces of sampled fields: a closed, oriented 2-manifold from any samples.
//!
//! # Formula
//! Samples are regularised ([`crate::regular`]: what lies at the isovalue is inside where the solid is on both sides of it), then
//! inside is `value < isovalue`. Every grid edge with one end inside has one vertex, where the linear interpolant
//! of regular samples crosses. Marching cubes (Lorensen and Cline 1987) whose faces are decided by the bilinear interpolant
//! (Nielson and Hamann 1991) and whose interiors by the trilinear one (Chernyaev 1995).
//!
//! # Promises
//! * Every edge has two triangles, which agree; every vertex has one fan: for any samples. Faces look outward.
//! * The mesh stays so when vertices of equal position are welded: crossings keep a small distance from the samples (1/4096
//!   of a cell, more where `f32` positions are coarser), so no two vertices coincide.
//! * Where the inside reaches the patch's border, the patch's faces close it.
//! * The same bytes for any number of threads, any [`Level`], any split into calls of [`Mesher::planes`] and, without creases, any split
//!   into pieces ([`Mesher::of_piece`], [`Joined`]).
//!
//! # Limits
//! Samples that are not finite (NaN and both infinities) count as the greatest `f32`: outside. Triangles may intersect
//! others of their own or a neighbouring cell where two sheets pass closely; nothing is promised about that.
//!
//! # Source
//! docs/algorithms/isosurface.md says why this holds. Counting before writing: Schroeder, Maynard and Geveci 2015.

mod bracket;
mod cap;
mod creases;
mod crossing;
mod lattice;
mod mesher;
mod piece;
mod point;
mod refine;
mod rows;
mod sharp;
mod slab;
mod square;
mod table;
mod task;
mod tunnel;
mod write;

pub use mesher::Mesher;
pub use piece::{Joined, Piece};
pub use sharp::{Gradients, Sharp};

use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::simd::Level;

/// What surface, and how much of it at most.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The surface lies where the field has this value; finite.
    pub isovalue: f32,
    /// The vectors to use; the result is the same.
    pub level: Level,
    /// More triangles than this are refused before they are allocated.
    pub max_triangles: u64,
    /// Whether and how creases and corners of the field are restored.
    pub sharp: Option<Sharp<'a>>,
}

impl Default for Options<'_> {
    /// Isovalue 0, the widest vectors, at most 2³² triangles, features not restored.
    fn default() -> Self {
        Options { isovalue: 0.0, level: Level::detect(), max_triangles: u64::from(u32::MAX), sharp: None }
    }
}

/// Why there is no surface.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IsosurfaceError {
    /// The isovalue is no number.
    #[error("isovalue is {value}, expected a finite number")]
    Isovalue {
        /// What was given.
        value: f32,
    },
    /// The patch has no cells: resolution 1 or size 0 on an axis.
    #[error("the patch has no extent on axis {axis}: a surface needs at least 2 samples and a size above 0")]
    Flat {
        /// x, y or z.
        axis: char,
    },
    /// The patch lies so far from the origin that `f32` positions cannot tell its cells apart: they are narrower than 2⁻¹⁶ of
    /// its greatest coordinate.
    #[error("cells of {step} on axis {axis} cannot be told apart in single precision at {farthest}")]
    Unresolved {
        /// x, y or z.
        axis: char,
        /// Width of a cell.
        step: f64,
        /// Greatest coordinate of the patch.
        farthest: f64,
    },
    /// The samples given are not whole planes, or not those of the patch.
    #[error("{got} samples after {before}: the patch has {planes} planes of {plane}")]
    Samples {
        /// Samples given with this call.
        got: usize,
        /// Samples given before.
        before: usize,
        /// Samples of a plane.
        plane: usize,
        /// Planes of the patch.
        planes: usize,
    },
    /// The surface is larger than allowed, or than 32-bit indices can number.
    #[error(
        "the surface has {triangles} triangles and {vertices} vertices, allowed are {max_triangles} triangles and 4294967295 vertices"
    )]
    TooLarge {
        /// Triangles so far.
        triangles: u64,
        /// Vertices so far.
        vertices: u64,
        /// The limit.
        max_triangles: u64,
    },
    /// A piece that does not follow on those before it.
    #[error("a piece of the surface does not begin where the one below it ends")]
    Apart,
    /// The computation was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The surface of a whole grid of samples on `patch`, x fastest.
pub fn isosurface(
    samples: &[f32],
    patch: &Patch,
    options: &Options,
    monitor: &Monitor,
) -> Result<TriMesh, IsosurfaceError> {
    let mut mesher = Mesher::new(patch, options)?;
    mesher.planes(samples, monitor)?;
    mesher.finish(monitor)
}
