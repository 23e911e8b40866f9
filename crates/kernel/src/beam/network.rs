//! A network of lines, and the hierarchy over them.

use super::reach::{Candidates, Near, Rule};
use super::strut::to_segment;
use super::{BeamError, Limits, check_edges};
use crate::aabb::Aabb;
use crate::bvh::{Node, over_boxes};
use crate::monitor::{Cancelled, Monitor};
use crate::vector::norm;

/// Nodes and edges between them, checked; coordinates are `f32` exact.
#[derive(Clone, Debug, PartialEq)]
pub struct LineNetwork {
    nodes: Vec<[f32; 3]>,
    edges: Vec<[u32; 2]>,
    radii: Option<Vec<f32>>,
}

impl LineNetwork {
    /// Nodes in mm, edges as pairs of node indices, and where given a section radius per edge in mm.
    /// Refuses edges that end nowhere, have no length or are given twice.
    pub fn new(
        nodes: &[[f64; 3]],
        edges: Vec<[u32; 2]>,
        radii: Option<Vec<f32>>,
        limits: &Limits,
    ) -> Result<LineNetwork, BeamError> {
        if nodes.len() <= limits.nodes && edges.len() <= limits.edges {
            // Rounded before it is checked: two nodes may become one.
            let rounded: Vec<[f64; 3]> = nodes.iter().map(|p| p.map(|c| f64::from(c as f32))).collect();
            check_edges(&rounded, &edges, false, limits)?;
        } else {
            check_edges(nodes, &edges, false, limits)?;
        }
        if let Some(radii) = &radii {
            if radii.len() != edges.len() {
                return Err(BeamError::RadiiCount { radii: radii.len(), edges: edges.len() });
            }
            if let Some(index) = radii.iter().position(|r| !(r.is_finite() && *r >= 0.0)) {
                return Err(BeamError::Radius { index, value: f64::from(radii[index]) });
            }
        }
        Ok(LineNetwork { nodes: nodes.iter().map(|p| p.map(|c| c as f32)).collect(), edges, radii })
    }

    /// Where the nodes are.
    pub fn nodes(&self) -> &[[f32; 3]] {
        &self.nodes
    }

    /// Which nodes the edges join.
    pub fn edges(&self) -> &[[u32; 2]] {
        &self.edges
    }

    /// Section radius of each edge, where the network has its own.
    pub fn radii(&self) -> Option<&[f32]> {
        self.radii.as_deref()
    }

    pub(super) fn ends(&self, edge: usize) -> [[f32; 3]; 2] {
        self.edges[edge].map(|n| self.nodes[n as usize])
    }

    pub(super) fn segment(&self, edge: usize) -> [[f64; 3]; 2] {
        self.ends(edge).map(|p| p.map(f64::from))
    }

    /// Box around all edges (axes, not surfaces).
    pub fn bounds(&self) -> Aabb {
        (0..self.edges.len()).fold(Aabb::EMPTY, |b, e| b.union(&Aabb::around(&self.ends(e))))
    }
}

/// Bounding volume hierarchy over the edges of a network.
#[derive(Clone, Debug)]
pub struct NetworkBvh {
    pub(super) nodes: Vec<Node>,
    /// Edges in tree order.
    pub(super) order: Vec<u32>,
}

impl NetworkBvh {
    /// Builds the hierarchy; it depends on the network alone, not on the number of threads.
    pub fn build(network: &LineNetwork, monitor: &Monitor) -> Result<NetworkBvh, Cancelled> {
        let bounds = |e| Aabb::around(&network.ends(e));
        let (nodes, order) = over_boxes(network.edges.len(), bounds, monitor)?;
        Ok(NetworkBvh { nodes, order })
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.order.len()
    }

    /// Walks the tree, nearer children first: `limit` says how far from `p` boxes are still wanted, `leaf` takes edges.
    fn walk(&self, p: [f64; 3], mut visit: impl FnMut(Visit) -> f64) {
        let mut stack = Vec::with_capacity(crate::bvh::MAX_STACK);
        stack.extend(self.nodes.first().map(|n| (0usize, to_box(n, p))));
        while let Some((at, distance)) = stack.pop() {
            if distance > visit(Visit::Limit) {
                continue;
            }
            let node = &self.nodes[at];
            if node.count > 0 {
                for &edge in &self.order[node.first as usize..(node.first + node.count) as usize] {
                    visit(Visit::Edge(edge));
                }
                continue;
            }
            let [a, b] = [at + 1, at + node.first as usize].map(|c| (c, to_box(&self.nodes[c], p)));
            stack.extend(if a.1 < b.1 { [b, a] } else { [a, b] });
        }
    }

    /// Edges, and the nodes at their ends, that may matter in a ball around `centre`.
    /// `radius` gives an edge's section radius, `radii` the least and greatest of all.
    pub(super) fn candidates(
        &self,
        network: &LineNetwork,
        rule: &Rule,
        centre: [f64; 3],
        ball: f64,
        radius: impl Fn(u32) -> f64,
        radii: [f64; 2],
    ) -> Candidates {
        let distance = |edge: u32| {
            let [a, b] = network.segment(edge as usize);
            to_segment(centre, a, b)
        };
        let (mut near, mut surface) = (Near::default(), f64::INFINITY);
        self.walk(centre, |v| {
            if let Visit::Edge(edge) = v {
                let (s, r) = (distance(edge), radius(edge));
                rule.note_strut(&mut near, s, r);
                surface = surface.min(rule.surface(s, r));
            }
            surface - rule.surface(0.0, radii[1])
        });
        let horizon = rule.horizon(&near, radii[1], ball);
        let mut found = Candidates::default();
        self.walk(centre, |v| {
            if let Visit::Edge(edge) = v
                && distance(edge) <= rule.horizon(&near, radius(edge), ball)
            {
                found.struts.push(edge);
                found.nodes.extend(network.edges[edge as usize]);
            }
            horizon
        });
        found.struts.sort_unstable();
        found.nodes.sort_unstable();
        found.nodes.dedup();
        found
    }
}

/// What a walk through the tree meets.
enum Visit {
    /// How far are boxes wanted?
    Limit,
    /// An edge in a leaf.
    Edge(u32),
}

fn to_box(n: &Node, p: [f64; 3]) -> f64 {
    let d: [f64; 3] =
        std::array::from_fn(|a| (f64::from(n.min[a]) - p[a]).max(p[a] - f64::from(n.max[a])).max(0.0));
    norm(d)
}
