//! From a graph to a plan: where samples are taken, what each consumer sees, which values are kept, how much memory that
//! takes. Needs no assets, so that admission can ask before anything is loaded or allocated.

use crate::channels::AssetSizes;
use crate::domains::{self, Domains};
use crate::extent::Extent;
use crate::graph::{Graph, GraphError, Node};
use crate::operator::{Domain, Promise, Reach, Type, Visible};
use fieldstone_kernel::Patch;
use std::ops::Range;
use std::sync::Arc;

/// Values of one slab may take about this much where some are kept: thicker slabs waste less on their overlap.
const KEPT_SLAB_BYTES: u64 = 512 << 20;
/// The same where nothing but the result is: no overlap, and its reader finds it in the cache or near it.
const SLAB_BYTES: u64 = 64 << 20;
/// Planes of a slab at least.
const MIN_SLAB: u32 = 16;

/// How a graph's result, or one operator's values, will be computed.
#[derive(Clone)]
pub struct Plan {
    pub(crate) graph: Arc<Graph>,
    pub(crate) target: usize,
    /// By operator: what its consumers see; `None` where the target does not depend on it.
    pub(crate) visible: Vec<Option<Visible>>,
    /// By operator: whether its values are kept in slabs instead of computed block by block.
    pub(crate) kept: Vec<bool>,
    /// By operator: whether its values are those of its first input ([`Reach::Distances`]).
    pub(crate) passes: Vec<bool>,
    /// By operator: planes beyond the slab that its consumers ask for.
    pub(crate) halo: Vec<u32>,
    /// By operator: planes beyond those that it asks of its inputs.
    pub(crate) cells: Vec<u32>,
    /// Operators whose values are needed as whole volumes before anything else, directly or for other volumes; inputs first.
    pub(crate) volumes: Vec<usize>,
    pub(crate) domains: Domains,
    pub(crate) slab: u32,
}

impl Plan {
    /// For the values of `target`, seen by their consumer as `visible`.
    pub fn new(graph: &Arc<Graph>, target: usize, visible: Visible) -> Result<Plan, GraphError> {
        let nodes = graph.nodes();
        let mut plan = Plan {
            graph: graph.clone(),
            target,
            visible: vec![None; nodes.len()],
            kept: vec![false; nodes.len()],
            passes: passes(graph),
            halo: vec![0; nodes.len()],
            cells: vec![0; nodes.len()],
            volumes: Vec::new(),
            domains: Domains::find(graph)?,
            slab: 0,
        };
        let needed = needed(graph, target);
        plan.check_places(&needed)?;
        plan.want_volumes(&needed)?;
        plan.look_back(visible);
        plan.slab = plan.slab_height();
        Ok(plan)
    }

    /// For the graph's result.
    pub fn of_result(graph: &Arc<Graph>, visible: Visible) -> Result<Plan, GraphError> {
        Plan::new(graph, graph.sink(), visible)
    }

    /// What it is a plan of.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Where the target's samples are.
    pub fn target_domain(&self) -> Result<&Domain, GraphError> {
        let domain = self.domain_of(self.target);
        domain.ok_or_else(|| self.graph.error_at(self.target, "its values belong to no sample points"))
    }

    /// The operator that makes the points of the target's samples.
    pub fn target_source(&self) -> Option<usize> {
        self.domains.speaker(self.target)
    }

    /// Whether operator `source` makes the points of the target's samples, alone or beside others that make the same.
    pub fn is_target_source(&self, source: usize) -> bool {
        self.domains.makes_points_of(source, self.target)
    }

    pub(crate) fn domain_of(&self, node: usize) -> Option<&Domain> {
        self.domains.of(node)
    }

    /// The box that the values of `node` fill when they are sampled as a volume.
    pub(crate) fn volume_patch(&self, node: usize) -> Result<Patch, GraphError> {
        let refuse = |what: &str| self.graph.error_at(node, what);
        let domain = self.domain_of(node).ok_or_else(|| refuse("its values belong to no sample points"))?;
        if let Domain::List(_) = domain {
            return Err(refuse("is sampled as a volume, but its values are on a list of points"));
        }
        let turned = "is sampled as a volume, but the xform of its sample points turns or mirrors them";
        domain.upright_patch().ok_or_else(|| refuse(turned))
    }

    /// Values per sample of the target, as far as they are known; `bytes` knows sizes of assets by operator and parameter.
    pub fn channels(&self, bytes: AssetSizes<'_>) -> Option<usize> {
        self.graph.channels(bytes)[self.target]
    }

    /// The operator whose values it is a plan for.
    pub fn target(&self) -> usize {
        self.target
    }

    /// What the target's values are.
    pub fn result_type(&self) -> Type {
        self.graph.nodes()[self.target].entry.output
    }

    /// What the target's values promise.
    pub fn promise(&self) -> Promise {
        promises(&self.graph)[self.target]
    }

    /// Samples of the target.
    pub fn sample_count(&self) -> u64 {
        self.resolution().iter().map(|n| u64::from(*n)).product()
    }

    /// Samples per axis of the target.
    pub fn resolution(&self) -> [u32; 3] {
        self.domain_of(self.target).map_or([0; 3], Domain::resolution)
    }

    /// The ranges of z planes that are computed one after the other.
    pub fn slabs(&self) -> impl Iterator<Item = Range<u32>> + use<> {
        let (nz, slab) = (self.resolution()[2], self.slab.max(1));
        (0..nz).step_by(slab as usize).map(move |z| z..(z + slab).min(nz))
    }

    /// Whether values are kept.
    pub(crate) fn keeps(&self) -> bool {
        self.kept.contains(&true)
    }

    /// Upper bound of the memory that evaluating one slab after the other takes, the slab handed out included; assets
    /// are not counted.
    pub fn memory_bytes(&self) -> u64 {
        let volumes: u64 = self.volumes.iter().map(|v| 4 * 3 * self.samples_of(*v)).sum();
        let scratch = 64 << 20;
        volumes + self.slab_bytes(self.slab) + scratch
    }

    /// Operators that want a distance and get less: a text each. What they make has not the measures that their parameters say.
    pub fn uneven(&self) -> Vec<String> {
        let (nodes, promises) = (self.graph.nodes(), promises(&self.graph));
        let mut found = Vec::new();
        for &i in self.graph.order().iter().filter(|i| self.visible[**i].is_some()) {
            let ports = nodes[i].entry.inputs.iter().zip(&nodes[i].inputs);
            for (port, from) in ports.filter_map(|(p, from)| Some((p, (*from)?))) {
                if promises[from] < port.wants {
                    let what = format!(
                        "input {:?} is no distance in mm: operators[{from}] ({}) gives values that rise at another pace, so its measures come out uneven; a Redistance between the two mends that",
                        port.name, nodes[from].entry.type_name
                    );
                    found.push(self.graph.error_at(i, what).to_string());
                }
            }
        }
        found
    }

    /// Refuses operators that cannot work where their samples are, also those that make volumes on the way.
    fn check_places(&self, needed: &[bool]) -> Result<(), GraphError> {
        let nodes = self.graph.nodes();
        for &i in self.graph.order().iter().filter(|i| needed[**i]) {
            let patch = self.domain_of(i).and_then(Domain::metric_patch);
            if patch.is_none() && matches!(nodes[i].entry.reach, Reach::Cells(_) | Reach::Distances { .. }) {
                let what =
                    "needs samples on a grid at right angles: points of a GenerateSamplePoints, not sheared";
                return Err(self.graph.error_at(i, what));
            }
            let checked = (nodes[i].entry.check_on)(&nodes[i].values, patch.as_ref());
            checked.map_err(|e| self.graph.error_at(i, e.to_string()))?;
        }
        Ok(())
    }

    /// Operators that make distances of the surface of what they are given.
    pub fn redistanced(&self) -> usize {
        let nodes = self.graph.nodes();
        let makes = |i: &usize| matches!(nodes[*i].entry.reach, Reach::Distances { .. }) && !self.passes[*i];
        (0..nodes.len()).filter(|i| self.visible[*i].is_some()).filter(makes).count()
    }

    /// What the rounding of the target's points costs, where that is more than 1e-6 of their grid: those far from the origin are
    /// coarse in single precision.
    pub fn rounded(&self) -> Option<String> {
        let source = self.target_source()?;
        let of_points = self.graph.nodes()[source].entry.output == Type::Vec3f;
        let domains::Reach { sides, farthest } = domains::Reach::of(self.domains.of_source(source)?)?;
        let (longest, step) = (sides.into_iter().fold(0.0, f64::max), farthest * f64::from(f32::EPSILON));
        let what = format!(
            "its points lie {farthest} mm from the origin: they are rounded there by up to {:.1e} mm, {:.1e} of the grid's {longest} mm",
            0.5 * step,
            0.5 * step / longest
        );
        (of_points && 0.5 * step > 1e-6 * longest).then(|| self.graph.error_at(source, what).to_string())
    }

    fn samples_of(&self, node: usize) -> u64 {
        let n = self.domain_of(node).map_or([0; 3], Domain::resolution);
        n.iter().map(|n| u64::from(*n)).product()
    }

    /// Bytes of kept values and of the result for slabs of so many planes.
    fn slab_bytes(&self, height: u32) -> u64 {
        let [nx, ny, nz] = self.resolution().map(u64::from);
        let plane = 4 * nx * ny;
        let planes = |beyond: u32| nz.min(u64::from(height) + 2 * u64::from(beyond));
        let channels = |node: usize| match self.graph.nodes()[node].entry.output {
            Type::Vec3f => 3,
            Type::Any => 4,
            _ => 1,
        };
        let kept = (0..self.kept.len()).filter(|n| self.kept[*n]);
        // Values in, values out, and what the operator itself remembers: Redistance a copy, three crossings a sample at most, their tree.
        let each =
            |n: usize| plane * planes(self.halo[n].saturating_add(self.cells[n])) * (2 * channels(n) + 4);
        kept.map(each).sum::<u64>() + plane * planes(0) * channels(self.target)
    }

    fn slab_height(&self) -> u32 {
        let nz = self.resolution()[2];
        let most = if self.keeps() { KEPT_SLAB_BYTES } else { SLAB_BYTES };
        if self.slab_bytes(nz) <= most || self.halo.iter().chain(&self.cells).any(|h| *h >= nz) {
            return nz;
        }
        let mut height = nz;
        while height > MIN_SLAB && self.slab_bytes(height) > most {
            height = (height / 2).next_multiple_of(8);
        }
        height
    }

    /// From the target to the sources: what is seen, what is kept, how far it reaches.
    fn look_back(&mut self, visible: Visible) {
        let graph = self.graph.clone();
        let extents = extents(&graph);
        self.visible[self.target] = Some(visible);
        self.halo[self.target] = visible.cells;
        self.keep_if_volume(self.target);
        for &i in graph.order().iter().rev() {
            let Some(visible) = self.visible[i] else { continue };
            let node = &graph.nodes()[i];
            self.keep(i, visible);
            let spacing = self.domain_of(i).and_then(Domain::metric_patch).map_or([0.0; 3], |p| p.spacing());
            let seen = match self.passes[i] {
                true => visible,
                false => (node.entry.sees)(&node.values, visible, spacing, &extents_of(node, &extents)),
            };
            for (port, input) in node.entry.inputs.iter().zip(&node.inputs) {
                let Some(input) = *input else { continue };
                if port.takes == Type::Volume {
                    continue;
                }
                self.visible[input] = Some(self.visible[input].map_or(seen, |v| v.or(seen)));
                // Blocks that nobody sees are passed over by bounds of a box that is larger by the cells seen.
                let margin = if self.kept[i] { seen.cells } else { 0 };
                let asked = self.halo[i].saturating_add(self.cells[i]).saturating_add(margin);
                self.halo[input] = self.halo[input].max(asked);
                self.keep_if_volume(input);
            }
        }
    }

    /// A volume's samples are read where they are.
    fn keep_if_volume(&mut self, node: usize) {
        self.kept[node] |= self.graph.nodes()[node].entry.output == Type::Volume;
    }

    /// Values that are sampled as volumes are computed first, all of them.
    fn want_volumes(&mut self, needed: &[bool]) -> Result<(), GraphError> {
        let graph = self.graph.clone();
        let mut wanted = vec![false; needed.len()];
        for &i in graph.order().iter().filter(|i| needed[**i]) {
            let node = &graph.nodes()[i];
            let ports = node.entry.inputs.iter().zip(&node.inputs);
            for input in ports.filter(|(port, _)| port.takes == Type::Volume).filter_map(|(_, from)| *from) {
                self.volume_patch(input)?;
                wanted[input] = graph.nodes()[input].entry.output != Type::Volume;
            }
        }
        self.volumes = graph.order().iter().copied().filter(|i| wanted[*i]).collect();
        Ok(())
    }

    fn keep(&mut self, i: usize, visible: Visible) {
        let node = &self.graph.nodes()[i];
        match node.entry.reach {
            Reach::Point => {}
            Reach::Patch => self.kept[i] = self.patch_of(i).is_some(),
            Reach::Cells(reach) | Reach::Distances { cells: reach, .. } => {
                let patch = self.domain_of(i).and_then(Domain::metric_patch);
                let Some(patch) = patch.filter(|_| !self.passes[i]) else { return };
                self.kept[i] = true;
                self.cells[i] = reach(&node.values, visible, patch.spacing()).unwrap_or(u32::MAX);
            }
        }
    }

    /// The patch, in its own frame, that operator `i` samples straight from a grid; `None` where its points were bent,
    /// turned or mirrored on the way.
    pub(crate) fn patch_of(&self, i: usize) -> Option<Patch> {
        use crate::affine::Affine;
        let node = &self.graph.nodes()[i];
        let source = (*node.inputs.first()?)?;
        let Domain::Grid { patch, affine } = self.domains.of_source(source)? else { return None };
        let straight = |a: &Affine| a.is_diagonal() && (0..3).all(|k| a.linear[k][k] > 0.0);
        let place = Affine::placement(&node.values, "xform").ok()?.inverse()?;
        if !straight(affine) || !straight(&place) {
            return None;
        }
        let scale = |a: usize| place.linear[a][a] * affine.linear[a][a];
        let size = std::array::from_fn(|a| patch.size()[a] * scale(a));
        let offset = place.apply(affine.apply(patch.offset()));
        Patch::new(size, offset, patch.resolution()).ok()
    }
}

/// Which operators `target` depends on, itself among them.
fn needed(graph: &Graph, target: usize) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    needed[target] = true;
    for &i in graph.order().iter().rev() {
        if needed[i] {
            graph.nodes()[i].inputs.iter().flatten().for_each(|from| needed[*from] = true);
        }
    }
    needed
}

/// What the values of each operator promise.
fn promises(graph: &Graph) -> Vec<Promise> {
    let mut promises = vec![Promise::Distance; graph.nodes().len()];
    for &i in graph.order() {
        let node = &graph.nodes()[i];
        let inputs: Vec<_> = node.inputs.iter().flatten().map(|from| promises[*from]).collect();
        promises[i] = (node.entry.promise)(&node.values, &inputs);
    }
    promises
}

/// Which operators would make distances of what is promised to be distances, on the same grid: their input is passed on.
fn passes(graph: &Graph) -> Vec<bool> {
    let promises = promises(graph);
    let passes = |node: &Node| {
        let Reach::Distances { alone, .. } = node.entry.reach else { return false };
        let Some(Some(from)) = node.inputs.first() else { return false };
        // The surface that samples of an open mesh have closes its holes, and the distances to the mesh do not know of that.
        let of_mesh = matches!(graph.nodes()[*from].entry.reach, Reach::Patch);
        promises[*from] == Promise::Distance && !of_mesh && alone(&node.values)
    };
    graph.nodes().iter().map(passes).collect()
}

/// How far and steeply the values of each operator go.
fn extents(graph: &Graph) -> Vec<Extent> {
    let mut extents = vec![Extent::ANY; graph.nodes().len()];
    let promises = promises(graph);
    for &i in graph.order() {
        let node = &graph.nodes()[i];
        extents[i] = (node.entry.extent)(&node.values, &extents_of(node, &extents));
        if promises[i] >= Promise::Bound {
            extents[i].slope = extents[i].slope.min(1.0);
        }
    }
    extents
}

/// Those of the operators that feed `node`, by port.
fn extents_of(node: &Node, extents: &[Extent]) -> Vec<Extent> {
    node.inputs.iter().map(|from| from.map_or(Extent::ANY, |from| extents[from])).collect()
}
