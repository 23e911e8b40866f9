//! What a segment is made of: steps in their order, and what they start from.

use crate::affine::{self, Affine};
use crate::interval::{Bounds, Interval};
use crate::operator::{Domain, Pointwise};
use std::ops::Range;
use std::sync::Arc;

/// Index ranges of a block: x, y, z.
pub(crate) type Block = [Range<u32>; 3];

/// What one step of a segment does.
pub(super) enum Action {
    /// Points of a domain.
    Points(Points),
    /// Values kept for this operator.
    Kept(usize),
    /// An affine map of points.
    Affine(affine::Lanes),
    /// The stage of this operator.
    Stage(usize),
}

/// The points of a domain, in its own frame.
pub(super) enum Points {
    /// Coordinates along the axes of a grid, as the patch places them.
    Grid([Vec<f32>; 3]),
    /// One after the other, by axis.
    List(Arc<[Vec<f32>; 3]>),
}

/// A step: its values are those of an operator, or of a map before or after one.
pub(super) struct Step {
    pub(super) action: Action,
    /// By port: the step that feeds it.
    pub(super) inputs: Vec<Option<usize>>,
    /// The buffer for its values.
    pub(super) slot: usize,
}

impl Step {
    /// The step that feeds a required port.
    pub(super) fn input(&self, port: usize) -> usize {
        self.inputs[port].expect("required inputs are checked when the graph is read")
    }
}

/// The stages of a plan by operator.
pub(crate) type Stages = [Option<Built>];

/// A pointwise stage with the maps around it.
pub(crate) struct Built {
    pub(crate) op: Box<dyn Pointwise>,
    pub(crate) before: Option<Affine>,
    pub(crate) after: Option<Affine>,
}

/// The stage of an operator that a segment holds.
pub(super) fn built(stages: &Stages, node: usize) -> &Built {
    stages[node].as_ref().expect("every operator of a segment is built")
}

/// As indices of a slice.
pub(super) fn indices(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl Points {
    pub(super) fn of(domain: &Domain) -> Points {
        match domain {
            Domain::Grid { patch, .. } => Points::Grid(std::array::from_fn(|a| {
                let along = |i| patch.position([i; 3])[a] as f32;
                (0..patch.resolution()[a]).map(along).collect()
            })),
            Domain::List(points) => Points::List(points.clone()),
        }
    }

    /// Bounds of those in a block.
    pub(super) fn bounds(&self, block: &Block) -> Bounds {
        match self {
            Points::Grid(axes) => Bounds(std::array::from_fn(|a| {
                let along = &axes[a][indices(&block[a])];
                Interval::new(along[0], along[along.len() - 1])
            })),
            Points::List(points) => Bounds(std::array::from_fn(|a| {
                points[a][indices(&block[0])]
                    .iter()
                    .fold(Interval::new(f32::INFINITY, f32::NEG_INFINITY), |i, v| {
                        Interval::new(i.lo.min(*v), i.hi.max(*v))
                    })
            })),
        }
    }
}
