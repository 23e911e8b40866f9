//! A piece of meshing that one thread does, and how much comes of it.

use std::ops::Range;

/// Rows of a plane or of the layer above it.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub layer: bool,
    pub p: usize,
    pub rows: Range<usize>,
    pub vertices: usize,
    pub triangles: usize,
}
