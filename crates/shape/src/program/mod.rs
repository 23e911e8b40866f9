//! A plan with its assets loaded, run slab by slab; `build` makes it.

mod build;

use crate::finite::NotFinite;
use crate::graph::GraphError;
use crate::inputs::{Inputs, LostInput};
use crate::operator::{Domain, Neighbours, Reach, StageError, Visible, Volume};
use crate::plan::Plan;
use crate::segment::{Built, KeptPlanes, KeptValues, Segment, SegmentInputs};
use crate::sweep::{Sweep, SweepError};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Cancelled, Monitor};
use std::collections::HashMap;
use std::ops::Range;

/// Why a graph gives no values.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The graph, a parameter or an asset is wrong; the text names the place.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The machine is at fault.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A graph's result, ready to be computed.
pub struct Program {
    plan: Plan,
    level: Level,
    block_samples: u32,
    stages: Vec<Option<Built>>,
    volumes: HashMap<usize, Volume>,
    neighbours: HashMap<usize, Box<dyn Neighbours>>,
    /// By operator: what computes its values from what is kept.
    segments: HashMap<usize, Segment>,
    /// Looks over what goes into operators that keep its surface alone, if it is wanted.
    inputs: Option<Inputs>,
}

impl Program {
    /// The same program; evaluating it also tells what is lost on the way ([`Program::lost_inputs`]), if slab follows slab from plane 0 on.
    pub fn watched(mut self) -> Program {
        self.inputs = Some(Inputs::default());
        self
    }

    /// The same for a piece: evaluating [`Plan::slabs_around`] it also tells what is lost in it ([`Program::lost_words`]).
    pub fn watched_in(mut self, piece: Range<u32>) -> Program {
        self.inputs = Some(Inputs::of_piece(piece));
        self
    }

    /// What [`Program::watched_in`] has found, by operator: for [`Program::join_lost`] of the same graph's program.
    pub fn lost_words(&self) -> Vec<(usize, Vec<u64>)> {
        self.inputs.as_ref().map_or_else(Vec::new, Inputs::take_words)
    }

    /// Takes what was found in a piece in place of evaluating it; false if it is nothing of the kind.
    #[must_use]
    pub fn join_lost(&self, operator: usize, words: &[u64]) -> bool {
        let Some(inputs) = &self.inputs else { return false };
        let surface = self.neighbours.get(&operator).and_then(|op| op.surface());
        let looked = self.plan.domain_of(operator).zip(surface);
        looked.is_some_and(|(domain, isovalue)| inputs.join(operator, domain, isovalue, words))
    }

    /// What of the fields that go into operators that keep their surface alone was lost between their samples, in all planes that were
    /// evaluated since this was asked last.
    pub fn lost_inputs(&self) -> Vec<LostInput> {
        let ask = |operator: usize, points: [&[f32]; 3]| self.evaluate_of(operator, points);
        self.inputs.as_ref().map_or_else(Vec::new, |inputs| inputs.lost(&self.plan, ask))
    }

    /// What is computed and how.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Values per sample: 1 for numbers, 3 for points.
    pub fn channels(&self) -> usize {
        match self.volumes.get(&self.plan.target) {
            Some(volume) => volume.samples.channels(),
            None => self.channels_of(self.plan.target),
        }
    }

    /// Values of the planes `z` of the target, by channel, x fastest.
    pub fn evaluate(&self, z: Range<u32>, monitor: &Monitor) -> Result<Vec<Vec<f32>>, EvaluateError> {
        let [nx, ny, _] = self.plan.resolution().map(|n| n as usize);
        let mut out = vec![vec![0.0; nx * ny * z.len()]; self.channels()];
        self.evaluate_into(z, &mut out, monitor)?;
        Ok(out)
    }

    /// The same into buffers of the caller, as many as there are channels, each of the planes' sample count.
    pub fn evaluate_into(
        &self,
        z: Range<u32>,
        out: &mut [Vec<f32>],
        monitor: &Monitor,
    ) -> Result<(), EvaluateError> {
        let mut kept = KeptValues::new();
        let wanted: Vec<usize> =
            self.plan.graph.order().iter().copied().filter(|i| self.is_kept(*i)).collect();
        let steps = wanted.len() as f32 + 1.0;
        for (done, &i) in wanted.iter().enumerate() {
            let part = monitor.part(done as f32 / steps, (done + 1) as f32 / steps);
            let values = self.keep(i, self.grown(&z, self.plan.halo[i]), &kept, &part)?;
            kept.insert(i, values);
        }
        let last = monitor.part(wanted.len() as f32 / steps, 1.0);
        match kept.get(&self.plan.target) {
            Some(values) => {
                let within = self.planes(&(z.start - values.z.start..z.end - values.z.start));
                for (to, from) in out.iter_mut().zip(&values.channels) {
                    to.copy_from_slice(&from[within.clone()]);
                }
                Ok(())
            }
            None => self.sweep(self.plan.target, &z, &kept, out, &last),
        }
    }

    /// The target's values at any points, given in the frame of its patch: x, y and z. `None` where the values exist on
    /// the grid alone.
    pub fn evaluate_at(&self, points: [&[f32]; 3]) -> Option<Vec<f32>> {
        self.evaluate_of(self.plan.target, points)
    }

    fn evaluate_of(&self, operator: usize, points: [&[f32]; 3]) -> Option<Vec<f32>> {
        let segment = self.segments.get(&operator).filter(|s| s.is_free())?;
        let mut workspace = segment.workspace();
        let kept = KeptValues::new();
        let given =
            SegmentInputs { level: self.level, stages: &self.stages, kept: &kept, resolution: [1; 3] };
        let mut values = Vec::with_capacity(points[0].len());
        for from in (0..points[0].len()).step_by(self.block_samples as usize) {
            let to = (from + self.block_samples as usize).min(points[0].len());
            let block = points.map(|p| &p[from..to]);
            values.extend_from_slice(segment.evaluate_at(&given, block, &mut workspace)[0]);
        }
        Some(values)
    }

    /// Looks for a block whose values leave their bounds: of so many samples per axis at most.
    #[cfg(test)]
    pub(crate) fn check_bounds(&self, samples: u32) -> Result<(), String> {
        let Some(segment) = self.segments.get(&self.plan.target) else { return Ok(()) };
        let mut workspace = segment.workspace();
        let mut kept = KeptValues::new();
        let n = self.plan.resolution();
        for &i in self.plan.graph.order().iter().filter(|i| self.is_kept(**i)) {
            let values = self.keep(i, 0..n[2], &kept, &Monitor::none()).map_err(|e| e.to_string())?;
            kept.insert(i, values);
        }
        let given = SegmentInputs { level: self.level, stages: &self.stages, kept: &kept, resolution: n };
        for z in (0..n[2]).step_by(3) {
            for y in (0..n[1]).step_by(3) {
                for x in (0..n[0]).step_by(samples as usize / 8) {
                    let block = [x..(x + samples / 8).min(n[0]), y..(y + 3).min(n[1]), z..(z + 3).min(n[2])];
                    segment.check_bounds(&given, &block, &mut workspace)?;
                }
            }
        }
        Ok(())
    }

    fn is_kept(&self, i: usize) -> bool {
        self.plan.visible[i].is_some() && self.plan.kept[i]
    }

    fn grown(&self, z: &Range<u32>, by: u32) -> Range<u32> {
        z.start.saturating_sub(by)..z.end.saturating_add(by).min(self.plan.resolution()[2])
    }

    fn channels_of(&self, i: usize) -> usize {
        if let Some(op) = self.neighbours.get(&i) {
            return op.channels();
        }
        match &self.stages[i] {
            Some(built) => built.op.channels(),
            None => self.volumes.get(&i).map_or(3, |v| v.samples.channels()),
        }
    }

    /// Values of the kept operator `i` in planes `z`.
    fn keep(
        &self,
        i: usize,
        z: Range<u32>,
        kept: &KeptValues,
        monitor: &Monitor,
    ) -> Result<KeptPlanes, EvaluateError> {
        if let Some(volume) = self.volumes.get(&i) {
            let channels = volume.samples.decode(self.planes(&z));
            return Ok(KeptPlanes { z, channels });
        }
        let entry = self.plan.graph.nodes()[i].entry;
        let visible = self.plan.visible[i].unwrap_or(Visible::ALL);
        if let Reach::Cells(_) | Reach::Distances { .. } = entry.reach {
            return self.keep_neighbours(i, z, visible, kept, monitor);
        }
        let patch = self.plan.patch_of(i).expect("kept for the sake of its patch");
        let built = self.stages[i].as_ref().expect("every operator is built");
        let whole = built.op.on_patch().expect("operators that reach a patch fill one");
        let values = whole.sample(&slab_of(&patch, &z), visible, self.level, monitor)?;
        self.finite(i, KeptPlanes { z, channels: vec![values] })
    }

    fn keep_neighbours(
        &self,
        i: usize,
        z: Range<u32>,
        visible: Visible,
        kept: &KeptValues,
        monitor: &Monitor,
    ) -> Result<KeptPlanes, EvaluateError> {
        let node = &self.plan.graph.nodes()[i];
        let wide = self.grown(&z, self.plan.cells[i]);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for from in &node.inputs {
            inputs.push(match from {
                Some(from) => self.values(*from, &wide, kept, &monitor.part(0.0, 0.3))?,
                None => Vec::new(),
            });
        }
        let patch = self.plan.domain_of(i).and_then(Domain::metric_patch).expect("checked by the plan");
        let op = &self.neighbours[&i];
        if let (Some(watched), Some(isovalue), Some(domain)) =
            (&self.inputs, op.surface(), self.plan.domain_of(i))
        {
            watched.look(i, domain, isovalue, &wide, &inputs[0][0], monitor)?;
        }
        let result = op.apply(inputs, &patch, wide.clone(), visible, self.level, &monitor.part(0.3, 1.0));
        let channels = result.map_err(|e| match e {
            StageError::Cancelled(c) => EvaluateError::Cancelled(c),
            StageError::Refused(what) => self.plan.graph.error_at(i, what).into(),
        })?;
        self.finite(i, KeptPlanes { channels, z: wide })
    }

    /// Kept values of `i`, if all are finite.
    fn finite(&self, i: usize, kept: KeptPlanes) -> Result<KeptPlanes, EvaluateError> {
        let first = self.planes(&(0..kept.z.start)).len();
        match kept.channels.iter().find_map(|c| NotFinite::among(self.level, c, first)) {
            Some(found) => Err(self.not_finite(i, found, &kept.z)),
            None => Ok(kept),
        }
    }

    fn not_finite(&self, i: usize, found: NotFinite, z: &Range<u32>) -> EvaluateError {
        let domain = self.plan.domain_of(i).expect("values belong to samples");
        self.plan.graph.error_at(i, found.told(domain, z.clone())).into()
    }

    /// Values of `i` in planes `z`, kept or not.
    fn values(
        &self,
        i: usize,
        z: &Range<u32>,
        kept: &KeptValues,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f32>>, EvaluateError> {
        if let Some(values) = kept.get(&i) {
            return Ok(self.cut(values, z));
        }
        let [nx, ny, _] = self.plan.resolution().map(|n| n as usize);
        let mut out = vec![vec![0.0; nx * ny * z.len()]; self.channels_of(i)];
        self.sweep(i, z, kept, &mut out, monitor)?;
        Ok(out)
    }

    fn sweep(
        &self,
        i: usize,
        z: &Range<u32>,
        kept: &KeptValues,
        out: &mut [Vec<f32>],
        monitor: &Monitor,
    ) -> Result<(), EvaluateError> {
        let resolution = self.plan.domain_of(i).map_or([0; 3], Domain::resolution);
        let given = SegmentInputs { level: self.level, stages: &self.stages, kept, resolution };
        let sweep = Sweep { segment: &self.segments[&i], given, block_samples: self.block_samples };
        sweep.run(z, out, monitor).map_err(|e| match e {
            SweepError::Cancelled(c) => EvaluateError::Cancelled(c),
            SweepError::NotFinite(node, found) => self.not_finite(node, found, z),
        })
    }

    fn cut(&self, kept: &KeptPlanes, z: &Range<u32>) -> Vec<Vec<f32>> {
        let within = self.planes(&(z.start - kept.z.start..z.end - kept.z.start));
        kept.channels.iter().map(|c| c[within.clone()].to_vec()).collect()
    }

    fn planes(&self, z: &Range<u32>) -> Range<usize> {
        let [nx, ny, _] = self.plan.resolution().map(|n| n as usize);
        z.start as usize * nx * ny..z.end as usize * nx * ny
    }
}

/// The planes `z` of a patch as a patch of their own.
fn slab_of(patch: &fieldstone_kernel::Patch, z: &Range<u32>) -> fieldstone_kernel::Patch {
    let ([nx, ny, nz], h) = (patch.resolution(), patch.spacing());
    if *z == (0..nz) {
        return *patch;
    }
    let (mut size, mut offset) = (patch.size(), patch.position([0, 0, z.start]));
    offset[0] = patch.offset()[0];
    offset[1] = patch.offset()[1];
    size[2] = h[2] * (z.len() as f64 - 1.0);
    fieldstone_kernel::Patch::new(size, offset, [nx, ny, z.len() as u32])
        .expect("a part of a patch is a patch")
}
