//! Builds a bounding volume hierarchy top-down by the surface area heuristic, on all cores.
//!
//! # Source
//! Binned SAH: I. Wald, "On fast Construction of SAH-based Bounding Volume Hierarchies", 2007, §3.

use crate::aabb::Aabb;
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

/// Triangles in a leaf at most.
const LEAF_SIZE: usize = 3;
const BINS: usize = 16;
/// Below this depth splits go by count, so that no input makes the tree deeper than twice this.
const SAH_DEPTH: u32 = 40;
/// Deepest tree that can be built or read: a traversal stack of this size never overflows.
pub(crate) const MAX_DEPTH: usize = 2 * SAH_DEPTH as usize;
/// From this many triangles on, both halves are built side by side.
const PARALLEL: usize = 8192;

/// A box and what is in it; depth first, a node's left child follows it.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Node {
    pub min: [f32; 3],
    pub max: [f32; 3],
    /// Leaf: index of the first triangle in tree order. Inner: distance from this node to its right child.
    pub first: u32,
    /// Leaf: number of triangles, at least 1. Inner: 0.
    pub count: u32,
}

/// The hierarchy, with the triangles' corners copied into tree order for locality.
///
/// Memory: at most 36 + 4 + 16 bytes per triangle on typical meshes, 40 more while it is built.
#[derive(Clone, Debug)]
pub struct Bvh {
    pub(crate) nodes: Vec<Node>,
    /// Index in the mesh of each triangle in tree order.
    pub(crate) order: Vec<u32>,
    /// Corners in tree order.
    pub(crate) corners: Vec<[[f32; 3]; 3]>,
}

#[derive(Clone, Copy)]
struct Primitive {
    bounds: Aabb,
    triangle: u32,
}

impl Primitive {
    fn centre2(&self, axis: usize) -> f32 {
        self.bounds.min[axis] + self.bounds.max[axis]
    }
}

impl Bvh {
    /// Builds the hierarchy of all triangles of `mesh`. The tree depends on the mesh alone, not on
    /// the number of threads.
    pub fn build(mesh: &TriMesh, monitor: &Monitor) -> Result<Bvh, Cancelled> {
        let (nodes, order) = over_boxes(mesh.triangles.len(), |t| Aabb::around(&mesh.corners(t)), monitor)?;
        Ok(Bvh::from_parts(mesh, nodes, order))
    }

    pub(crate) fn from_parts(mesh: &TriMesh, nodes: Vec<Node>, order: Vec<u32>) -> Bvh {
        let corners = order.par_iter().map(|&t| mesh.corners(t as usize)).collect();
        Bvh { nodes, order, corners }
    }

    /// The hierarchy of a mesh that differs from its own in which way triangles face.
    pub(crate) fn turned_as(self, mesh: &TriMesh) -> Bvh {
        Bvh::from_parts(mesh, self.nodes, self.order)
    }

    /// Number of triangles.
    pub fn triangle_count(&self) -> usize {
        self.order.len()
    }

    /// Box around everything; empty without triangles.
    pub fn bounds(&self) -> Aabb {
        self.nodes.first().map_or(Aabb::EMPTY, |n| Aabb { min: n.min, max: n.max })
    }
}

/// The tree over `count` boxes, and their indices in tree order.
pub(crate) fn over_boxes(
    count: usize,
    bounds: impl Fn(usize) -> Aabb + Sync,
    monitor: &Monitor,
) -> Result<(Vec<Node>, Vec<u32>), Cancelled> {
    let mut primitives: Vec<Primitive> =
        (0..count).into_par_iter().map(|i| Primitive { bounds: bounds(i), triangle: i as u32 }).collect();
    let mut nodes = Vec::new();
    if !primitives.is_empty() {
        nodes = subtree(&mut primitives, 0, 0, monitor)?;
    }
    let order = primitives.par_iter().map(|p| p.triangle).collect();
    monitor.progress(1.0);
    Ok((nodes, order))
}

/// Nodes of the tree over `primitives`, reordering them; `offset` is the index of their first.
fn subtree(
    primitives: &mut [Primitive],
    offset: usize,
    depth: u32,
    monitor: &Monitor,
) -> Result<Vec<Node>, Cancelled> {
    let mut nodes = Vec::with_capacity(primitives.len());
    if primitives.len() < PARALLEL {
        grow(&mut nodes, primitives, offset, depth);
        return Ok(nodes);
    }
    monitor.check()?;
    let bounds = bounds_of(primitives);
    let middle = split(primitives, depth);
    let (left, right) = primitives.split_at_mut(middle);
    let (a, b) = rayon::join(
        || subtree(left, offset, depth + 1, monitor),
        || subtree(right, offset + middle, depth + 1, monitor),
    );
    let (a, b) = (a?, b?);
    nodes.push(Node { min: bounds.min, max: bounds.max, first: a.len() as u32 + 1, count: 0 });
    nodes.extend_from_slice(&a);
    nodes.extend_from_slice(&b);
    Ok(nodes)
}

fn grow(nodes: &mut Vec<Node>, primitives: &mut [Primitive], offset: usize, depth: u32) {
    let bounds = bounds_of(primitives);
    let at = nodes.len();
    nodes.push(Node {
        min: bounds.min,
        max: bounds.max,
        first: offset as u32,
        count: primitives.len() as u32,
    });
    if primitives.len() <= LEAF_SIZE {
        return;
    }
    let middle = split(primitives, depth);
    let (left, right) = primitives.split_at_mut(middle);
    grow(nodes, left, offset, depth + 1);
    nodes[at].first = (nodes.len() - at) as u32;
    nodes[at].count = 0;
    grow(nodes, right, offset + middle, depth + 1);
}

fn bounds_of(primitives: &[Primitive]) -> Aabb {
    primitives.iter().fold(Aabb::EMPTY, |b, p| b.union(&p.bounds))
}

/// Reorders `primitives` into two parts, neither empty, and returns the size of the first.
fn split(primitives: &mut [Primitive], depth: u32) -> usize {
    let centres = primitives.iter().fold(Aabb::EMPTY, |mut b, p| {
        b.grow([p.centre2(0), p.centre2(1), p.centre2(2)]);
        b
    });
    let extent = centres.extent();
    let axis = (0..3).fold(0, |best, a| if extent[a] > extent[best] { a } else { best });
    if extent[axis] > 0.0 && depth < SAH_DEPTH {
        let scale = (BINS as f64 * (1.0 - 1e-6) / extent[axis]) as f32;
        let bin = |p: &Primitive| (((p.centre2(axis) - centres.min[axis]) * scale) as usize).min(BINS - 1);
        let border = cheapest_border(primitives, bin);
        let middle = partition(primitives, |p| bin(p) < border);
        if 0 < middle && middle < primitives.len() {
            return middle;
        }
    }
    let middle = primitives.len() / 2;
    primitives.select_nth_unstable_by(middle, |a, b| {
        a.centre2(axis).total_cmp(&b.centre2(axis)).then(a.triangle.cmp(&b.triangle))
    });
    middle
}

/// The border between bins at which area × count summed over both sides is least.
fn cheapest_border(primitives: &[Primitive], bin: impl Fn(&Primitive) -> usize) -> usize {
    let mut bins = [(Aabb::EMPTY, 0u32); BINS];
    for p in primitives {
        let b = &mut bins[bin(p)];
        *b = (b.0.union(&p.bounds), b.1 + 1);
    }
    let mut right = [0.0f32; BINS];
    let mut side = (Aabb::EMPTY, 0u32);
    for i in (1..BINS).rev() {
        side = (side.0.union(&bins[i].0), side.1 + bins[i].1);
        right[i] = cost(&side);
    }
    let mut best = (f32::INFINITY, BINS / 2);
    side = (Aabb::EMPTY, 0);
    for i in 1..BINS {
        side = (side.0.union(&bins[i - 1].0), side.1 + bins[i - 1].1);
        let total = cost(&side) + right[i];
        if total < best.0 {
            best = (total, i);
        }
    }
    best.1
}

fn cost((bounds, count): &(Aabb, u32)) -> f32 {
    let e: [f32; 3] = std::array::from_fn(|a| (bounds.max[a] - bounds.min[a]).max(0.0));
    (e[0] * e[1] + e[1] * e[2] + e[2] * e[0]) * *count as f32
}

/// Moves what satisfies `first` to the front and returns how many do. Not stable, but determined by the input.
fn partition(primitives: &mut [Primitive], first: impl Fn(&Primitive) -> bool) -> usize {
    let mut middle = 0;
    for i in 0..primitives.len() {
        if first(&primitives[i]) {
            primitives.swap(i, middle);
            middle += 1;
        }
    }
    middle
}
