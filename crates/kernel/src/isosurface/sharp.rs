//! Sharp features: a vertex on the crease of every cell that one passes, and edges along it.
//!
//! # Formula
//! Extended marching cubes (Kobbelt, Botsch, Schwanecke and Seidel 2001). Where the normals at a loop's crossings span more than an
//! angle, the loop gets a vertex at `x` that minimises `Σ (n · (x − p))²`, nearest to the crossings' mean where that leaves it open:
//! eigenvalues below [`LEAST_EIGENVALUE`] of the greatest count as 0. `x` stays in or near the cell.
//! Then an edge between two cells' loops that both have such a vertex is replaced by the edge between these vertices.
//!
//! # Promises
//! The mesh stays a closed 2-manifold. An edge is replaced only where the new one is not there already, which is the link
//! condition of an edge flip, and where neither new triangle turns away from the old ones.

use super::lattice::Lattice;
use super::rows::cells;
use super::slab::Slab;
use super::table::{INNER, Part, table};
use super::task::Task;
use super::write::{Numbers, Places, range};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{cross, dot, sub};
use rayon::prelude::*;
use std::collections::HashSet;

/// Eigenvalues below this share of the greatest say nothing: it is that of two planes at 20 degrees.
const LEAST_EIGENVALUE: f64 = 0.03;

/// So many cells a feature may lie outside its own.
const REACH: f64 = 0.5;

/// Who knows a field between its samples.
pub trait Gradients: Sync {
    /// Writes the field and its gradient at each of at most 4096 `positions`. A gradient that is zero or not finite is not
    /// known, and the cells around have no feature. Called from several threads, for different positions.
    fn gradients(&self, positions: &[[f32; 3]], values: &mut [f32], gradients: &mut [[f32; 3]]);
}

/// How sharp features are found.
#[derive(Clone, Copy)]
pub struct Sharp<'a> {
    /// The field itself: crossings then lie where it crosses, not where the linear interpolant does. `None`: the gradient of the
    /// trilinear interpolant at a crossing, within the cell that asks. That sees a crease smeared over the cell and restores
    /// only some of it (a tenth of the missing volume of a box).
    pub field: Option<&'a dyn Gradients>,
    /// Normals that differ by more than this make a feature, in degrees.
    pub angle: f64,
}

/// A loop's feature.
pub(super) struct Feature {
    /// The loop's vertices, in order.
    ring: Vec<u32>,
    /// Its first triangle in the mesh.
    triangle: usize,
    /// Its inner vertex, if it has one.
    centre: Option<u32>,
    /// Where it lies: within its cell.
    position: [f32; 3],
    /// Where it had better lie, outside its cell, if no other vertex lies there.
    beyond: Option<[f32; 3]>,
}

impl Feature {
    /// Whether it brings a vertex and two triangles more; else its loop has a centre already.
    pub fn has_new_vertex(&self) -> bool {
        self.centre.is_none()
    }
}

/// Field and gradient at the vertices from `first` on.
#[derive(Default)]
pub(super) struct Known {
    first: usize,
    values: Vec<f32>,
    gradients: Vec<[f32; 3]>,
}

impl Known {
    /// Room for `count` more vertices.
    pub fn lengthen(&mut self, count: usize) -> (&mut [f32], &mut [[f32; 3]]) {
        let from = self.values.len();
        self.values.resize(from + count, 0.0);
        self.gradients.resize(from + count, [0.0; 3]);
        (&mut self.values[from..], &mut self.gradients[from..])
    }

    /// Forgets the vertices below `first`.
    pub fn forget(&mut self, first: usize) {
        self.values.drain(..first - self.first);
        self.gradients.drain(..first - self.first);
        self.first = first;
    }

    fn at(&self, vertex: u32) -> (f64, [f64; 3]) {
        let i = vertex as usize - self.first;
        (f64::from(self.values[i]), self.gradients[i].map(f64::from))
    }
}

/// Finds the features of the cells of `tasks`, whose triangles begin at `first`, in order.
pub(super) fn find(
    slab: &Slab,
    places: &Places,
    tasks: &[Task],
    (mesh, first): (&TriMesh, usize),
    known: Option<&Known>,
    angle: f64,
    monitor: &Monitor,
) -> Result<Vec<Feature>, Cancelled> {
    let starts: Vec<usize> = tasks
        .iter()
        .scan(first, |next, task| {
            *next += task.triangles;
            Some(*next - task.triangles)
        })
        .collect();
    let finder = Finder { slab, mesh, known, limit: angle.to_radians().cos() };
    let found: Vec<Vec<Feature>> = tasks
        .par_iter()
        .zip(starts)
        .filter(|(task, _)| task.layer)
        .map(|(task, mut triangle)| {
            monitor.check()?;
            let mut features = vec![];
            for j in task.rows.clone() {
                if j + 1 < slab.lattice.n[1] {
                    finder.row(places, task.p, j, triangle, &mut features);
                }
                triangle += places.layer(task.p, j).triangles as usize;
            }
            Ok(features)
        })
        .collect::<Result<_, Cancelled>>()?;
    Ok(found.into_iter().flatten().collect())
}

struct Finder<'a> {
    slab: &'a Slab<'a>,
    mesh: &'a TriMesh,
    known: Option<&'a Known>,
    /// Cosine of the angle.
    limit: f64,
}

impl Finder<'_> {
    fn row(&self, places: &Places, p: usize, j: usize, mut triangle: usize, features: &mut Vec<Feature>) {
        let (table, mut numbers) = (table(), Numbers::new(places, p, j));
        cells(self.slab, p, j, |i, case, entry| {
            let ids = numbers.advance(case, entry);
            let first = features.len();
            let base = table.triangles[range(&entry.triangles)].len();
            for part in table.parts[range(&entry.parts)].iter().filter(|part| !part.boundary.is_empty()) {
                let at = triangle + (part.triangles.start - entry.triangles.start) as usize;
                let Some(feature) = self.feature(part, ids, at, [i, j, p]) else { continue };
                // Two sheets may be kept inside the cell at the same place.
                let inner = (INNER..INNER + entry.inner.len()).map(|k| self.mesh.positions[ids[k] as usize]);
                let mut taken = inner.chain(features[first..].iter().map(|f| f.position));
                if taken.all(|other| other != feature.position) {
                    features.push(feature);
                }
            }
            triangle += base;
        });
    }

    fn feature(&self, part: &Part, ids: &[u32], triangle: usize, [i, j, p]: [usize; 3]) -> Option<Feature> {
        let ring: Vec<u32> = part.boundary.iter().map(|&e| ids[usize::from(e)]).collect();
        let lattice: &Lattice = self.slab.lattice;
        let at = |v: u32| self.mesh.positions[v as usize].map(f64::from);
        let planes: Option<Vec<Plane>> = match self.known {
            Some(known) => ring
                .iter()
                .map(|&v| {
                    let (value, gradient) = known.at(v);
                    Plane::new(at(v), value - f64::from(lattice.isovalue), gradient)
                })
                .collect(),
            None => {
                let values = self.slab.values(i, j, p);
                let gradient = |e: u8| lattice.gradient(lattice.crossing_of(e.into(), &values), &values);
                ring.iter().zip(&part.boundary).map(|(&v, &e)| Plane::new(at(v), 0.0, gradient(e))).collect()
            }
        };
        let planes = planes?;
        let mut pairs = planes.iter().enumerate().flat_map(|(k, a)| planes[..k].iter().map(move |b| (a, b)));
        if pairs.all(|(a, b)| dot(a.normal, b.normal) >= self.limit) {
            return None;
        }
        let base = [i, j, self.slab.base + p].map(|c| c as f64);
        let best = lattice.cells(nearest(&planes));
        let position = lattice.within(base, best);
        // Of a crease that only grazes the cell the best point lies a little outside.
        let holder = [0, 1, 2].map(|k| best[k].floor());
        let near = (0..3).all(|k| (base[k] - REACH..=base[k] + 1.0 + REACH).contains(&best[k]));
        let beyond = (near && holder != base).then(|| lattice.within(holder, best));
        let centre = (!part.inner.is_empty()).then(|| ids[INNER + part.inner.start as usize]);
        Some(Feature { ring, triangle, centre, position, beyond })
    }
}

/// Moves features beyond their cells, but never two vertices to one place.
fn settle(mesh: &TriMesh, features: &mut [Feature], monitor: &Monitor) -> Result<(), Cancelled> {
    let key = |p: &[f32; 3]| p.map(|c| (c + 0.0).to_bits());
    let wanted: HashSet<[u32; 3]> = features.iter().filter_map(|f| f.beyond.as_ref().map(key)).collect();
    let mut taken: HashSet<[u32; 3]> = features.iter().map(|f| key(&f.position)).collect();
    for chunk in mesh.positions.chunks(1 << 16) {
        monitor.check()?;
        taken.extend(chunk.iter().map(key).filter(|k| wanted.contains(k)));
    }
    for f in features {
        if let Some(beyond) = f.beyond
            && taken.insert(key(&beyond))
        {
            f.position = beyond;
        }
    }
    Ok(())
}

/// Gives every feature its vertex and triangles, then replaces edges between features.
pub(super) fn apply(
    mesh: &mut TriMesh,
    mut features: Vec<Feature>,
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    settle(mesh, &mut features, monitor)?;
    // Per edge of a ring: its ends, lower first; the feature's vertex; its triangle.
    let mut edges: Vec<([u32; 2], u32, usize)> = vec![];
    for (n, f) in features.iter().enumerate() {
        if n % 4096 == 0 {
            monitor.check()?;
        }
        let centre = match f.centre {
            Some(v) => {
                mesh.positions[v as usize] = f.position;
                v
            }
            None => {
                mesh.positions.push(f.position);
                mesh.positions.len() as u32 - 1
            }
        };
        let own = f.ring.len() - if f.centre.is_some() { 0 } else { 2 };
        for (i, &a) in f.ring.iter().enumerate() {
            let b = f.ring[(i + 1) % f.ring.len()];
            let at = if i < own { f.triangle + i } else { mesh.triangles.len() };
            if i < own {
                mesh.triangles[at] = [a, b, centre];
            } else {
                mesh.triangles.push([a, b, centre]);
            }
            edges.push(([a.min(b), a.max(b)], centre, at));
        }
    }
    edges.par_sort_unstable();
    monitor.check()?;
    let mut made = HashSet::new();
    for pair in edges.windows(2).filter(|w| w[0].0 == w[1].0) {
        let (s, t) = (pair[0].2, pair[1].2);
        let ([a, b, f], g) = (mesh.triangles[s], pair[1].1);
        let flipped = [[f, a, g], [f, g, b]];
        if turns_away(mesh, [mesh.triangles[s], mesh.triangles[t]], flipped)
            || !made.insert([f.min(g), f.max(g)])
        {
            continue;
        }
        [mesh.triangles[s], mesh.triangles[t]] = flipped;
    }
    Ok(())
}

/// Whether one of two new triangles looks away from where the old ones look together, or is flat.
fn turns_away(mesh: &TriMesh, old: [[u32; 3]; 2], new: [[u32; 3]; 2]) -> bool {
    let normal = |t: [u32; 3]| {
        let [a, b, c] = t.map(|v| mesh.positions[v as usize].map(f64::from));
        cross(sub(b, a), sub(c, a))
    };
    let [a, b] = old.map(normal);
    let together = [0, 1, 2].map(|k| a[k] + b[k]);
    new.map(normal).iter().any(|n| dot(*n, together) <= 0.0)
}

/// The tangent plane at a crossing.
struct Plane {
    point: [f64; 3],
    normal: [f64; 3],
    /// Height of the crossing above the surface, along the normal: linear interpolation misses it where the field bends.
    height: f64,
}

impl Plane {
    /// None where the gradient is not known.
    fn new(point: [f64; 3], value: f64, gradient: [f64; 3]) -> Option<Plane> {
        let length = dot(gradient, gradient).sqrt();
        let height = value / length;
        let known = length > 0.0 && length.is_finite() && height.is_finite();
        known.then(|| Plane { point, normal: gradient.map(|c| c / length), height })
    }
}

/// The point nearest to the mean of the crossings of those that lie best on all their planes.
fn nearest(planes: &[Plane]) -> [f64; 3] {
    let n = planes.len() as f64;
    let mean = [0, 1, 2].map(|k| planes.iter().map(|p| p.point[k]).sum::<f64>() / n);
    let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
    for Plane { point, normal: n, height } in planes {
        let height = dot(*n, sub(*point, mean)) - height;
        for i in 0..3 {
            (0..3).for_each(|k| a[i][k] += n[i] * n[k]);
            b[i] += n[i] * height;
        }
    }
    let (values, vectors) = eigen(a);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let mut x = mean;
    for (value, v) in values.into_iter().zip(vectors) {
        if value > LEAST_EIGENVALUE * greatest {
            let along = dot(v, b) / value;
            (0..3).for_each(|k| x[k] += along * v[k]);
        }
    }
    x
}

/// Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..8 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = 1f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for k in 0..3 {
                (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]);
            }
            for k in 0..3 {
                (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                (v[p][k], v[q][k]) = (c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k]);
            }
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_planes_meet_in_a_corner_and_two_in_the_nearest_point_of_an_edge() {
        let normals = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]];
        let corner = [0.3, -0.2, 0.7];
        let on = |k: usize, along: [f64; 3]| {
            let t = cross(normals[k], along);
            [0, 1, 2].map(|i| corner[i] + t[i])
        };
        let points = [on(0, [0.2, 0.1, 0.3]), on(1, [0.1, 0.4, -0.2]), on(2, [-0.3, 0.2, 0.1])];
        let plane = |k: usize, point| Plane { point, normal: normals[k], height: 0.0 };
        let x = nearest(&[plane(0, points[0]), plane(1, points[1]), plane(2, points[2])]);
        assert!((0..3).all(|k| (x[k] - corner[k]).abs() < 1e-12), "{x:?}");
        let x = nearest(&[plane(0, [1.0, 0.0, 3.0]), plane(1, [0.0, 2.0, 5.0])]);
        assert!((0..3).all(|k| (x[k] - [1.0, 2.0, 4.0][k]).abs() < 1e-12), "{x:?}");
    }
}
