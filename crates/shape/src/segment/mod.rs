//! A run of operators that are evaluated together, block by block, with nothing kept but the last one's values.

mod bounds;
mod compile;
mod inputs;
mod kept;
mod slot;
mod step;

pub(crate) use inputs::SegmentInputs;
pub(crate) use kept::{KeptPlanes, KeptValues};
pub(crate) use step::{Block, Built, Stages};

use crate::finite::{NotFinite, all_finite};
use crate::interval::Bounds;
use crate::operator::{Lanes, Type, Visible};
use crate::plan::Plan;
use fieldstone_kernel::simd::Level;
use slot::Slot;
use step::{Action, Step, built};

/// Blocks that an unbranched run takes as one.
const UNBRANCHED: u32 = 16;

/// Everything between an operator and what is kept, as steps.
pub(crate) struct Segment {
    steps: Vec<Step>,
    slots: usize,
    /// The operator whose values the last step has.
    target: usize,
    visible: Visible,
    /// Whether bounds can save work here.
    culls: bool,
    pub(crate) channels: usize,
}

/// Buffers of one thread.
pub(crate) struct Workspace {
    slots: Vec<Slot>,
    bounds: Vec<Bounds>,
    needed: Vec<bool>,
}

/// What a block came to.
pub(crate) enum Outcome<'a> {
    /// Values by channel, all of them finite.
    Values([&'a [f32]; 4]),
    /// One number for all of it.
    Constant(f32),
    /// Values of this operator that are not finite; the index is the block's.
    Broken(usize, NotFinite),
}

impl Segment {
    /// Everything between `target` and what is kept.
    pub(crate) fn compile(plan: &Plan, stages: &Stages, target: usize) -> Segment {
        let (steps, slots) = compile::steps(plan, stages, target);
        let visible = plan.visible[target].unwrap_or(Visible::ALL);
        let branches = steps.iter().any(|s| s.inputs.iter().flatten().count() > 1);
        let constant = plan.graph.nodes()[target].entry.output == Type::Byte;
        let culls = branches || constant || visible.band.is_finite();
        let channels = stages[target].as_ref().map_or(3, |built| built.op.channels());
        Segment { steps, slots, target, visible, culls, channels }
    }

    /// Samples of a block per axis: near cubes where bounds decide what is looked at, longer where they only tell which
    /// operators matter; long rows, and more of them, where every value counts and the few buffers of an unbranched run
    /// share what is computed per row.
    pub(crate) fn block_shape(&self, n: [u32; 3], samples: u32) -> [u32; 3] {
        let mut shape = [1; 3];
        let (mut left, most) = match self.culls {
            true if n[2] > 1 && self.visible.band.is_finite() => (samples, [16, 8, 8]),
            true if n[2] > 1 => (samples, [32, 8, 4]),
            true => (samples, [samples; 3]),
            false => (samples.saturating_mul(UNBRANCHED), [u32::MAX; 3]),
        };
        for a in 0..3 {
            shape[a] = n[a].min(most[a]).min(left).max(1);
            left /= shape[a];
        }
        shape
    }

    pub(crate) fn workspace(&self) -> Workspace {
        let slots = (0..self.slots).map(|_| Slot::default()).collect();
        Workspace { slots, bounds: Vec::with_capacity(self.steps.len()), needed: Vec::new() }
    }

    /// Whether the values depend on points alone, so that they exist anywhere.
    pub(crate) fn is_free(&self) -> bool {
        self.steps.iter().all(|s| !matches!(s.action, Action::Kept(_)))
    }

    /// Evaluates a block of the grid.
    pub(crate) fn evaluate<'w>(
        &self,
        given: &SegmentInputs,
        block: &Block,
        workspace: &'w mut Workspace,
    ) -> Outcome<'w> {
        if self.culls {
            bounds::bound(&self.steps, given, self.visible.cells, block, &mut workspace.bounds);
            let last = workspace.bounds[self.steps.len() - 1].value();
            if let Some(constant) = bounds::unseen(last, self.visible).filter(|_| self.channels == 1) {
                return Outcome::Constant(constant);
            }
            bounds::mark_needed(&self.steps, given, &workspace.bounds, &mut workspace.needed);
        }
        let count = block.iter().map(|r| r.len()).product();
        for (i, step) in self.steps.iter().enumerate() {
            if self.culls && !workspace.needed[i] {
                continue;
            }
            self.run(given, block, count, step, workspace);
            if let Some((node, found)) = self.not_a_number(i, count, given.level, workspace) {
                return Outcome::Broken(node, found);
            }
        }
        let bounded = self.culls && workspace.bounds[self.steps.len() - 1].value().is_finite();
        let values = self.result(count, given.level, workspace);
        if !(bounded && self.channels == 1)
            && let Some(bad) = values[..self.channels].iter().find(|c| !all_finite(given.level, c))
            && let Some(found) = NotFinite::first(bad, |v| !v.is_finite())
        {
            return Outcome::Broken(self.target, found);
        }
        Outcome::Values(values)
    }

    /// What step `i` of a run with branches has given, where it is not a number: a boolean with another would hide it. Bounds are
    /// finite where it cannot be.
    fn not_a_number(
        &self,
        i: usize,
        count: usize,
        level: Level,
        workspace: &Workspace,
    ) -> Option<(usize, NotFinite)> {
        let Action::Stage(node) = self.steps[i].action else { return None };
        if !self.culls || workspace.bounds[i].value().is_finite() {
            return None;
        }
        let [values, others, ..] = workspace.slots[self.steps[i].slot].lanes(count);
        if !others.is_empty() || all_finite(level, values) {
            return None;
        }
        NotFinite::first(values, f32::is_nan).map(|found| (node, found))
    }

    /// Evaluates at points given in the domain's own frame, before its affine map.
    pub(crate) fn evaluate_at<'w>(
        &self,
        given: &SegmentInputs,
        points: [&[f32]; 3],
        workspace: &'w mut Workspace,
    ) -> [&'w [f32]; 4] {
        let count = points[0].len();
        // Points of anywhere have no bounds: every branch counts.
        workspace.bounds.clear();
        workspace.bounds.resize(self.steps.len(), Bounds::ANY);
        for step in &self.steps {
            if let Action::Points(_) = step.action {
                workspace.slots[step.slot].set_points(points);
            } else {
                self.run(given, &[0..1, 0..1, 0..1], count, step, workspace);
            }
        }
        self.result(count, given.level, workspace)
    }

    fn result<'w>(&self, count: usize, level: Level, workspace: &'w mut Workspace) -> [&'w [f32]; 4] {
        let slot = &mut workspace.slots[self.steps[self.steps.len() - 1].slot];
        slot.expand(level);
        slot.lanes(count)
    }

    fn run(
        &self,
        given: &SegmentInputs,
        block: &Block,
        count: usize,
        step: &Step,
        workspace: &mut Workspace,
    ) {
        let mut out = std::mem::take(&mut workspace.slots[step.slot]);
        match &step.action {
            Action::Points(points) => out.fill_points(points, block),
            Action::Kept(node) => out.copy_kept(&given.kept[node], given.resolution, block),
            Action::Affine(map) => {
                let from = &mut workspace.slots[self.steps[step.input(0)].slot];
                out.map(given.level, map, from, count);
            }
            Action::Stage(node) => {
                self.run_stage(given, built(given.stages, *node), count, step, workspace, &mut out)
            }
        }
        workspace.slots[step.slot] = out;
    }

    fn run_stage(
        &self,
        given: &SegmentInputs,
        built: &Built,
        count: usize,
        step: &Step,
        workspace: &mut Workspace,
        out: &mut Slot,
    ) {
        let level = given.level;
        if self.culls
            && let Some(port) = built.op.passes(&bounds::of_inputs(step, &workspace.bounds))
        {
            let from = &mut workspace.slots[self.steps[step.input(port)].slot];
            from.expand(level);
            out.copy(from, count, built.op.channels());
            return;
        }
        out.reset(count, built.op.channels());
        if let [Some(points)] = step.inputs[..] {
            let from = &workspace.slots[self.steps[points].slot];
            if from.has_rows && built.op.evaluate_rows(level, from.rows(), &mut out.lanes_mut()) {
                return;
            }
        }
        for from in step.inputs.iter().flatten() {
            workspace.slots[self.steps[*from].slot].expand(level);
        }
        let mut lanes = [Lanes([&[]; 4]); 4];
        for (lane, from) in lanes.iter_mut().zip(&step.inputs) {
            let Some(from) = from else { continue };
            *lane = Lanes(workspace.slots[self.steps[*from].slot].lanes(count));
        }
        built.op.evaluate(level, &lanes[..step.inputs.len()], &mut out.lanes_mut());
    }

    /// Compares the values of a block with their bounds.
    #[cfg(test)]
    pub(crate) fn check_bounds(
        &self,
        given: &SegmentInputs,
        block: &Block,
        workspace: &mut Workspace,
    ) -> Result<(), String> {
        use crate::interval::Interval;
        bounds::bound(&self.steps, given, self.visible.cells, block, &mut workspace.bounds);
        let bounds = *workspace.bounds.last().expect("a segment has steps");
        let count = block.iter().map(|r| r.len()).product();
        for step in &self.steps {
            self.run(given, block, count, step, workspace);
        }
        let values = self.result(count, given.level, workspace);
        for c in 0..self.channels.min(3) {
            let Interval { lo, hi } = bounds.0[c];
            if let Some(v) = values[c].iter().find(|v| !(lo <= **v && **v <= hi)) {
                return Err(format!("{v} of channel {c} in block {block:?} is outside {lo}..={hi}"));
            }
        }
        Ok(())
    }
}
