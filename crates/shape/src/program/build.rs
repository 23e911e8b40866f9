//! From a plan to a program: volumes computed, assets loaded, operators prepared and fused.

use super::{EvaluateError, Program};
use crate::affine::Affine;
use crate::graph::Graph;
use crate::operator::{Assets, Build, BuildError, Domain, Stage, Type, Visible, Volume};
use crate::plan::Plan;
use crate::segment::{Built, Segment, Stages};
use fieldstone_kernel::Monitor;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::volume::Samples;
use std::collections::HashMap;
use std::sync::Arc;

/// Samples of a block: operands of a few operators stay in the nearest cache.
const BLOCK_SAMPLES: u32 = 1024;

impl Program {
    /// Loads the assets of `plan` and prepares its operators.
    pub fn build(plan: Plan, assets: &dyn Assets, monitor: &Monitor) -> Result<Program, EvaluateError> {
        Program::build_at(plan, assets, Level::detect(), BLOCK_SAMPLES, monitor)
    }

    /// The same at this SIMD level, in blocks of so many samples; the values do not depend on either.
    pub fn build_at(
        plan: Plan,
        assets: &dyn Assets,
        level: Level,
        block_samples: u32,
        monitor: &Monitor,
    ) -> Result<Program, EvaluateError> {
        let mut volumes = HashMap::new();
        // Values that are sampled as volumes are computed first, whole, each once.
        for node in plan.volumes.clone() {
            let of_node = Plan::new(&plan.graph, node, Visible::ALL)?;
            let patch = of_node.volume_patch(node)?;
            let program = Program::empty(of_node, level, block_samples, volumes.clone());
            let samples = Arc::new(program.filled(assets, monitor)?.whole(monitor)?);
            volumes.insert(node, Volume { patch, samples });
        }
        Program::empty(plan, level, block_samples, volumes).filled(assets, monitor)
    }

    fn empty(plan: Plan, level: Level, block_samples: u32, volumes: HashMap<usize, Volume>) -> Program {
        Program {
            level,
            block_samples,
            stages: plan.graph.nodes().iter().map(|_| None).collect(),
            volumes,
            neighbours: HashMap::new(),
            segments: HashMap::new(),
            inputs: None,
            plan,
        }
    }

    /// With its operators prepared.
    fn filled(mut self, assets: &dyn Assets, monitor: &Monitor) -> Result<Program, EvaluateError> {
        let graph = self.plan.graph.clone();
        for &i in graph.order() {
            monitor.check()?;
            if self.is_wanted(i) && graph.nodes()[i].entry.domain.is_none_or(|_| is_volume(&graph, i)) {
                self.build_stage(i, assets, monitor)?;
            }
        }
        self.compile();
        Ok(self)
    }

    /// All values of the target.
    fn whole(&self, monitor: &Monitor) -> Result<Samples, EvaluateError> {
        let mut channels = vec![Vec::with_capacity(self.plan.sample_count() as usize); self.channels()];
        for z in self.plan.slabs() {
            for (all, slab) in channels.iter_mut().zip(self.evaluate(z, monitor)?) {
                all.extend_from_slice(&slab);
            }
        }
        Ok(together(channels))
    }

    fn is_wanted(&self, i: usize) -> bool {
        self.plan.visible[i].is_some() || is_volume(&self.plan.graph, i)
    }

    fn build_stage(&mut self, i: usize, assets: &dyn Assets, monitor: &Monitor) -> Result<(), EvaluateError> {
        let graph = self.plan.graph.clone();
        let node = &graph.nodes()[i];
        let ports = || node.entry.inputs.iter().zip(&node.inputs);
        let volumes: Vec<_> = ports()
            .map(|(port, from)| {
                from.filter(|_| port.takes == Type::Volume).and_then(|f| self.volumes.get(&f).cloned())
            })
            .collect();
        let channels: Vec<_> = ports()
            .map(|(port, from)| {
                from.filter(|_| port.takes != Type::Volume).map_or(0, |f| self.channels_of(f))
            })
            .collect();
        graph.check_ports(i, |from| Some(self.channels_of(from)))?;
        let mut build = Build {
            assets,
            monitor,
            level: self.level,
            channels: &channels,
            volumes: &volumes,
            patch: self.plan.domain_of(i).and_then(Domain::metric_patch),
            axes: self.plan.domain_of(i).map_or(Affine::IDENTITY.linear, Domain::axes),
            passes: self.plan.passes[i],
            before: None,
            after: None,
        };
        let stage = (node.entry.build)(&node.values, &mut build).map_err(|e| match e {
            BuildError::Cancelled(c) => EvaluateError::Cancelled(c),
            BuildError::Io(e) => EvaluateError::Io(e),
            refused => graph.error_at(i, refused.to_string()).into(),
        })?;
        let (before, after) = (build.before, build.after);
        match stage {
            Stage::Volume(mut volume) => {
                // Beside the points of a grid its samples are that grid's.
                let place = self.plan.domain_of(i).and_then(Domain::upright_patch);
                volume.patch = place.unwrap_or(volume.patch);
                self.volumes.insert(i, volume);
            }
            Stage::Pointwise(op) => self.stages[i] = Some(Built { op, before, after }),
            Stage::Neighbours(op) => {
                self.neighbours.insert(i, op);
            }
        }
        Ok(())
    }

    /// A segment for the target, for every input of a kept operator, and for what is kept pointwise.
    fn compile(&mut self) {
        let mut targets = vec![self.plan.target];
        for i in self.neighbours.keys() {
            targets.extend(self.plan.graph.nodes()[*i].inputs.iter().flatten());
        }
        let stages: &Stages = &self.stages;
        for target in targets {
            if !self.is_kept(target) && !self.segments.contains_key(&target) {
                self.segments.insert(target, Segment::compile(&self.plan, stages, target));
            }
        }
    }
}

/// Channels of points or numbers as one volume.
fn together(mut channels: Vec<Vec<f32>>) -> Samples {
    match &channels[..] {
        [x, y] => Samples::Vec2(x.iter().zip(y).map(|(x, y)| [*x, *y]).collect()),
        [x, y, z] => Samples::Vec3((0..x.len()).map(|i| [x[i], y[i], z[i]]).collect()),
        [x, y, z, w] => Samples::Vec4((0..x.len()).map(|i| [x[i], y[i], z[i], w[i]]).collect()),
        _ => Samples::Float(channels.swap_remove(0)),
    }
}

fn is_volume(graph: &Graph, i: usize) -> bool {
    graph.nodes()[i].entry.output == Type::Volume
}
