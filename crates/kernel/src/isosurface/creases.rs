//! Features put into the mesh: a vertex for every one, edges from one to the next, and none that would turn a triangle over.
//!
//! # How
//! A feature's vertex and its loop make a fan. Across a side of the loop lies a fan of another feature or a triangle that stays. Where two fans
//! meet, the edge between them is replaced by that from vertex to vertex, unless that would turn one of the two triangles over. A triangle that is
//! turned over all the same is the fault of its feature: the feature's vertex goes back into its cell, and if that does not help the feature is left
//! out and its loop keeps the triangles it had. Then the fans around are judged anew.
//!
//! # Promises
//! * The mesh stays a closed 2-manifold. An edge is replaced only where the new one is not there already, which is the link
//!   condition of an edge flip.
//! * Where a feature's triangle crosses another, features step down in the same way; that is looked for [`CROSSINGS`] times at most, so it is the rule and no promise.
//! * No triangle of a feature is turned over: it looks along the field's gradient at its middle and along the sum of the normals at its corners on the
//!   surface; where the gradient is not known, along each of these. For judging goes on until none is found, and whatever changed is judged again. It ends, since each round takes
//!   at least one feature a step down, of which there are two, and none goes up; all rounds together judge every fan a few times at most.

use super::crossing::{Near, Placed};
use super::lattice::Lattice;
use super::sharp::{Feature, Gradients};
use crate::mesh::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{Vector, dot, normal};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// A triangle is turned over if the cosine between its normal and the field's gradient is below this.
const LEAST_COSINE: f64 = 0.02;
/// How often triangles that cross are looked for. Once or twice is the rule.
const CROSSINGS: usize = 16;
/// Triangles that are judged at once.
const BATCH: usize = 4096;

/// A side of a loop.
#[derive(Clone, Copy)]
struct Side {
    feature: usize,
    /// The side runs from this vertex of the loop to the next.
    from: usize,
}

/// Where a feature's fan meets another's, or a triangle that stays.
struct Seam {
    side: Side,
    other: Option<Side>,
    /// Whether the edge runs from feature to feature, and not along the loops.
    flipped: bool,
}

/// A triangle to be judged, and the field's normals at its corners on the surface: at both ends of a side, or as the two cells of one see it.
struct Asked {
    corners: [[f32; 3]; 3],
    normals: [Vector; 2],
}

/// Gives features their vertices and triangles. `field` is asked at the middles of these, where it is known.
pub(super) fn apply(
    mesh: &mut TriMesh,
    mut features: Vec<Feature>,
    lattice: &Lattice,
    field: Option<&dyn Gradients>,
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    settle(mesh, &mut features, monitor)?;
    let mut fans = Fans::new(&features, &mesh.positions, field);
    let mut open: Vec<usize> = (0..fans.seams.len()).collect();
    for look in 0..=CROSSINGS {
        while !open.is_empty() {
            let bad = fans.judge(&open, monitor)?;
            open = fans.step_down(&bad);
        }
        if look < CROSSINGS {
            let bad = fans.crossing(&mesh.triangles, lattice, monitor)?;
            open = fans.step_down(&bad);
        }
        if open.is_empty() {
            break;
        }
    }
    let Fans { seams, places, .. } = fans;
    write(mesh, &features, &places, &seams);
    Ok(())
}

/// Where features lie: beyond their cells where they had better, but never two vertices at one place.
fn settle(mesh: &TriMesh, features: &mut [Feature], monitor: &Monitor) -> Result<(), Cancelled> {
    let key = |p: &[f32; 3]| p.map(|c| (c + 0.0).to_bits());
    let wanted: HashSet<[u32; 3]> = features.iter().filter_map(|f| f.beyond.as_ref().map(key)).collect();
    let mut taken: HashSet<[u32; 3]> = features.iter().map(|f| key(&f.position)).collect();
    for chunk in mesh.positions.chunks(1 << 16) {
        monitor.check()?;
        taken.extend(chunk.iter().map(key).filter(|k| wanted.contains(k)));
    }
    for f in features {
        f.beyond = f.beyond.filter(|b| taken.insert(key(b)));
    }
    Ok(())
}

/// All features, where they are, and how their fans meet.
struct Fans<'a> {
    features: &'a [Feature],
    positions: &'a [[f32; 3]],
    field: Option<&'a dyn Gradients>,
    /// Where each feature's vertex lies; none: it is left out.
    places: Vec<Option<[f32; 3]>>,
    seams: Vec<Seam>,
    /// Seams of the sides of the features' loops, and where each feature's begin.
    of_sides: Vec<usize>,
    first: Vec<usize>,
    /// Edges from feature to feature, lower first, and their seams.
    bridges: HashMap<[usize; 2], usize>,
}

impl<'a> Fans<'a> {
    fn new(features: &'a [Feature], positions: &'a [[f32; 3]], field: Option<&'a dyn Gradients>) -> Fans<'a> {
        let mut first = Vec::with_capacity(features.len());
        let mut sides: Vec<([u32; 2], usize, usize)> = vec![];
        for (n, f) in features.iter().enumerate() {
            first.push(sides.len());
            for from in 0..f.ring.len() {
                let [a, b] = f.side(from);
                sides.push(([a.min(b), a.max(b)], n, from));
            }
        }
        let mut of_sides = vec![0; sides.len()];
        sides.par_sort_unstable();
        let mut seams: Vec<Seam> = Vec::with_capacity(sides.len());
        for meeting in sides.chunk_by(|s, t| s.0 == t.0) {
            let side = |(_, feature, from): ([u32; 2], usize, usize)| Side { feature, from };
            meeting.iter().for_each(|s| of_sides[first[s.1] + s.2] = seams.len());
            seams.push(Seam {
                side: side(meeting[0]),
                other: meeting.get(1).copied().map(side),
                flipped: false,
            });
        }
        let places = features.iter().map(|f| f.beyond.or(Some(f.position))).collect();
        Fans { features, positions, field, places, seams, of_sides, first, bridges: HashMap::new() }
    }

    /// Decides how the fans meet at these seams. Features with a triangle that is turned over all the same, in order.
    fn judge(&mut self, open: &[usize], monitor: &Monitor) -> Result<Vec<usize>, Cancelled> {
        for &s in open {
            if std::mem::take(&mut self.seams[s].flipped) {
                self.bridges.remove(&self.pair(s));
            }
        }
        let met: Vec<usize> = open.iter().copied().filter(|s| self.meets(*s)).collect();
        let good = self.are_good(&met.iter().flat_map(|s| self.across(*s)).collect::<Vec<_>>(), monitor)?;
        for (&s, good) in met.iter().zip(good.as_chunks::<2>().0) {
            if *good == [true; 2] && !self.bridges.contains_key(&self.pair(s)) {
                self.bridges.insert(self.pair(s), s);
                self.seams[s].flipped = true;
            }
        }
        let sides = open.iter().map(|s| &self.seams[*s]).filter(|s| !s.flipped);
        let apart: Vec<Side> = sides.flat_map(|s| std::iter::once(s.side).chain(s.other)).collect();
        let apart: Vec<Side> = apart.into_iter().filter(|s| self.places[s.feature].is_some()).collect();
        let good = self.are_good(&apart.iter().map(|s| self.beside(*s)).collect::<Vec<_>>(), monitor)?;
        let mut bad: Vec<usize> =
            apart.iter().zip(good).filter(|(_, good)| !good).map(|(s, _)| s.feature).collect();
        bad.sort_unstable();
        bad.dedup();
        Ok(bad)
    }

    /// Takes features back into their cells, or out. Their seams are open again.
    fn step_down(&mut self, features: &[usize]) -> Vec<usize> {
        let mut open = vec![];
        for &n in features {
            let f = &self.features[n];
            let within = self.places[n] == Some(f.position);
            self.places[n] = if within { None } else { Some(f.position) };
            open.extend_from_slice(&self.of_sides[self.first[n]..][..f.ring.len()]);
        }
        open.sort_unstable();
        open.dedup();
        open
    }

    /// Features with a triangle that crosses another, in order. `plain` are the triangles of the mesh without features.
    fn crossing(
        &self,
        plain: &[[u32; 3]],
        lattice: &Lattice,
        monitor: &Monitor,
    ) -> Result<Vec<usize>, Cancelled> {
        let mut replaced = vec![false; plain.len()];
        let here = |n: &usize| self.places[*n].is_some();
        (0..self.features.len()).filter(here).for_each(|n| replaced[self.features[n].own()].fill(true));
        // Features' vertices are numbered behind the others.
        let centre = |s: &Side| (self.positions.len() + s.feature) as u32;
        let (mut placed, mut owners) = (vec![], vec![]);
        for (s, seam) in self.seams.iter().enumerate() {
            let sides = std::iter::once(&seam.side).chain(&seam.other);
            if let (true, Some(other)) = (seam.flipped, &seam.other) {
                let [a, b] = self.features[seam.side.feature].side(seam.side.from);
                let [f, g] = [centre(&seam.side), centre(other)];
                let [first, second] = self.across(s).map(|t| t.corners);
                placed.extend([Placed::new([f, a, g], first), Placed::new([f, g, b], second)]);
                owners.extend([[seam.side.feature, other.feature]; 2]);
            } else {
                for side in sides.filter(|s| here(&s.feature)) {
                    let [a, b] = self.features[side.feature].side(side.from);
                    placed.push(Placed::new([a, b, centre(side)], self.beside(*side).corners));
                    owners.push([side.feature; 2]);
                }
            }
        }
        let other = |t: usize| {
            let at = plain[t].map(|v| self.positions[v as usize]);
            (!replaced[t]).then(|| Placed::new(plain[t], at))
        };
        let crossing = Near::new(lattice, &placed).crossing(plain.len(), other, monitor)?;
        let mut bad: Vec<usize> = crossing.into_iter().flat_map(|t| owners[t as usize]).collect();
        bad.sort_unstable();
        bad.dedup();
        Ok(bad)
    }

    /// Whether two features meet at a seam.
    fn meets(&self, s: usize) -> bool {
        let Seam { side, other, .. } = &self.seams[s];
        self.places[side.feature].is_some() && other.is_some_and(|o| self.places[o.feature].is_some())
    }

    fn pair(&self, s: usize) -> [usize; 2] {
        let Seam { side, other, .. } = &self.seams[s];
        let other = other.map_or(side.feature, |o| o.feature);
        [side.feature.min(other), side.feature.max(other)]
    }

    /// The triangle of a fan over a side.
    fn beside(&self, side: Side) -> Asked {
        let f = &self.features[side.feature];
        let [a, b] = f.side(side.from).map(|v| self.positions[v as usize]);
        Asked { corners: [a, b, self.place(side.feature)], normals: f.normals_of(side.from) }
    }

    /// The triangles with an edge from feature to feature.
    fn across(&self, s: usize) -> [Asked; 2] {
        let Seam { side, other, .. } = &self.seams[s];
        let other = other.unwrap_or(*side);
        let [f, g] = [side, &other].map(|s| self.place(s.feature));
        let [a, b] = self.features[side.feature].side(side.from).map(|v| self.positions[v as usize]);
        let [na, nb] = self.features[side.feature].normals_of(side.from);
        let [mb, ma] = self.features[other.feature].normals_of(other.from);
        [Asked { corners: [f, a, g], normals: [na, ma] }, Asked { corners: [f, g, b], normals: [nb, mb] }]
    }

    fn place(&self, feature: usize) -> [f32; 3] {
        self.places[feature].unwrap_or(self.features[feature].position)
    }

    /// Which triangles are not turned over.
    fn are_good(&self, asked: &[Asked], monitor: &Monitor) -> Result<Vec<bool>, Cancelled> {
        let batches = asked.par_chunks(BATCH).map(|asked| {
            monitor.check()?;
            Ok(are_good(asked, self.field))
        });
        Ok(batches.collect::<Result<Vec<Vec<bool>>, Cancelled>>()?.concat())
    }
}

fn are_good(asked: &[Asked], field: Option<&dyn Gradients>) -> Vec<bool> {
    let mut gradients = vec![[0.0; 3]; asked.len()];
    if let Some(field) = field {
        let middle = |t: &Asked| [0, 1, 2].map(|k| t.corners.iter().map(|c| c[k]).sum::<f32>() / 3.0);
        let middles: Vec<[f32; 3]> = asked.iter().map(middle).collect();
        field.gradients(&middles, &mut vec![0.0; asked.len()], &mut gradients);
    }
    let is_good = |(t, gradient): (&Asked, &[f32; 3])| {
        let (n, gradient) = (normal(t.corners.map(|c| c.map(f64::from))), gradient.map(f64::from));
        let grows = |g: Vector| dot(n, g) > LEAST_COSINE * (dot(n, n) * dot(g, g)).sqrt();
        let [a, b] = t.normals;
        let known = dot(gradient, gradient);
        match known > 0.0 && known.is_finite() {
            true => grows(gradient) && grows([0, 1, 2].map(|k| a[k] + b[k])),
            false => grows(a) && grows(b),
        }
    };
    asked.iter().zip(&gradients).map(is_good).collect()
}

/// Vertices and triangles of the features as they were judged.
fn write(mesh: &mut TriMesh, features: &[Feature], places: &[Option<[f32; 3]>], seams: &[Seam]) {
    let mut centres = vec![0; features.len()];
    // Where the triangles over the sides of each loop are.
    let mut triangles: Vec<Vec<usize>> = vec![vec![]; features.len()];
    for (n, f) in features.iter().enumerate() {
        let Some(place) = places[n] else { continue };
        centres[n] = match f.centre {
            Some(v) => {
                mesh.positions[v as usize] = place;
                v
            }
            None => {
                mesh.positions.push(place);
                mesh.positions.len() as u32 - 1
            }
        };
        let own = f.own().len();
        for from in 0..f.ring.len() {
            let [a, b] = f.side(from);
            let triangle = [a, b, centres[n]];
            let at = if from < own { f.triangle + from } else { mesh.triangles.len() };
            match mesh.triangles.get_mut(at) {
                Some(t) => *t = triangle,
                None => mesh.triangles.push(triangle),
            }
            triangles[n].push(at);
        }
    }
    for Seam { side, other, .. } in seams.iter().filter(|s| s.flipped) {
        let Some(other) = other else { continue };
        let [f, g] = [side, other].map(|s| centres[s.feature]);
        let [a, b] = features[side.feature].side(side.from);
        mesh.triangles[triangles[side.feature][side.from]] = [f, a, g];
        mesh.triangles[triangles[other.feature][other.from]] = [f, g, b];
    }
}
