//! What is said of a thin place.

/// What is too thin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThinKind {
    /// Matter, thin in one direction.
    Wall,
    /// Matter, thin in two directions or three.
    Strut,
    /// Nothing between two surfaces.
    Gap,
}

/// A region of the grid in which the shape is too thin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThinPlace {
    /// What of.
    pub kind: ThinKind,
    /// A point in the middle of the thinnest part, in the world.
    pub at: [f64; 3],
    /// How thick it is there, model units.
    pub thickness: f64,
    /// Width of a cell in the direction of the thickness.
    pub cell: f64,
    /// Whether no sample of the grid is in it, somewhere in the region.
    pub lost: bool,
    /// How often it was measured in the region: the larger, the more of the shape is concerned.
    pub measured: usize,
}

/// Says whether a field has the sign that is looked for on the segment between two points of the world.
pub type Confirm<'a> = &'a dyn Fn(ThinKind, [[f64; 3]; 2]) -> bool;

/// Planes on either side of a sample that its measurement may read.
pub(super) const HALO: usize = 5;
