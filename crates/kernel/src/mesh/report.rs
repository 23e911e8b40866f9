//! What preprocessing did to a mesh and what the mesh is like now.

use crate::aabb::Aabb;
use crate::distance::FaceNote;

/// Counts of what was done, and measures of the result (model units).
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Vertices that went because another lay within the weld tolerance.
    pub vertices_welded: usize,
    /// Vertices that no triangle used.
    pub vertices_unused: usize,
    /// Triangles dropped because two corners are one vertex.
    pub degenerate_dropped: usize,
    /// Parts of which nothing is left then, because all of one lay within the weld tolerance.
    pub parts_lost: usize,
    /// A vertex of the first of them.
    pub lost_at: Option<[f32; 3]>,
    /// Triangles dropped because an earlier one has the same three vertices.
    pub duplicates_dropped: usize,
    /// Triangles that face the other way now.
    pub triangles_flipped: usize,
    /// Border loops filled.
    pub holes_filled: usize,
    /// Triangles added to fill them.
    pub triangles_added: usize,
    /// Triangles without area that were kept, because they hold their neighbours together.
    pub zero_area: usize,
    /// Whether every edge has exactly two triangles and these agree.
    pub watertight: bool,
    /// Parts that hang together over edges.
    pub components: usize,
    /// Edges with one triangle.
    pub boundary_edges: usize,
    /// Edges with more than two triangles.
    pub nonmanifold_edges: usize,
    /// Edges whose two triangles cannot agree: the surface is one-sided.
    pub conflicting_edges: usize,
    /// Vertices of the result.
    pub vertices: usize,
    /// Triangles of the result.
    pub triangles: usize,
    /// Distance within which vertices were welded.
    pub weld_tolerance: f64,
    /// What was added to every vertex.
    pub translation: [f64; 3],
    /// Box of the result.
    pub bounds: Aabb,
    /// Enclosed volume; means something when watertight.
    pub volume: f64,
    /// Surface area.
    pub area: f64,
    /// What was found about faces inside the mesh, and done.
    pub faces: Vec<FaceNote>,
}
