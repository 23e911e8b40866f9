//! All contacts of a mesh's triangles, and the triangles cut along them.

use super::contact::{Contact, Hit, Triangle, contact};
use super::exact::{Int3, Plane, Point};
use super::lattice::Lattice;
use super::planar::Planar;
use crate::bvh::{Bvh, PairTest};
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// A part of a triangle: all of it where nothing touches it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Vertices of the lattice first, then [`Points`].
    pub corners: [u32; 3],
    pub source: u32,
}

/// Points that are no vertices of the lattice.
pub(super) struct Points<'a> {
    lattice: &'a Lattice,
    new: Vec<Point>,
    by_key: HashMap<Int3, Vec<u32>>,
}

impl Points<'_> {
    pub fn get(&self, id: u32) -> Point {
        match self.lattice.vertices.get(id as usize) {
            Some(&v) => Point::vertex(v),
            None => self.new[id as usize - self.lattice.vertices.len()].clone(),
        }
    }

    fn add(&mut self, point: Point) -> u32 {
        if let Some(v) = self.lattice.vertex_at(&point) {
            return v;
        }
        let same = self.by_key.entry(point.key).or_default();
        let offset = self.lattice.vertices.len();
        if let Some(&id) = same.iter().find(|&&id| self.new[id as usize - offset].is(&point)) {
            return id;
        }
        let id = (offset + self.new.len()) as u32;
        same.push(id);
        self.new.push(point);
        id
    }
}

/// A mesh of which no two triangles meet but at common corners and edges, or are the same.
pub(super) struct Arrangement<'a> {
    pub points: Points<'a>,
    pub pieces: Vec<Piece>,
    /// Whether a triangle shares some of its area with another.
    pub coplanar: Vec<bool>,
    /// How many triangles were cut.
    pub cut: usize,
}

/// Cuts all triangles where they touch. `None` when that is more often than `max_contacts`.
pub(super) fn arrange<'a>(
    lattice: &'a Lattice,
    bvh: &Bvh,
    max_contacts: u64,
    monitor: &Monitor,
) -> Result<Option<Arrangement<'a>>, Cancelled> {
    let test = Contacts { triangles: &lattice.triangles, most: max_contacts, count: AtomicU64::new(0) };
    let mut contacts = bvh.pairs(lattice.grid.margin(), &test, &monitor.part(0.0, 0.4))?;
    if test.count.into_inner() > max_contacts {
        return Ok(None);
    }
    contacts.par_sort_unstable_by_key(|c| (c.0, c.1));
    let mut points = Points { lattice, new: Vec::new(), by_key: HashMap::new() };
    let mut coplanar = vec![false; lattice.triangles.len()];
    let cuts = resolve(&contacts, &mut points, &mut coplanar);
    drop(contacts);
    monitor.progress(0.5);
    let jobs: Vec<&[Segment]> = cuts.chunk_by(|a, b| a.triangle == b.triangle).collect();
    let done: Vec<Result<Divided, Cancelled>> = jobs
        .par_iter()
        .map(|job| {
            monitor.check()?;
            Ok(divide(&lattice.triangles[job[0].triangle as usize], job, &points))
        })
        .collect();
    monitor.progress(0.9);
    let mut pieces = Vec::with_capacity(lattice.triangles.len() + 4 * jobs.len());
    let mut done = done.into_iter().zip(&jobs).peekable();
    for (t, triangle) in lattice.triangles.iter().enumerate() {
        let source = t as u32;
        if triangle.plane.normal == [0; 3] {
            continue;
        }
        match done.next_if(|(_, job)| job[0].triangle == source) {
            None => pieces.push(Piece { corners: triangle.vertices, source }),
            Some((divided, _)) => {
                let Divided { mut ids, new, faces } = divided?;
                ids.extend(new.into_iter().map(|p| points.add(p)));
                pieces.extend(faces.iter().map(|f| Piece { corners: f.map(|i| ids[i as usize]), source }));
            }
        }
    }
    Ok(Some(Arrangement { points, pieces, coplanar, cut: jobs.len() }))
}

/// A segment, or a point, in a triangle.
struct Segment {
    triangle: u32,
    ends: [u32; 2],
    carrier: Plane,
}

/// Gives all points their numbers; segments by triangle.
fn resolve(contacts: &[(u32, u32, Contact)], points: &mut Points<'_>, coplanar: &mut [bool]) -> Vec<Segment> {
    let mut segments = Vec::new();
    for (a, b, contact) in contacts {
        if contact.coplanar {
            coplanar[*a as usize] = true;
            coplanar[*b as usize] = true;
        }
        for cut in &contact.cuts {
            let triangle = if cut.second { *b } else { *a };
            let mut ends: Vec<u32> = cut
                .hits
                .iter()
                .map(|hit| match hit {
                    Hit::Vertex(v) => *v,
                    Hit::Crossing(p) => points.add(p.clone()),
                })
                .collect();
            ends.sort_unstable();
            ends.dedup();
            let own = points.lattice.triangles[triangle as usize].vertices;
            if ends.iter().all(|e| own.contains(e)) {
                continue;
            }
            debug_assert!(ends.len() <= 2, "two convex flat things meet in a segment");
            let ends = [ends[0], ends[ends.len() - 1]];
            segments.push(Segment { triangle, ends, carrier: cut.carrier });
        }
    }
    segments.sort_by_key(|s| s.triangle);
    segments
}

/// A triangle cut to pieces.
struct Divided {
    /// Numbers of the points that were there before.
    ids: Vec<u32>,
    /// Points where its segments cross.
    new: Vec<Point>,
    faces: Vec<[u32; 3]>,
}

fn divide(triangle: &Triangle, segments: &[Segment], points: &Points<'_>) -> Divided {
    let corners = triangle.vertices.map(|v| points.get(v));
    let mut planar = Planar::new(&triangle.plane, triangle.axes(), corners);
    let mut ids = triangle.vertices.to_vec();
    let mut local: HashMap<u32, u32> = ids.iter().enumerate().map(|(i, &v)| (v, i as u32)).collect();
    for &id in segments.iter().flat_map(|s| &s.ends) {
        local.entry(id).or_insert_with(|| {
            ids.push(id);
            planar.insert(points.get(id))
        });
    }
    for s in segments {
        let [from, to] = s.ends.map(|id| local[&id]);
        planar.cut(from, to, s.carrier);
    }
    planar.relax();
    let faces = planar.faces().collect();
    let new = planar.points.split_off(ids.len());
    Divided { ids, new, faces }
}

/// Finds contacts of triangles, until they are too many.
struct Contacts<'a> {
    triangles: &'a [Triangle],
    most: u64,
    count: AtomicU64,
}

impl PairTest for Contacts<'_> {
    type Found = (u32, u32, Contact);

    fn may(&self, _: Range<u32>, _: Range<u32>) -> bool {
        self.count.load(Ordering::Relaxed) <= self.most
    }

    fn test(&self, a: u32, b: u32, found: &mut Vec<Self::Found>) {
        let (a, b) = (a.min(b), a.max(b));
        let (s, t) = (&self.triangles[a as usize], &self.triangles[b as usize]);
        if s.plane.normal == [0; 3] || t.plane.normal == [0; 3] {
            return;
        }
        if let Some(contact) = contact(s, t) {
            self.count.fetch_add(1, Ordering::Relaxed);
            found.push((a, b, contact));
        }
    }
}
