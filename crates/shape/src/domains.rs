//! Where the samples of each operator's values are: on the grid, the list or the volume that its inputs come from.
//!
//! Values that meet sample by sample belong to the same samples. Points that a graph writes down have a place; two
//! such places that meet must be one. A volume from an asset has as many samples and no place of its own: it takes that of the
//! points that its samples meet, wherever in the graph they do, and lies in its default box where they meet none.

use crate::graph::{Graph, GraphError};
use crate::operator::{Domain, Type};

/// Samples no farther apart than this share of the shortest cell are at the same place.
const SAME_PLACE: f64 = 1e-4;

/// The samples of every operator of a graph.
#[derive(Clone)]
pub(crate) struct Domains {
    /// Operators whose values are on the same samples form a tree; its root has itself as parent.
    parents: Vec<usize>,
    /// By root: the source that says where the samples are.
    speakers: Vec<Option<usize>>,
    /// By source.
    domains: Vec<Option<Domain>>,
}

impl Domains {
    /// Refuses grids with more samples than the graph's limit, and values of different places that meet.
    pub(crate) fn find(graph: &Graph) -> Result<Domains, GraphError> {
        let count = graph.nodes().len();
        let mut found = Domains {
            parents: (0..count).collect(),
            speakers: vec![None; count],
            domains: vec![None; count],
        };
        for &i in graph.order() {
            let node = &graph.nodes()[i];
            if let Some(domain) = node.entry.domain {
                let domain = domain(&node.values).map_err(|e| graph.error_at(i, e.to_string()))?;
                check_size(graph, i, &domain)?;
                if node.entry.output == Type::Vec3f {
                    check_resolved(&domain).map_err(|what| graph.error_at(i, what))?;
                }
                (found.speakers[i], found.domains[i]) = (Some(i), Some(domain));
            }
            for (port, input) in node.entry.inputs.iter().zip(&node.inputs) {
                if let (Some(input), true) = (*input, port.takes != Type::Volume) {
                    found.join(graph, i, port.name, input)?;
                }
            }
        }
        Ok(found)
    }

    /// The source that says where the samples of `node` are.
    pub(crate) fn speaker(&self, node: usize) -> Option<usize> {
        self.speakers[self.root(node)]
    }

    /// Where the samples of `node` are.
    pub(crate) fn of(&self, node: usize) -> Option<&Domain> {
        self.of_source(self.speaker(node)?)
    }

    /// The points that `node` itself makes.
    pub(crate) fn of_source(&self, node: usize) -> Option<&Domain> {
        self.domains[node].as_ref()
    }

    /// Whether `source` makes points, and the values of `node` are on them.
    pub(crate) fn makes_points_of(&self, source: usize, node: usize) -> bool {
        self.domains.get(source).is_some_and(Option::is_some) && self.root(source) == self.root(node)
    }

    fn root(&self, mut node: usize) -> usize {
        while self.parents[node] != node {
            node = self.parents[node];
        }
        node
    }

    /// `input` feeds `node`: both are on the same samples.
    fn join(&mut self, graph: &Graph, node: usize, port: &str, input: usize) -> Result<(), GraphError> {
        let (from, to) = (self.root(input), self.root(node));
        if from == to {
            return Ok(());
        }
        let speaker = match (self.speakers[from], self.speakers[to]) {
            (Some(new), Some(old)) => {
                self.check_same(graph, node, port, [new, old])?;
                // Points that are written down win over a volume's default box.
                Some(if has_place(graph, old) || !has_place(graph, new) { old } else { new })
            }
            (new, old) => old.or(new),
        };
        // The chain of a long graph must not become a chain of parents: the input's tree grows.
        self.parents[to] = from;
        self.speakers[from] = speaker;
        Ok(())
    }

    fn check_same(
        &self,
        graph: &Graph,
        node: usize,
        port: &str,
        sources: [usize; 2],
    ) -> Result<(), GraphError> {
        let [new, old] = sources.map(|s| self.domains[s].as_ref().expect("a source has a domain"));
        let placed = sources.iter().all(|s| has_place(graph, *s));
        let told = match () {
            () if new.resolution() != old.resolution() => {
                |d: &Domain| format!("{} samples", d.resolution().map(|n| n.to_string()).join(" × "))
            }
            () if placed && !same_place(new, old) => spelled,
            () => return Ok(()),
        };
        let [new_at, old_at] = sources.map(|s| graph.place(s));
        let what = format!(
            "input {port:?} has {} of {new_at}, the inputs before it {} of {old_at}: values are combined sample by sample",
            told(new),
            told(old)
        );
        Err(graph.error_at(node, what))
    }
}

/// Whether the points of `source` are written down: a volume's are where its size is, else it has samples alone.
fn has_place(graph: &Graph, source: usize) -> bool {
    let node = &graph.nodes()[source];
    node.entry.output != Type::Volume || node.values.numbers("volume_size").is_some()
}

fn check_size(graph: &Graph, i: usize, domain: &Domain) -> Result<(), GraphError> {
    let (n, most) = (domain.resolution(), graph.limits().samples);
    let count = n.iter().map(|n| u128::from(*n)).product::<u128>();
    if count > u128::from(most) {
        let [x, y, z] = n;
        let what = format!("resolution {x} × {y} × {z} is {count} samples, the limit is {most}");
        return Err(graph.error_at(i, what));
    }
    Ok(())
}

/// First sample of a grid, and the last along each axis, in the world.
fn frame(domain: &Domain) -> Option<[[f64; 3]; 4]> {
    let Domain::Grid { patch, affine } = domain else { return None };
    let last = patch.resolution().map(|n| n - 1);
    let at = |index| affine.apply(patch.position(index));
    Some([at([0; 3]), at([last[0], 0, 0]), at([0, last[1], 0]), at([0, 0, last[2]])])
}

/// Refuses a grid so far from the origin that single precision cannot tell its cells apart: they are narrower than 2⁻¹⁶ of its greatest
/// coordinate, so that points are off by more than 1/256 of a cell.
fn check_resolved(domain: &Domain) -> Result<(), String> {
    let (Some(reach), n) = (Reach::of(domain), domain.resolution()) else { return Ok(()) };
    let steps = (0..3).filter(|a| n[*a] > 1).map(|a| reach.sides[a] / f64::from(n[a] - 1));
    match steps.filter(|step| *step > 0.0).find(|step| step * 65536.0 < reach.farthest) {
        Some(step) => Err(format!(
            "cells of {step} mm cannot be told apart in single precision at {} mm from the origin",
            reach.farthest
        )),
        None => Ok(()),
    }
}

/// How far a grid goes.
pub(crate) struct Reach {
    /// Lengths of its edges.
    pub sides: [f64; 3],
    /// The greatest coordinate of its corners.
    pub farthest: f64,
}

impl Reach {
    /// `None` for a list.
    pub fn of(domain: &Domain) -> Option<Reach> {
        let [origin, ends @ ..] = frame(domain)?;
        let sides = ends.map(|p| apart(p, origin));
        let corner = |i: usize, k: usize| {
            let along = (0..3).filter(|a| i >> a & 1 == 1).map(|a| ends[a][k] - origin[k]);
            (origin[k] + along.sum::<f64>()).abs()
        };
        let farthest = (0..8).flat_map(|i| [0, 1, 2].map(|k| corner(i, k))).fold(0.0, f64::max);
        Some(Reach { sides, farthest })
    }
}

fn apart(p: [f64; 3], q: [f64; 3]) -> f64 {
    (0..3).map(|a| (p[a] - q[a]) * (p[a] - q[a])).sum::<f64>().sqrt()
}

/// Whether samples of equal number are at the same points.
fn same_place(a: &Domain, b: &Domain) -> bool {
    if let (Domain::List(a), Domain::List(b)) = (a, b) {
        return a == b;
    }
    let (Some(p), Some(q)) = (frame(a), frame(b)) else { return false };
    let n = a.resolution();
    let spacing = |axis: usize| apart(p[0], p[axis + 1]) / f64::from(n[axis].max(2) - 1);
    let cell = (0..3).map(spacing).filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
    let tolerance = if cell.is_finite() { SAME_PLACE * cell } else { 0.0 };
    (0..4).all(|i| apart(p[i], q[i]) <= tolerance)
}

/// `samples from (0, 0, 0) to (1, 1, 1)`.
pub(crate) fn spelled(domain: &Domain) -> String {
    let Domain::Grid { patch, affine } = domain else { return "the points of a list".to_owned() };
    let at = |index| {
        let [x, y, z] = affine.apply(patch.position(index));
        format!("({x}, {y}, {z})")
    };
    format!("samples from {} to {}", at([0; 3]), at(patch.resolution().map(|n| n - 1)))
}
