//! Edges of a triangle mesh: which triangles meet where.
//!
//! Half-edge `3·t + k` runs from corner `k` of triangle `t` to corner `k+1`. The table is a counting sort of the
//! half-edges by their lower vertex, then a small sort by the upper one: linear, and 16 bytes a half-edge lean.

use super::TriMesh;
use crate::monitor::{Cancelled, Monitor};
use rayon::prelude::*;

/// No other half-edge: a border.
pub(super) const BORDER: u32 = u32::MAX;
/// More than one other half-edge: the mesh branches here.
pub(super) const BRANCH: u32 = u32::MAX - 1;

/// The next half-edge of the same triangle.
#[inline]
pub(super) fn next(h: u32) -> u32 {
    if h % 3 == 2 { h - 2 } else { h + 1 }
}

/// The vertex a half-edge starts at.
#[inline]
pub(super) fn origin(triangles: &[[u32; 3]], h: u32) -> u32 {
    triangles[h as usize / 3][h as usize % 3]
}

/// Counts of edges by how many triangles meet there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EdgeCounts {
    pub edges: usize,
    pub border: usize,
    pub branching: usize,
}

/// All edges, and for each half-edge the one on its other side.
pub(super) struct Edges {
    /// Entries of lower vertex `v` are `start[v]..start[v + 1]`.
    start: Vec<u32>,
    /// Upper vertex and half-edge, ascending within a lower vertex.
    entries: Vec<(u32, u32)>,
    /// For each half-edge the one that shares its edge, or [`BORDER`], or [`BRANCH`].
    pub twin: Vec<u32>,
    pub counts: EdgeCounts,
}

impl Edges {
    /// Every triangle has three different corners.
    pub fn of(mesh: &TriMesh, monitor: &Monitor) -> Result<Edges, Cancelled> {
        let (start, mut entries) = sort_by_lower(mesh);
        monitor.check()?;
        sort_by_upper(&start, &mut entries);
        monitor.check()?;
        let mut edges = Edges {
            start,
            entries,
            twin: vec![BORDER; 3 * mesh.triangles.len()],
            counts: EdgeCounts::default(),
        };
        for v in 0..mesh.positions.len() {
            let list = &edges.entries[edges.start[v] as usize..edges.start[v + 1] as usize];
            for group in list.chunk_by(|a, b| a.0 == b.0) {
                edges.counts.edges += 1;
                match *group {
                    [_] => edges.counts.border += 1,
                    [(_, a), (_, b)] => {
                        edges.twin[a as usize] = b;
                        edges.twin[b as usize] = a;
                    }
                    _ => {
                        edges.counts.branching += 1;
                        group.iter().for_each(|&(_, h)| edges.twin[h as usize] = BRANCH);
                    }
                }
            }
        }
        Ok(edges)
    }

    /// Where an even number of triangles meet, the first two of the mesh are taken for neighbours, then the next two: files have one
    /// part after the other. `None` where some number is odd.
    pub fn pair_by_order(&self) -> Option<Edges> {
        let mut twin = self.twin.clone();
        for group in self.groups().filter(|g| g.len() > 2) {
            let mut halves: Vec<u32> = group.iter().map(|e| e.1).collect();
            halves.sort_unstable();
            for pair in halves.chunks(2) {
                let &[a, b] = pair else { return None };
                twin[a as usize] = b;
                twin[b as usize] = a;
            }
        }
        let (start, entries) = (self.start.clone(), self.entries.clone());
        Some(Edges { start, entries, twin, counts: self.counts })
    }

    /// Half-edges between `a` and `b`, either way.
    pub fn between(&self, a: u32, b: u32) -> &[(u32, u32)] {
        let (low, high) = (a.min(b) as usize, a.max(b));
        let list = &self.entries[self.start[low] as usize..self.start[low + 1] as usize];
        let from = list.partition_point(|e| e.0 < high);
        let to = list.partition_point(|e| e.0 <= high);
        &list[from..to]
    }

    /// Follows triangles that were turned round, corner 0 first: their half-edges 0 and 2 change places.
    pub fn turn(&mut self, turned: &[bool]) {
        let moved = |h: u32| match (h < BRANCH && turned[h as usize / 3], h % 3) {
            (true, 0) => h + 2,
            (true, 2) => h - 2,
            _ => h,
        };
        self.twin.par_iter_mut().for_each(|h| *h = moved(*h));
        self.twin.as_chunks_mut::<3>().0.par_iter_mut().zip(turned).for_each(|(t, &turned)| {
            if turned {
                t.swap(0, 2);
            }
        });
        self.entries.par_iter_mut().for_each(|e| e.1 = moved(e.1));
    }

    /// Every edge's half-edges.
    pub fn groups(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.start
            .windows(2)
            .flat_map(|w| self.entries[w[0] as usize..w[1] as usize].chunk_by(|a, b| a.0 == b.0))
    }
}

fn sort_by_lower(mesh: &TriMesh) -> (Vec<u32>, Vec<(u32, u32)>) {
    let ends = |t: &[u32; 3], k: usize| {
        let (a, b) = (t[k], t[(k + 1) % 3]);
        (a.min(b), a.max(b))
    };
    let mut start = vec![0u32; mesh.positions.len() + 1];
    for t in &mesh.triangles {
        (0..3).for_each(|k| start[ends(t, k).0 as usize] += 1);
    }
    let mut sum = 0;
    for s in &mut start {
        sum += *s;
        *s = sum;
    }
    let mut entries = vec![(0u32, 0u32); 3 * mesh.triangles.len()];
    // Filling each list from its end leaves `start` at the lists' beginnings.
    for (t, corners) in mesh.triangles.iter().enumerate().rev() {
        for k in (0..3).rev() {
            let (low, high) = ends(corners, k);
            start[low as usize] -= 1;
            entries[start[low as usize] as usize] = (high, (3 * t + k) as u32);
        }
    }
    (start, entries)
}

fn sort_by_upper(start: &[u32], entries: &mut [(u32, u32)]) {
    const VERTICES_PER_TASK: usize = 1 << 14;
    let vertices = start.len() - 1;
    let mut tasks = Vec::with_capacity(vertices / VERTICES_PER_TASK + 1);
    let mut rest = entries;
    for from in (0..vertices).step_by(VERTICES_PER_TASK) {
        let list = &start[from..=(from + VERTICES_PER_TASK).min(vertices)];
        let (mine, behind) = rest.split_at_mut((list[list.len() - 1] - list[0]) as usize);
        rest = behind;
        tasks.push((list, mine));
    }
    tasks.into_par_iter().for_each(|(list, mine)| {
        for w in list.windows(2) {
            mine[(w[0] - list[0]) as usize..(w[1] - list[0]) as usize].sort_unstable();
        }
    });
}
