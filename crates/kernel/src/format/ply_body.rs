//! What the two readers of PLY bodies make: positions, and triangles or polygons.

use super::polygon::Polygons;

/// What a body reader found.
#[derive(Default)]
pub(super) struct Body {
    pub positions: Vec<[f32; 3]>,
    /// By element, in the order of [`Header::faces`](super::ply_header::Header).
    pub faces: Vec<Faces>,
}

/// What the rows of an element make, in file order.
pub(super) enum Faces {
    /// All had three corners, or were strips.
    Triangles(Vec<[u32; 3]>),
    /// Some had more.
    Polygons(Vec<Polygons>),
}

/// The triangles of a row of strips. Corners are below the vertex count, negative numbers begin a new strip.
#[derive(Default)]
pub(super) struct Strips {
    pub triangles: Vec<[u32; 3]>,
    /// The last two corners of the strip, and whether the next triangle is turned round.
    last: [Option<u32>; 2],
    is_turned: bool,
}

impl Strips {
    /// Takes the next corner, or the mark between strips.
    pub fn push(&mut self, corner: Option<u32>) {
        let Some(c) = corner else { return self.end_row() };
        if let [Some(a), Some(b)] = self.last {
            // A corner that comes twice moves the strip elsewhere; there is no triangle.
            if a != b && b != c && c != a {
                self.triangles.push(if self.is_turned { [b, a, c] } else { [a, b, c] });
            }
            self.is_turned = !self.is_turned;
        }
        self.last = [self.last[1], Some(c)];
    }

    /// Ends a row, and with it its last strip.
    pub fn end_row(&mut self) {
        self.last = [None; 2];
        self.is_turned = false;
    }
}

/// Why a corner index was refused.
pub(super) fn out_of_range(index: impl std::fmt::Display, vertices: u64) -> String {
    format!("vertex index {index} is out of range, the file has {vertices} vertices")
}
