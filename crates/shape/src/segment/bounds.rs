//! What bounds tell of a block before it is evaluated: whether anybody sees it, and which steps count there.

use super::inputs::SegmentInputs;
use super::step::{Action, Block, Step, built};
use crate::interval::{Bounds, Interval};
use crate::operator::Visible;

/// Bounds of every step's values in the block grown by the cells that are seen.
pub(super) fn bound(
    steps: &[Step],
    given: &SegmentInputs,
    cells: u32,
    block: &Block,
    bounds: &mut Vec<Bounds>,
) {
    let n = given.resolution;
    let grown: Block =
        std::array::from_fn(|a| block[a].start.saturating_sub(cells)..(block[a].end + cells).min(n[a]));
    bounds.clear();
    for step in steps {
        let of_step = match &step.action {
            Action::Points(points) => points.bounds(&grown),
            Action::Kept(node) => Bounds::scalar(given.kept[node].range(given.level, n, &grown)),
            Action::Affine(map) => map.bounds(&bounds[step.input(0)]),
            Action::Stage(node) => {
                built(given.stages, *node).op.bounds(&of_inputs(step, bounds)[..step.inputs.len()])
            }
        };
        bounds.push(of_step);
    }
}

/// Bounds of the inputs of a step by port; nothing is known where none is connected.
pub(super) fn of_inputs(step: &Step, bounds: &[Bounds]) -> [Bounds; 4] {
    let mut found = [Bounds::ANY; 4];
    for (b, from) in found.iter_mut().zip(&step.inputs) {
        if let Some(from) = from {
            *b = bounds[*from];
        }
    }
    found
}

/// The value to stand for a block whose values are `value`, where the consumer cannot tell it from others like it.
pub(super) fn unseen(value: Interval, visible: Visible) -> Option<f32> {
    let Interval { lo, hi } = value;
    // What may be infinite is looked at.
    if !value.is_finite() {
        return None;
    }
    if lo == hi || lo > visible.band {
        return Some(lo);
    }
    (hi < -visible.band).then_some(hi)
}

/// Marks the steps that the last one depends on, given the bounds.
pub(super) fn mark_needed(steps: &[Step], given: &SegmentInputs, bounds: &[Bounds], needed: &mut Vec<bool>) {
    needed.clear();
    needed.resize(steps.len(), false);
    needed[steps.len() - 1] = true;
    for (i, step) in steps.iter().enumerate().rev() {
        if !needed[i] {
            continue;
        }
        let passes = match &step.action {
            Action::Stage(node) if step.inputs.len() > 1 => {
                built(given.stages, *node).op.passes(&of_inputs(step, bounds)[..step.inputs.len()])
            }
            _ => None,
        };
        for (port, from) in step.inputs.iter().enumerate() {
            if let Some(from) = from
                && passes.is_none_or(|p| p == port)
            {
                needed[*from] = true;
            }
        }
    }
}
