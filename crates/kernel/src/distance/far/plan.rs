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

impl Site {
    fn new(at: Vector, triangle: usize) -> Site {
        Site { at: [at[0] as f32, at[1] as f32, at[2] as f32], triangle: triangle as u32 }
    }
}

/// How the places of a mesh become those of sites.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub origin: [f64; 3],
    pub cell: f64,
}

impl Places {
    #[inline(always)]
    pub fn of(&self, p: [f32; 3]) -> [f64; 3] {
        let of = |a: usize| (f64::from(p[a]) - self.origin[a]) / self.cell;
        [of(0), of(1), of(2)]
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

/// The pieces of the mesh, unless there would be more than `most` sites. `dense`: for each level 1 / (√2·r).
pub(super) fn plan(
    bvh: &Bvh,
    places: Places,
    dense: &[f64],
    most: u64,
    monitor: &Monitor,
) -> Result<Option<Vec<Piece>>, Cancelled> {
    let ranges: Vec<Range<usize>> = (0..bvh.corners.len())
        .step_by(PIECE)
        .map(|first| first..(first + PIECE).min(bvh.corners.len()))
        .collect();
    // A face has nearly as many sites as its area asks for; with fewer than `most` of them it has few rows.
    let areas: Vec<f64> = ranges.par_iter().map(|range| area(bvh, places, range)).collect();
    if areas.iter().sum::<f64>() * dense[0] * dense[0] > most as f64 {
        return Ok(None);
    }
    let pieces = ranges.into_par_iter().map(|range| {
        monitor.check()?;
        Ok(Piece::of(bvh, places, dense, range))
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
    fn of(bvh: &Bvh, places: Places, dense: &[f64], triangles: Range<usize>) -> Piece {
        let vertices = firsts(bvh, &triangles, |corners, i| Some(key(corners[i])));
        let edges = firsts(bvh, &triangles, |corners, i| {
            let ends = [corners[i], corners[(i + 1) % 3]];
            let long = parts(length(ends.map(|p| places.of(p))), dense[0]) > 1;
            let [a, b] = ends.map(key);
            long.then(|| if a < b { [a, b] } else { [b, a] })
        });
        let mut counts = [0; LEVELS + 1];
        counts[0] = vertices.len();
        for &e in &edges {
            let length = length(edge(bvh, places, e));
            for (count, dense) in counts[1..].iter_mut().zip(dense) {
                *count += parts(length, *dense) - 1;
            }
        }
        for t in triangles.clone() {
            let face = Face::of(bvh.corners[t].map(|p| places.of(p)));
            for (count, dense) in counts[1..].iter_mut().zip(dense) {
                *count += face.rows(*dense).map(|row| row.count).sum::<usize>();
            }
        }
        Piece { triangles, vertices, edges, counts }
    }

    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Writes the sites: on vertices, then on edges and faces for each level.
    pub fn place(&self, bvh: &Bvh, places: Places, dense: &[f64], slices: Vec<&mut [Site]>) {
        let mut slices = slices.into_iter();
        for (to, &id) in slices.next().into_iter().flatten().zip(&self.vertices) {
            let (t, i) = (id as usize / 3, id as usize % 3);
            *to = Site::new(places.of(bvh.corners[t][i]), t);
        }
        let mut levels: Vec<_> = slices.map(|slice| slice.iter_mut()).zip(dense).collect();
        for &id in &self.edges {
            let [a, b] = edge(bvh, places, id);
            let length = length([a, b]);
            for (to, dense) in &mut levels {
                let parts = parts(length, **dense);
                let along = |i: usize| i as f64 / parts as f64;
                let sites = (1..parts).map(|i| Site::new(between(a, b, along(i)), id as usize / 3));
                sites.zip(&mut *to).for_each(|(site, to)| *to = site);
            }
        }
        for t in self.triangles.clone() {
            let face = Face::of(bvh.corners[t].map(|p| places.of(p)));
            for (to, dense) in &mut levels {
                for Row { ends, count } in face.rows(**dense) {
                    let along = |i: usize| (i as f64 + 0.5) / count as f64;
                    let sites = (0..count).map(|i| Site::new(between(ends[0], ends[1], along(i)), t));
                    sites.zip(&mut *to).for_each(|(site, to)| *to = site);
                }
            }
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

/// Parts of at most √2·r = 1 / `dense` of something so long.
#[inline(always)]
fn parts(length: f64, dense: f64) -> usize {
    ((length * dense).ceil() as usize).max(1)
}

#[inline(always)]
fn between(a: Vector, b: Vector, t: f64) -> Vector {
    let along = |i: usize| a[i] + (b[i] - a[i]) * t;
    [along(0), along(1), along(2)]
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
    #[inline(always)]
    fn rows(self, dense: f64) -> impl Iterator<Item = Row> {
        let rows = parts(self.height, dense);
        (1..rows).map(move |j| {
            let t = j as f64 / rows as f64;
            let [a, b, c] = self.corners;
            let ends = [between(a, c, t), between(b, c, t)];
            Row { ends, count: parts(length(ends), dense) }
        })
    }
}
