//! Distance to struts: unit cells repeated endlessly, and networks of lines.
//!
//! # Formula
//! Each strut is a section swept along a segment, see [`Section`]; the shape is the union of all struts and, where asked
//! for, of spheres at their ends. The sharp union is the least distance d₁. With `smoothing` k the two least
//! distances blend in a circle: with h = max(0, 1 − (d₂ − d₁)/k) the value is
//! d₁ − k/2·(1 + h − √(1 + 2h − h²)).
//!
//! # Promises
//! One strut: exact distance inside and outside. A union: exact outside; inside, as any union, at most the depth (never
//! beyond it). Lipschitz 1 everywhere, also blended. The blend never lies below the sharp union by more than
//! k·(1 − 1/√2), however many struts meet, and does not depend on their order: two least values have none. Where
//! three or more struts are equally near, the blend is continuous but keeps a soft crease.
//!
//! # Source
//! I. Quilez, "Smooth minimum", 2024 (the circular form); "2D distance functions" (the cross).

mod evaluate;
mod group;
mod network;
mod network_bytes;
mod network_sampler;
mod reach;
mod strut;
#[cfg(test)]
mod tests;
mod unit_cell;

pub use network::{LineNetwork, NetworkBvh};
pub use network_bytes::NetworkBvhError;
pub use network_sampler::BeamNetwork;
pub use unit_cell::{BeamLattice, UnitCell};

/// Points that one call of a hot loop takes at most.
pub(crate) const BLOCK: usize = 1024;

/// What a strut looks like when cut across; its radius r is the style's or the edge's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    /// A disc of radius r with round ends: a capsule, so that joints close.
    #[default]
    Circle,
    /// A square of half-width r, flat ends r beyond the nodes, so that joints close. One side is level (at right
    /// angles to z); that of an upright strut points along x.
    Box,
    /// Two crossed plates, each reaching r from the axis and r/3 to either side, turned and ended as the box.
    Cross,
}

impl Section {
    /// The strut holds the capsule of `inner`·r and lies within that of `outer`·r: these two factors.
    pub(crate) fn hull(self) -> (f64, f64) {
        match self {
            Section::Circle => (1.0, 1.0),
            Section::Box => (1.0, 3f64.sqrt()),
            Section::Cross => (1.0 / 3.0, (2.0 + 1.0 / 9.0f64).sqrt()),
        }
    }
}

/// How struts and joints look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// What a strut looks like when cut across.
    pub section: Section,
    /// Its radius or half-width, mm.
    pub section_radius: f32,
    /// Radius of the spheres at the ends of edges, mm; `None`: no spheres. A node without an edge gets none either.
    pub node_radius: Option<f32>,
    /// Radius of the blend between struts, mm; 0 keeps the creases.
    pub smoothing: f32,
}

impl Style {
    fn check(&self) -> Result<(), BeamError> {
        let lengths = [
            ("section_radius", self.section_radius),
            ("node_radius", self.node_radius.unwrap_or(0.0)),
            ("smoothing", self.smoothing),
        ];
        for (what, value) in lengths {
            if !(value.is_finite() && value >= 0.0) {
                return Err(BeamError::Length { what, value: f64::from(value) });
            }
        }
        Ok(())
    }
}

/// How much a lattice or network may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes at most.
    pub nodes: usize,
    /// Edges at most.
    pub edges: usize,
    /// Candidate struts over all parts of a unit cell at most: bounds memory and time of a cell
    /// with box or cross sections much wider than itself.
    pub candidates: usize,
}

/// Why struts cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BeamError {
    /// Cancelled from outside.
    #[error(transparent)]
    Cancelled(#[from] crate::monitor::Cancelled),
    /// A radius, a blend or a multiplier is negative or not a number.
    #[error("{what} is {value}, expected a finite number of at least 0")]
    Length {
        /// Which.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// The cell has no extent.
    #[error("scale on axis {axis} is {value}, expected a finite number above 0")]
    Scale {
        /// x, y or z.
        axis: char,
        /// What was given.
        value: f64,
    },
    /// More than the limit.
    #[error("{count} {what}, at most {limit} are allowed")]
    TooMany {
        /// `nodes`, `edges` or `candidate struts`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Nothing to measure the distance to.
    #[error("there is no edge")]
    NoEdges,
    /// A coordinate is not finite, or outside the unit cube.
    #[error("node {index} is at [{}, {}, {}], expected {expected}", .at[0], .at[1], .at[2])]
    Node {
        /// Which.
        index: usize,
        /// Where it is.
        at: [f64; 3],
        /// What was wanted.
        expected: &'static str,
    },
    /// An edge ends at no node.
    #[error("edge {index} joins nodes {} and {}, there are only {nodes}", .ends[0], .ends[1])]
    EdgeOutOfRange {
        /// Which.
        index: usize,
        /// Its ends.
        ends: [u32; 2],
        /// Number of nodes.
        nodes: usize,
    },
    /// Both ends of an edge are at one place.
    #[error("edge {index} from node {} to node {} has no length", .ends[0], .ends[1])]
    EdgeWithoutLength {
        /// Which.
        index: usize,
        /// Its ends.
        ends: [u32; 2],
    },
    /// Two edges join the same nodes.
    #[error("edge {index} repeats edge {first}: both join nodes {} and {}", .ends[0], .ends[1])]
    EdgeRepeated {
        /// The later one.
        index: usize,
        /// The earlier one.
        first: usize,
        /// Its ends.
        ends: [u32; 2],
    },
    /// Radii and edges do not match.
    #[error("{radii} radii for {edges} edges")]
    RadiiCount {
        /// Number of radii.
        radii: usize,
        /// Number of edges.
        edges: usize,
    },
    /// A radius of one edge is bad.
    #[error("radius of edge {index} is {value}, expected a finite number of at least 0")]
    Radius {
        /// Which edge.
        index: usize,
        /// What was given.
        value: f64,
    },
}

/// Checks counts, coordinates and edges; `unit` wants nodes in the unit cube.
fn check_edges(nodes: &[[f64; 3]], edges: &[[u32; 2]], unit: bool, limits: &Limits) -> Result<(), BeamError> {
    for (what, count, limit) in [("nodes", nodes.len(), limits.nodes), ("edges", edges.len(), limits.edges)] {
        if count > limit {
            return Err(BeamError::TooMany { what, count, limit });
        }
    }
    if edges.is_empty() {
        return Err(BeamError::NoEdges);
    }
    for (index, at) in nodes.iter().enumerate() {
        // A float32 holds 1e18 squared and summed; farther out nothing is printed anyway.
        if !at.iter().all(|c| c.abs() <= 1e18) {
            return Err(BeamError::Node { index, at: *at, expected: "finite coordinates up to 1e18" });
        }
        if unit && !at.iter().all(|c| (-1e-6..=1.0 + 1e-6).contains(c)) {
            return Err(BeamError::Node {
                index,
                at: *at,
                expected: "coordinates within the unit cube, 0 to 1",
            });
        }
    }
    let mut seen = std::collections::HashMap::with_capacity(edges.len());
    for (index, &ends) in edges.iter().enumerate() {
        let [Some(a), Some(b)] = ends.map(|e| nodes.get(e as usize)) else {
            return Err(BeamError::EdgeOutOfRange { index, ends, nodes: nodes.len() });
        };
        if a == b {
            return Err(BeamError::EdgeWithoutLength { index, ends });
        }
        let key = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        if let Some(first) = seen.insert(key, index) {
            return Err(BeamError::EdgeRepeated { index, first, ends });
        }
    }
    Ok(())
}
