//! Sharp features: a vertex on the crease of every cell that one passes, and edges along it.
//!
//! # Formula
//! Extended marching cubes (Kobbelt, Botsch, Schwanecke and Seidel 2001). Where the normals at a loop's crossings span more than an
//! angle, the loop gets a vertex at `x` that minimises `Σ (n · (x − p))²`, nearest to the crossings' mean where that leaves it open:
//! eigenvalues below [`LEAST_EIGENVALUE`] of the greatest count as 0. `x` stays in or near the cell.
//! Then an edge between two cells' loops that both have such a vertex is replaced by the edge between these vertices
//! ([`super::creases`]).

use super::lattice::Lattice;
use super::point::{self, Plane};
use super::rows::cells;
use super::slab::Slab;
use super::table::{INNER, Part, table};
use super::task::Task;
use super::write::{Numbers, Places, range};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::dot;
use rayon::prelude::*;

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
    pub ring: Vec<u32>,
    /// The field's normals at these.
    pub normals: Vec<[f32; 3]>,
    /// Its first triangle in the mesh.
    pub triangle: usize,
    /// Its inner vertex, if it has one.
    pub centre: Option<u32>,
    /// Where it lies: within its cell.
    pub position: [f32; 3],
    /// Where it had better lie, outside its cell, if no other vertex lies there.
    pub beyond: Option<[f32; 3]>,
}

impl Feature {
    /// Whether it brings a vertex and two triangles more; else its loop has a centre already.
    pub fn has_new_vertex(&self) -> bool {
        self.centre.is_none()
    }

    /// The triangles of the mesh that it replaces.
    pub fn own(&self) -> std::ops::Range<usize> {
        let count = self.ring.len() - if self.centre.is_some() { 0 } else { 2 };
        self.triangle..self.triangle + count
    }

    /// The loop's vertex of this number and the next.
    pub fn side(&self, from: usize) -> [u32; 2] {
        [self.ring[from], self.ring[(from + 1) % self.ring.len()]]
    }

    /// The field's normals there.
    pub fn normals_of(&self, from: usize) -> [[f64; 3]; 2] {
        [from, (from + 1) % self.ring.len()].map(|i| self.normals[i].map(f64::from))
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
        let best = lattice.cells(point::of(&planes));
        let position = lattice.within(base, best);
        // Of a crease that only grazes the cell the best point lies a little outside.
        let holder = [0, 1, 2].map(|k| best[k].floor());
        let near = (0..3).all(|k| (base[k] - REACH..=base[k] + 1.0 + REACH).contains(&best[k]));
        let beyond = (near && holder != base).then(|| lattice.within(holder, best));
        let centre = (!part.inner.is_empty()).then(|| ids[INNER + part.inner.start as usize]);
        let normals = planes.iter().map(|p| p.normal.map(|c| c as f32)).collect();
        Some(Feature { ring, normals, triangle, centre, position, beyond })
    }
}
