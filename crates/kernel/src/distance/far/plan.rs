//! Which sites there will be, counted before any is placed: vertices and long edges once, faces row by row.

use crate::bvh::Bvh;
use crate::monitor::{Cancelled, Monitor};
use crate::vector::{Vector, dot, norm, scale, sub};
use rayon::prelude::*;
use std::ops::Range;

/// Levels at most.
pub(super) const LEVELS: usize = 5;
/// Triangles that are looked at together: within them vertices and edges are found once. A mesh has few pieces and their
/// triangles lie together, so few are found twice.
const PIECE: usize = 4096;

/// A point of the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Site {
    /// In units of the finest spacing, from the first sample of the grid.
    pub at: [f32; 3],
    /// A triangle that it is on, in the order of the tree.
    pub triangle: u32,
}

/// How the places of a mesh become those of sites.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub origin: [f64; 3],
    pub cell: f64,
}

impl Places {
    pub fn of(&self, p: [f32; 3]) -> [f64; 3] {
        std::array::from_fn(|a| (f64::from(p[a]) - self.origin[a]) / self.cell)
    }
}

/// A run of triangles and the sites on them.
pub(super) struct Piece {
    triangles: Range<usize>,
    /// `3·triangle + corner`, one for each vertex.
    vertices: Vec<u32>,
    /// `3·triangle + edge`, one for each edge that has sites between its ends.
    edges: Vec<u32>,
    /// How many sites: on vertices, then on edges and faces for each level.
    pub counts: [usize; LEVELS + 1],
}

/// The pieces of the mesh, unless there would be more than `most` sites.
pub(super) fn plan(
    bvh: &Bvh,
    places: Places,
    r2: &[f64],
    most: u64,
    monitor: &Monitor,
) -> Result<Option<Vec<Piece>>, Cancelled> {
    let ranges: Vec<Range<usize>> = (0..bvh.corners.len())
        .step_by(PIECE)
        .map(|first| first..(first + PIECE).min(bvh.corners.len()))
        .collect();
    // A face has nearly as many sites as its area asks for; with fewer than `most` of them it has few rows.
    let areas: Vec<f64> = ranges.par_iter().map(|range| area(bvh, places, range)).collect();
    if areas.iter().sum::<f64>() > most as f64 * 2.0 * r2[0] {
        return Ok(None);
    }
    let pieces = ranges.into_par_iter().map(|range| {
        monitor.check()?;
        Ok(Piece::of(bvh, places, r2, range))
    });
    let pieces: Vec<Piece> = pieces.collect::<Result<_, Cancelled>>()?;
    let count = pieces.iter().map(|p| p.count() as u64).sum::<u64>();
    Ok((count <= most).then_some(pieces))
}

fn area(bvh: &Bvh, places: Places, triangles: &Range<usize>) -> f64 {
    let of = |corners: &[[f32; 3]; 3]| 0.5 * norm(crate::vector::normal(corners.map(|p| places.of(p))));
    bvh.corners[triangles.clone()].iter().map(of).sum()
}

impl Piece {
    fn of(bvh: &Bvh, places: Places, r2: &[f64], triangles: Range<usize>) -> Piece {
        let vertices = firsts(bvh, &triangles, |corners, i| Some(key(corners[i])));
        let edges = firsts(bvh, &triangles, |corners, i| {
            let ends = [corners[i], corners[(i + 1) % 3]];
            let long = parts(length(ends.map(|p| places.of(p))), r2[0]) > 1;
            let [a, b] = ends.map(key);
            long.then(|| if a < b { [a, b] } else { [b, a] })
        });
        let mut counts = [0; LEVELS + 1];
        counts[0] = vertices.len();
        for (level, r2) in r2.iter().enumerate() {
            let on_edges = edges.iter().map(|e| parts(length(edge(bvh, places, *e)), *r2) - 1).sum::<usize>();
            let face = |t: usize| Face::of(bvh.corners[t].map(|p| places.of(p)));
            let on_faces = triangles.clone().map(|t| face(t).rows(*r2).map(|row| row.count).sum::<usize>());
            counts[level + 1] = on_edges + on_faces.sum::<usize>();
        }
        Piece { triangles, vertices, edges, counts }
    }

    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Writes the sites: on vertices, then on edges and faces for each level.
    pub fn place(&self, bvh: &Bvh, places: Places, r2: &[f64], slices: Vec<&mut [Site]>) {
        let mut slices = slices.into_iter();
        let site = |at: Vector, triangle: usize| Site { at: at.map(|x| x as f32), triangle: triangle as u32 };
        let on_vertices = self.vertices.iter().map(|&id| {
            let (t, i) = (id as usize / 3, id as usize % 3);
            site(places.of(bvh.corners[t][i]), t)
        });
        slices.next().into_iter().flatten().zip(on_vertices).for_each(|(to, site)| *to = site);
        for (slice, r2) in slices.zip(r2) {
            let on_edges = self.edges.iter().flat_map(|&id| {
                let [a, b] = edge(bvh, places, id);
                let parts = parts(length([a, b]), *r2);
                let along = move |i: usize| i as f64 / parts as f64;
                (1..parts).map(move |i| site(between(a, b, along(i)), id as usize / 3))
            });
            let on_faces = self.triangles.clone().flat_map(|t| {
                let face = Face::of(bvh.corners[t].map(|p| places.of(p)));
                face.rows(*r2).flat_map(move |row| {
                    let along = move |i: usize| (i as f64 + 0.5) / row.count as f64;
                    (0..row.count).map(move |i| site(between(row.ends[0], row.ends[1], along(i)), t))
                })
            });
            slice.iter_mut().zip(on_edges.chain(on_faces)).for_each(|(to, site)| *to = site);
        }
    }
}

/// Of the corners or edges `3·triangle + i` with the same key the first, in the order of their keys.
fn firsts<K: Ord>(
    bvh: &Bvh,
    triangles: &Range<usize>,
    key: impl Fn(&[[f32; 3]; 3], usize) -> Option<K>,
) -> Vec<u32> {
    let mut all: Vec<(K, u32)> = vec![];
    for t in triangles.clone() {
        let keyed = (0..3).filter_map(|i| Some((key(&bvh.corners[t], i)?, (3 * t + i) as u32)));
        all.extend(keyed);
    }
    all.sort_unstable();
    all.dedup_by(|b, a| a.0 == b.0);
    let mut firsts: Vec<u32> = all.into_iter().map(|(_, id)| id).collect();
    // In the order of the tree those of a block lie together.
    firsts.sort_unstable();
    firsts
}

/// Equal for equal places.
fn key(p: [f32; 3]) -> [u32; 3] {
    p.map(|x| (x + 0.0).to_bits())
}

fn edge(bvh: &Bvh, places: Places, id: u32) -> [Vector; 2] {
    let (t, i) = (id as usize / 3, id as usize % 3);
    [i, (i + 1) % 3].map(|i| places.of(bvh.corners[t][i]))
}

fn length([a, b]: [Vector; 2]) -> f64 {
    norm(sub(b, a))
}

/// Parts of at most √2·r of something so long.
fn parts(length: f64, r2: f64) -> usize {
    ((length * (0.5 / r2).sqrt()).ceil() as usize).max(1)
}

fn between(a: Vector, b: Vector, t: f64) -> Vector {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

/// A triangle with its longest edge first.
#[derive(Clone, Copy)]
struct Face {
    corners: [Vector; 3],
    height: f64,
}

/// Sites of a face along its longest edge.
#[derive(Clone, Copy)]
struct Row {
    ends: [Vector; 2],
    count: usize,
}

impl Face {
    fn of(p: [Vector; 3]) -> Face {
        let length2 = [0, 1, 2].map(|i: usize| {
            let e = sub(p[(i + 1) % 3], p[i]);
            dot(e, e)
        });
        let longest = (0..3).fold(0, |best, i| if length2[i] > length2[best] { i } else { best });
        let corners = [0, 1, 2].map(|i| p[(longest + i) % 3]);
        let (along, to_apex) = (sub(corners[1], corners[0]), sub(corners[2], corners[0]));
        let base2 = length2[longest];
        let foot = if base2 > 0.0 { dot(to_apex, along) / base2 } else { 0.0 };
        Face { corners, height: norm(sub(to_apex, scale(along, foot))) }
    }

    /// Rows between the longest edge and the apex.
    fn rows(self, r2: f64) -> impl Iterator<Item = Row> {
        let rows = parts(self.height, r2);
        (1..rows).map(move |j| {
            let t = j as f64 / rows as f64;
            let ends = [0, 1].map(|i| between(self.corners[i], self.corners[2], t));
            Row { ends, count: parts(length(ends), r2) }
        })
    }
}
