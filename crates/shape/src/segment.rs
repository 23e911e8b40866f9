//! A run of operators that are evaluated together, block by block, with nothing kept but the last one's values.

use crate::affine::{self, Affine};
use crate::interval::{Bounds, Interval};
use crate::operator::{Domain, Lanes, LanesMut, Pointwise, Rows, Visible};
use crate::plan::Plan;
use fieldstone_kernel::by_level;
use fieldstone_kernel::simd::Level;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Blocks that an unbranched run takes as one.
const UNBRANCHED: u32 = 16;

/// Values kept for planes `z` of a grid.
pub(crate) struct Kept {
    pub(crate) z: Range<u32>,
    pub(crate) channels: Vec<Vec<f32>>,
}

/// Kept values by operator.
pub(crate) type KeptValues = HashMap<usize, Kept>;

/// What one step of a segment does.
enum Action {
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
enum Points {
    /// Coordinates along the axes of a grid, as the patch places them.
    Grid([Vec<f32>; 3]),
    /// One after the other, by axis.
    List(Arc<[Vec<f32>; 3]>),
}

struct Step {
    action: Action,
    /// By port: the step that feeds it.
    inputs: Vec<Option<usize>>,
    /// The buffer for its values.
    slot: usize,
}

/// The stages of a plan by operator.
pub(crate) type Stages = [Option<Built>];

/// A pointwise stage with the maps around it.
pub(crate) struct Built {
    pub(crate) op: Box<dyn Pointwise>,
    pub(crate) before: Option<Affine>,
    pub(crate) after: Option<Affine>,
}

pub(crate) struct Segment {
    steps: Vec<Step>,
    slots: usize,
    visible: Visible,
    /// Whether bounds can save work here.
    culls: bool,
    pub(crate) channels: usize,
}

/// Index ranges of a block: x, y, z.
pub(crate) type Block = [Range<u32>; 3];

/// Buffers of one thread.
pub(crate) struct Workspace {
    slots: Vec<Slot>,
    bounds: Vec<Bounds>,
    needed: Vec<bool>,
}

#[derive(Default)]
struct Slot {
    channels: [Vec<f32>; 4],
    rows: [Vec<f32>; 3],
    /// Whether the block's points are in `rows`.
    has_rows: bool,
    /// Whether they are in `channels`.
    expanded: bool,
}

/// What a block came to.
pub(crate) enum Outcome<'a> {
    /// Values by channel.
    Values([&'a [f32]; 4]),
    /// One number for all of it.
    Constant(f32),
}

impl Segment {
    /// Everything between `target` and what is kept.
    pub(crate) fn compile(plan: &Plan, stages: &Stages, target: usize, kept_target: bool) -> Segment {
        let mut builder = Builder { plan, stages, steps: Vec::new(), by_node: HashMap::new() };
        let nodes = plan.graph.nodes();
        for &i in plan.graph.order() {
            if builder.reaches(target, i, kept_target) {
                builder.add(i, i == target && !kept_target);
            }
        }
        let mut steps = builder.steps;
        let slots = allocate(&mut steps);
        let visible = plan.visible[target].unwrap_or(Visible::ALL);
        let branches = steps.iter().any(|s| s.inputs.iter().flatten().count() > 1);
        let constant = nodes[target].entry.output == crate::operator::Type::Byte;
        let channels = match stages[target].as_ref() {
            Some(built) => built.op.channels(),
            None => 3,
        };
        Segment { steps, slots, visible, culls: branches || constant || visible.band.is_finite(), channels }
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
        level: Level,
        stages: &Stages,
        kept: &KeptValues,
        n: [u32; 3],
        block: &Block,
        workspace: &'w mut Workspace,
    ) -> Outcome<'w> {
        if self.culls {
            self.bound(level, stages, kept, n, block, workspace);
            if let Some(constant) = self.unseen(workspace) {
                return Outcome::Constant(constant);
            }
            self.find_needed(stages, workspace);
        }
        let count = block.iter().map(|r| r.len()).product();
        for (i, step) in self.steps.iter().enumerate() {
            if !self.culls || workspace.needed[i] {
                self.run(level, stages, kept, n, block, count, step, workspace);
            }
        }
        self.result(count, level, workspace)
    }

    /// Evaluates at points given in the domain's own frame, before its affine map.
    pub(crate) fn evaluate_at<'w>(
        &self,
        level: Level,
        stages: &Stages,
        points: [&[f32]; 3],
        workspace: &'w mut Workspace,
    ) -> [&'w [f32]; 4] {
        let count = points[0].len();
        // Points of anywhere have no bounds: every branch counts.
        workspace.bounds.clear();
        workspace.bounds.resize(self.steps.len(), Bounds::ANY);
        for step in &self.steps {
            if let Action::Points(_) = step.action {
                let slot = &mut workspace.slots[step.slot];
                (slot.has_rows, slot.expanded) = (false, true);
                for a in 0..3 {
                    slot.channels[a].clear();
                    slot.channels[a].extend_from_slice(points[a]);
                }
            } else {
                let nothing = KeptValues::new();
                self.run(level, stages, &nothing, [1; 3], &[0..1, 0..1, 0..1], count, step, workspace);
            }
        }
        match self.result(count, level, workspace) {
            Outcome::Values(channels) => channels,
            Outcome::Constant(_) => [&[]; 4],
        }
    }

    fn result<'w>(&self, count: usize, level: Level, workspace: &'w mut Workspace) -> Outcome<'w> {
        let slot = &mut workspace.slots[self.steps[self.steps.len() - 1].slot];
        slot.expand(level);
        Outcome::Values(slot.lanes(count))
    }

    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        level: Level,
        stages: &Stages,
        kept: &KeptValues,
        n: [u32; 3],
        block: &Block,
        count: usize,
        step: &Step,
        workspace: &mut Workspace,
    ) {
        let mut out = std::mem::take(&mut workspace.slots[step.slot]);
        match &step.action {
            Action::Points(points) => out.fill_points(points, block),
            Action::Kept(node) => out.copy_kept(&kept[node], n, block),
            Action::Affine(map) => {
                let from = &mut workspace.slots[self.steps[input(step, 0)].slot];
                out.map(level, map, from, count);
            }
            Action::Stage(node) => {
                let built = stages[*node].as_ref().expect("every operator of a segment is built");
                self.run_stage(level, built, count, step, workspace, &mut out);
            }
        }
        workspace.slots[step.slot] = out;
    }

    fn run_stage(
        &self,
        level: Level,
        built: &Built,
        count: usize,
        step: &Step,
        workspace: &mut Workspace,
        out: &mut Slot,
    ) {
        if self.culls {
            let bounds = self.input_bounds(step, workspace);
            if let Some(port) = built.op.passes(&bounds) {
                let from = &mut workspace.slots[self.steps[input(step, port)].slot];
                from.expand(level);
                out.copy(from, count, built.op.channels());
                return;
            }
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

    fn input_bounds(&self, step: &Step, workspace: &Workspace) -> [Bounds; 4] {
        let mut bounds = [Bounds::ANY; 4];
        for (b, from) in bounds.iter_mut().zip(&step.inputs) {
            if let Some(from) = from {
                *b = workspace.bounds[*from];
            }
        }
        bounds
    }

    /// Bounds of every step's values in the block grown by the cells that are seen.
    fn bound(
        &self,
        level: Level,
        stages: &Stages,
        kept: &KeptValues,
        n: [u32; 3],
        block: &Block,
        workspace: &mut Workspace,
    ) {
        let by = self.visible.cells;
        let grown: Block =
            std::array::from_fn(|a| block[a].start.saturating_sub(by)..(block[a].end + by).min(n[a]));
        workspace.bounds.clear();
        for step in &self.steps {
            let bounds = match &step.action {
                Action::Points(points) => points.bounds(&grown),
                Action::Kept(node) => Bounds::scalar(kept[node].range(level, n, &grown)),
                Action::Affine(map) => map.bounds(&workspace.bounds[input(step, 0)]),
                Action::Stage(node) => {
                    let built = stages[*node].as_ref().expect("every operator of a segment is built");
                    built.op.bounds(&self.input_bounds(step, workspace)[..step.inputs.len()])
                }
            };
            workspace.bounds.push(bounds);
        }
    }

    /// Compares the values of a block with their bounds.
    #[cfg(test)]
    pub(crate) fn check_bounds(
        &self,
        level: Level,
        stages: &Stages,
        kept: &KeptValues,
        n: [u32; 3],
        block: &Block,
        workspace: &mut Workspace,
    ) -> Result<(), String> {
        self.bound(level, stages, kept, n, block, workspace);
        let bounds = *workspace.bounds.last().expect("a segment has steps");
        let count = block.iter().map(|r| r.len()).product();
        for step in &self.steps {
            workspace.needed = vec![true; self.steps.len()];
            self.run(level, stages, kept, n, block, count, step, workspace);
        }
        let Outcome::Values(values) = self.result(count, level, workspace) else { return Ok(()) };
        for c in 0..self.channels.min(3) {
            let Interval { lo, hi } = bounds.0[c];
            if let Some(v) = values[c].iter().find(|v| !(lo <= **v && **v <= hi)) {
                return Err(format!("{v} of channel {c} in block {block:?} is outside {lo}..={hi}"));
            }
        }
        Ok(())
    }

    /// The value to stand for a block that its consumer cannot tell from others like it.
    fn unseen(&self, workspace: &Workspace) -> Option<f32> {
        let Interval { lo, hi } = workspace.bounds.last()?.value();
        if self.channels != 1 {
            return None;
        }
        let band = self.visible.band;
        if lo == hi || (lo > band && lo.is_finite()) {
            return Some(lo);
        }
        (hi < -band && hi.is_finite()).then_some(hi)
    }

    /// Which steps the last one depends on, given the bounds.
    fn find_needed(&self, stages: &Stages, workspace: &mut Workspace) {
        let mut needed = std::mem::take(&mut workspace.needed);
        needed.clear();
        needed.resize(self.steps.len(), false);
        needed[self.steps.len() - 1] = true;
        for (i, step) in self.steps.iter().enumerate().rev() {
            if !needed[i] {
                continue;
            }
            let passes = match &step.action {
                Action::Stage(node) if step.inputs.len() > 1 => {
                    let built = stages[*node].as_ref().expect("every operator of a segment is built");
                    built.op.passes(&self.input_bounds(step, workspace)[..step.inputs.len()])
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
        workspace.needed = needed;
    }
}

fn input(step: &Step, port: usize) -> usize {
    step.inputs[port].expect("required inputs are checked when the graph is read")
}

impl Slot {
    /// So many values per channel, of no particular content.
    fn reset(&mut self, count: usize, channels: usize) {
        (self.has_rows, self.expanded) = (false, true);
        for channel in &mut self.channels[..channels] {
            channel.resize(count, 0.0);
        }
        for channel in &mut self.channels[channels..] {
            channel.clear();
        }
    }

    fn lanes(&self, count: usize) -> [&[f32]; 4] {
        self.channels.each_ref().map(|c| &c[..c.len().min(count)])
    }

    fn lanes_mut(&mut self) -> LanesMut<'_> {
        LanesMut(self.channels.each_mut().map(|c| &mut c[..]))
    }

    fn rows(&self) -> Rows<'_> {
        Rows(self.rows.each_ref().map(|r| &r[..]))
    }

    fn copy(&mut self, from: &Slot, count: usize, channels: usize) {
        self.reset(count, channels);
        for c in 0..channels {
            self.channels[c].copy_from_slice(&from.channels[c][..count]);
        }
    }

    fn fill_points(&mut self, points: &Points, block: &Block) {
        match points {
            Points::Grid(axes) => {
                (self.has_rows, self.expanded) = (true, false);
                for a in 0..3 {
                    self.rows[a].clear();
                    self.rows[a].extend_from_slice(&axes[a][indices(&block[a])]);
                }
            }
            Points::List(points) => {
                self.reset(block[0].len(), 3);
                for a in 0..3 {
                    self.channels[a].copy_from_slice(&points[a][indices(&block[0])]);
                }
            }
        }
    }

    /// Writes out the points of a box, x fastest.
    fn expand(&mut self, level: Level) {
        if self.expanded {
            return;
        }
        let [x, y, z] = &self.rows;
        let count = x.len() * y.len() * z.len();
        let [to_x, to_y, to_z, _] = &mut self.channels;
        for to in [&mut *to_x, &mut *to_y, &mut *to_z] {
            to.resize(count, 0.0);
        }
        expand_rows(level, x, y, z, to_x, to_y, to_z);
        self.channels[3].clear();
        self.expanded = true;
    }

    fn map(&mut self, level: Level, map: &affine::Lanes, from: &mut Slot, count: usize) {
        if from.has_rows && map.diagonal {
            (self.has_rows, self.expanded) = (true, false);
            for a in 0..3 {
                self.rows[a].resize(from.rows[a].len(), 0.0);
                map.axis(level, a, &from.rows[a], &mut self.rows[a]);
            }
            return;
        }
        from.expand(level);
        self.reset(count, 3);
        let lanes = Lanes(from.lanes(count));
        map.points(level, lanes.points(), self.lanes_mut().points());
    }

    fn copy_kept(&mut self, kept: &Kept, n: [u32; 3], block: &Block) {
        self.reset(block.iter().map(|r| r.len()).product(), kept.channels.len());
        for (from, to) in kept.channels.iter().zip(&mut self.channels) {
            let mut to = to.chunks_mut(block[0].len());
            for_rows(&kept.z, n, block, |row| {
                to.next().expect("one chunk a row").copy_from_slice(&from[row]);
            });
        }
    }
}

impl Points {
    fn of(domain: &Domain) -> Points {
        match domain {
            Domain::Grid { patch, .. } => Points::Grid(std::array::from_fn(|a| {
                let along = |i| patch.position([i; 3])[a] as f32;
                (0..patch.resolution()[a]).map(along).collect()
            })),
            Domain::List(points) => Points::List(points.clone()),
        }
    }

    fn bounds(&self, block: &Block) -> Bounds {
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

fn indices(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Index ranges of a block's rows in values kept for planes `z`.
fn for_rows(z: &Range<u32>, n: [u32; 3], block: &Block, mut each: impl FnMut(Range<usize>)) {
    let [nx, ny, _] = n.map(|n| n as usize);
    for k in block[2].clone() {
        for j in block[1].clone() {
            let first = ((k - z.start) as usize * ny + j as usize) * nx + block[0].start as usize;
            each(first..first + block[0].len());
        }
    }
}

impl Kept {
    /// Least and greatest value in the block; nothing is known where it leaves the planes kept.
    fn range(&self, level: Level, n: [u32; 3], block: &Block) -> Interval {
        if self.channels.len() != 1 || block[2].start < self.z.start || block[2].end > self.z.end {
            return Interval::ANY;
        }
        let (mut lo, mut hi) = (f32::INFINITY, f32::NEG_INFINITY);
        for_rows(&self.z, n, block, |row| {
            least_and_greatest(level, &self.channels[0][row], &mut lo, &mut hi)
        });
        // Not-a-number compares with nothing: such a block is looked at.
        if lo <= hi { Interval::new(lo, hi) } else { Interval::ANY }
    }
}

by_level! {
    fn least_and_greatest(values: &[f32], lo: &mut f32, hi: &mut f32) {
        let (mut l, mut h) = (*lo, *hi);
        for v in values {
            l = if *v < l { *v } else { l };
            h = if *v > h { *v } else { h };
        }
        (*lo, *hi) = (l, h);
    }
    fn expand_rows(x: &[f32], y: &[f32], z: &[f32], to_x: &mut [f32], to_y: &mut [f32], to_z: &mut [f32]) {
        let n = x.len();
        let mut at = 0;
        for z in z {
            for y in y {
                to_x[at..at + n].copy_from_slice(x);
                to_y[at..at + n].fill(*y);
                to_z[at..at + n].fill(*z);
                at += n;
            }
        }
    }
}

struct Builder<'a> {
    plan: &'a Plan,
    stages: &'a Stages,
    steps: Vec<Step>,
    /// The step that gives an operator's values.
    by_node: HashMap<usize, usize>,
}

impl Builder<'_> {
    /// Whether `node` is the target or feeds it without anything kept in between.
    fn reaches(&self, target: usize, node: usize, kept_target: bool) -> bool {
        // Few hundred operators at most: a walk per question is cheap enough.
        let mut stack = vec![target];
        let mut seen = vec![false; self.plan.graph.nodes().len()];
        while let Some(i) = stack.pop() {
            if std::mem::replace(&mut seen[i], true) {
                continue;
            }
            if i == node {
                return true;
            }
            if self.plan.kept[i] && (i != target || kept_target) {
                continue;
            }
            let entry = self.plan.graph.nodes()[i].entry;
            let inputs = self.plan.graph.nodes()[i].inputs.iter().zip(entry.inputs);
            let values = inputs.filter(|(_, port)| port.takes != crate::operator::Type::Volume);
            stack.extend(values.filter_map(|(from, _)| *from));
        }
        false
    }

    fn push(&mut self, action: Action, inputs: Vec<Option<usize>>) -> usize {
        self.steps.push(Step { action, inputs, slot: 0 });
        self.steps.len() - 1
    }

    fn add(&mut self, node: usize, even_if_kept: bool) {
        if self.plan.kept[node] && !even_if_kept {
            let step = self.push(Action::Kept(node), Vec::new());
            self.by_node.insert(node, step);
            return;
        }
        let of = &self.plan.graph.nodes()[node];
        if of.entry.domain.is_some() {
            let domain = self.plan.domain_of(node).expect("a source has a domain").clone();
            let affine = match &domain {
                Domain::Grid { affine, .. } if *affine != Affine::IDENTITY => Some(*affine),
                _ => None,
            };
            let mut step = self.push(Action::Points(Points::of(&domain)), Vec::new());
            if let Some(affine) = affine {
                step = self.push(Action::Affine(affine::Lanes::of(&affine)), vec![Some(step)]);
            }
            self.by_node.insert(node, step);
            return;
        }
        let built = self.stages[node].as_ref().expect("every operator of a segment is built");
        let values = |(port, from): (&crate::operator::Port, &Option<usize>)| match port.takes {
            crate::operator::Type::Volume => None,
            _ => from.map(|f| self.by_node[&f]),
        };
        let mut inputs: Vec<_> = of.entry.inputs.iter().zip(&of.inputs).map(values).collect();
        if let (Some(before), Some(Some(points))) = (built.before, inputs.first().copied()) {
            let step = self.push(Action::Affine(affine::Lanes::of(&before)), vec![Some(points)]);
            inputs[0] = Some(step);
        }
        // Unconnected ports at the end would only hide that points are all there is.
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        let mut step = self.push(Action::Stage(node), inputs);
        if let Some(after) = built.after {
            step = self.push(Action::Affine(affine::Lanes::of(&after)), vec![Some(step)]);
        }
        self.by_node.insert(node, step);
    }
}

/// Gives each step a buffer that nobody reads any more; returns how many there are.
fn allocate(steps: &mut [Step]) -> usize {
    let mut last_use: Vec<usize> = (0..steps.len()).collect();
    for (i, step) in steps.iter().enumerate() {
        for from in step.inputs.iter().flatten() {
            last_use[*from] = i;
        }
    }
    let end = steps.len();
    if let Some(last) = last_use.last_mut() {
        *last = end;
    }
    let mut busy_until: Vec<usize> = Vec::new();
    for i in 0..steps.len() {
        let slot = busy_until.iter().position(|until| *until < i).unwrap_or(busy_until.len());
        if slot == busy_until.len() {
            busy_until.push(0);
        }
        busy_until[slot] = last_use[i].max(i);
        steps[i].slot = slot;
    }
    busy_until.len()
}
