//! Small holes: loops of border edges, filled with the triangulation of least area.
//!
//! # Which holes
//! A loop is filled when it has at most [`HoleLimits::few_edges`] edges (a few missing triangles, of any size), or
//! at most [`HoleLimits::max_edges`] and its box's diagonal is at most [`HoleLimits::max_diameter`] of the mesh's;
//! and in either case only when the filling has at most [`HoleLimits::max_area`] of the area of the patch
//! around it: the mouth of a vessel, the end of a wide tube and the outline of a sheet stay open.
//! Nothing is filled with an edge that the mesh has already: that would make it branch.
//!
//! # Source
//! Barequet and Sharir 1995, Filling gaps in the boundary of a polyhedron, section 3 (least area, dynamic
//! programming over the loop), as in Liepa 2003. We add a small weight on the square of each new edge, which
//! decides between the many triangulations of equal area that a flat hole has.

use super::TriMesh;
use super::orient::Patches;
use super::topology::{BORDER, BRANCH, Edges, next, origin};
use crate::aabb::Aabb;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{norm, normal};
use rayon::prelude::*;
use std::collections::HashSet;

/// What counts as a small hole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoleLimits {
    /// Loops with at most so many edges may be of any diameter.
    pub few_edges: usize,
    /// Loops with more edges stay open; the work grows with the cube.
    pub max_edges: usize,
    /// Largest diameter of a loop as a part of the mesh's diagonal.
    pub max_diameter: f64,
    /// Largest area of a filling as a part of its patch's area.
    pub max_area: f64,
}

impl Default for HoleLimits {
    fn default() -> Self {
        HoleLimits { few_edges: 8, max_edges: 128, max_diameter: 0.1, max_area: 0.25 }
    }
}

const EDGE_WEIGHT: f64 = 1e-3;

/// Fills small holes of a mesh whose neighbours agree; new triangles join their patch.
/// Returns how many loops were filled.
pub(super) fn fill(
    mesh: &mut TriMesh,
    edges: &Edges,
    patches: &mut Patches,
    limits: &HoleLimits,
    monitor: &Monitor,
) -> Result<usize, Cancelled> {
    if edges.counts.border == 0 {
        return Ok(0);
    }
    let diameter = limits.max_diameter * mesh.bounds().diagonal();
    let small = |l: &Loop| {
        let around = Aabb::around(l.vertices.iter().map(|&v| &mesh.positions[v as usize]));
        let n = l.vertices.len();
        n <= limits.few_edges || (n <= limits.max_edges && around.diagonal() <= diameter)
    };
    let mut loops = loops(mesh, edges, patches, monitor)?;
    loops.retain(small);
    if loops.is_empty() {
        return Ok(0);
    }
    let mut areas = patches.areas(mesh);
    let fillings: Vec<Result<Option<Filling>, Cancelled>> =
        loops.par_iter().map(|l| monitor.check().map(|()| triangulate(mesh, edges, &l.vertices))).collect();
    let mut open = Vec::new();
    for (l, filling) in loops.iter().zip(fillings) {
        open.extend(filling?.map(|filling| (l.patch, filling)));
    }
    let mut filled = 0;
    let mut new_edges = HashSet::new();
    // What is filled makes a patch larger, and another hole of it small enough: until nothing is left to fill.
    loop {
        let before = open.len();
        open.retain(|(patch, filling)| {
            // A patch without area is a line; closing its outline would only double it.
            let area = areas[*patch as usize];
            let fits = area > 0.0 && filling.area <= limits.max_area * area;
            // Two loops may want the same new edge.
            if !fits || filling.edges.iter().any(|e| new_edges.contains(e)) {
                return true;
            }
            new_edges.extend(filling.edges.iter().copied());
            patches.of.extend(filling.triangles.iter().map(|_| *patch));
            mesh.triangles.extend(&filling.triangles);
            areas[*patch as usize] += filling.area;
            filled += 1;
            false
        });
        if open.len() == before {
            break;
        }
    }
    Ok(filled)
}

struct Loop {
    vertices: Vec<u32>,
    patch: u32,
}

/// All simple loops of border half-edges, by their first half-edge.
fn loops(
    mesh: &TriMesh,
    edges: &Edges,
    patches: &Patches,
    monitor: &Monitor,
) -> Result<Vec<Loop>, Cancelled> {
    let mut done = vec![false; edges.twin.len()];
    let mut out = Vec::new();
    for h in 0..edges.twin.len() as u32 {
        if h % (1 << 16) == 0 {
            monitor.check()?;
        }
        if edges.twin[h as usize] != BORDER || done[h as usize] {
            continue;
        }
        let mut walk = Vec::new();
        let mut at = Some(h);
        while let Some(g) = at
            && !done[g as usize]
        {
            done[g as usize] = true;
            walk.push(origin(&mesh.triangles, g));
            at = next_on_border(mesh, edges, g);
        }
        if at == Some(h) {
            let patch = patches.of[h as usize / 3];
            split_at_pinches(&walk, |vertices| out.push(Loop { vertices, patch }));
        }
    }
    Ok(out)
}

/// Turns round the end of the border half-edge `h` to the border half-edge that leaves there.
fn next_on_border(mesh: &TriMesh, edges: &Edges, h: u32) -> Option<u32> {
    let end = origin(&mesh.triangles, next(h));
    let mut g = next(h);
    loop {
        match edges.twin[g as usize] {
            BORDER => return Some(g),
            BRANCH => return None,
            twin => g = next(twin),
        }
        // Beside a branching or one-sided edge the fan can lead elsewhere or come round again.
        if g == next(h) || origin(&mesh.triangles, g) != end {
            return None;
        }
    }
}

/// A loop that passes a vertex twice is two loops.
fn split_at_pinches(walk: &[u32], mut emit: impl FnMut(Vec<u32>)) {
    let mut place = std::collections::HashMap::new();
    let mut open: Vec<u32> = Vec::new();
    for &v in walk {
        if let Some(&from) = place.get(&v) {
            let inner = open.split_off(from);
            inner.iter().for_each(|u| {
                place.remove(u);
            });
            if inner.len() > 2 {
                emit(inner);
            }
        }
        place.insert(v, open.len());
        open.push(v);
    }
    if open.len() > 2 {
        emit(open);
    }
}

struct Filling {
    triangles: Vec<[u32; 3]>,
    /// New edges, lower vertex first.
    edges: Vec<(u32, u32)>,
    area: f64,
}

/// The cheapest triangulation of a loop without an edge that the mesh has; `None` if there is none.
fn triangulate(mesh: &TriMesh, edges: &Edges, ring: &[u32]) -> Option<Filling> {
    let n = ring.len();
    let p: Vec<[f64; 3]> = ring.iter().map(|&v| mesh.positions[v as usize].map(f64::from)).collect();
    // cost[i][j]: of the part between i and j; split[i][j]: the third corner on the edge i–j.
    let mut cost = vec![0.0f64; n * n];
    let mut split = vec![0usize; n * n];
    for span in 2..n {
        for i in 0..n - span {
            let j = i + span;
            let is_side = i == 0 && j == n - 1;
            if !is_side && !edges.between(ring[i], ring[j]).is_empty() {
                cost[i * n + j] = f64::INFINITY;
                continue;
            }
            let own = if is_side { 0.0 } else { EDGE_WEIGHT * distance2(p[i], p[j]) };
            let (best, k) = (i + 1..j)
                .map(|k| (cost[i * n + k] + cost[k * n + j] + area(p[i], p[k], p[j]), k))
                .fold((f64::INFINITY, i + 1), |a, b| if b.0 < a.0 { b } else { a });
            cost[i * n + j] = best + own;
            split[i * n + j] = k;
        }
    }
    if !cost[n - 1].is_finite() {
        return None;
    }
    let mut filling = Filling { triangles: Vec::with_capacity(n - 2), edges: Vec::new(), area: 0.0 };
    let mut todo = vec![(0, n - 1)];
    while let Some((i, j)) = todo.pop() {
        if j - i < 2 {
            continue;
        }
        let k = split[i * n + j];
        // The other way round than the border runs.
        filling.triangles.push([ring[i], ring[j], ring[k]]);
        filling.area += area(p[i], p[k], p[j]);
        if (i, j) != (0, n - 1) {
            filling.edges.push((ring[i].min(ring[j]), ring[i].max(ring[j])));
        }
        todo.extend([(i, k), (k, j)]);
    }
    Some(filling)
}

fn distance2(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k])).sum()
}

fn area(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    0.5 * norm(normal([a, b, c]))
}
