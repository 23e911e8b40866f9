//! Points of a mesh that stand for it far away: of each face, edge and vertex as many as the distance asks for.
//!
//! # Method
//! The closest point q of the mesh to a sample x lies on a vertex, inside an edge or inside a face, and x − q is at right angles to that
//! edge or face. A site p on it within r of q is therefore √(D² + r²) from x, where D = |x − q|; with r² = 2·tol·D + tol² that is
//! D + tol. A level of sites has the r of the least distance that it is for. No normals are needed, and the mesh need not be closed.
//!
//! Of a face the sites lie on rows along its longest edge, √2·r apart at most, in the middle of pieces of at most √2·r. A point of the
//! face is at most r/√2 across from the nearer row, and r/√2 along it from a site; where that row ends before, the
//! point is as near to another edge, of which no piece between two sites is longer than √2·r.

use super::plan::{LEVELS, Piece, Places, Site, plan};
use crate::aabb::Aabb;
use crate::bvh::Bvh;
use crate::monitor::{Cancelled, Monitor};
use crate::patch::Patch;
use crate::simd::{F32x16, LANES};
use rayon::prelude::*;
use std::ops::Range;

/// How much farther the samples of a level are than those of the level before.
const FARTHER: f64 = 5.0;
/// Sites in a block, and in a group of them.
const BLOCK: usize = 64;
const GROUP: usize = LANES * BLOCK;
/// Coordinates of a block that there is not: its square is finite.
const NOWHERE: f32 = 1e18;
/// Coordinates beyond this many cells from the first sample are not told apart well enough in `f32`.
const FARTHEST: f64 = 16384.0;
/// For so many samples a mesh may have a site, besides one for each triangle; a mesh with more is better off without.
const SAMPLES_A_SITE: u64 = 8;
/// Any mesh may have so many.
const ALWAYS: u64 = 1 << 18;
/// Sites at most.
const MOST: u64 = 8_000_000;
/// What `f32` counts.
const MOST_TRIANGLES: usize = 1 << 24;
/// What one takes, with its share of blocks.
const SITE_BYTES: u64 = 20;

/// Blocks of sites, sites and blocks one after the other.
#[derive(Debug)]
pub(super) struct Group {
    /// The box around it.
    pub bounds: Bounds,
    /// The boxes around its blocks: corners by end and axis, behind the last block nowhere near.
    pub blocks: [[[f32; LANES]; 3]; 2],
    first: usize,
    end: usize,
}

/// The corners of a box.
pub(super) type Bounds = [[f32; 3]; 2];

/// What samples of some distance ask.
#[derive(Clone, Debug)]
pub(super) struct SiteLevel {
    /// The distance from which on they may, in units of the finest spacing.
    pub from: f32,
    /// Square of the distance from any point of the mesh to a site of its face or edge.
    pub r2: f32,
    /// The groups of blocks of the sites on edges and faces; those of the vertices belong to every level.
    groups: Range<usize>,
}

/// The sites of a mesh.
#[derive(Debug, Default)]
pub(super) struct Sites {
    /// Where they are, an array for each axis, in units of the finest spacing from the first sample of the grid; a vector longer
    /// than there are sites.
    axes: [Vec<f32>; 3],
    /// A triangle that each is on, in the order of the tree: below 2²⁴; as long.
    triangles: Vec<f32>,
    groups: Vec<Group>,
    vertices: Range<usize>,
    pub levels: Vec<SiteLevel>,
}

impl Sites {
    /// The sites for samples of `patch` that are farther than `near` of its cells, at most `tolerance` cells too far; none where there
    /// would be too many. They depend on the arguments alone.
    pub fn of(
        bvh: &Bvh,
        patch: &Patch,
        [near, tolerance, cell]: [f64; 3],
        monitor: &Monitor,
    ) -> Result<Option<Sites>, Cancelled> {
        let places = Places { origin: patch.offset(), cell };
        let Some(across) = extent(bvh, patch, places) else { return Ok(None) };
        if bvh.triangle_count() > MOST_TRIANGLES {
            return Ok(None);
        }
        let distances = (0..LEVELS).map(|l| near * FARTHER.powi(l as i32));
        let distances: Vec<f64> =
            distances.enumerate().filter(|(l, d)| *l == 0 || *d < across).map(|(_, d)| d).collect();
        let r2: Vec<f64> = distances.iter().map(|d| 2.0 * tolerance * d + tolerance * tolerance).collect();
        let dense: Vec<f64> = r2.iter().map(|r2| (0.5 / r2).sqrt()).collect();
        let most = most_sites(patch.sample_count(), bvh.triangle_count() as u64);
        let Some(pieces) = plan(bvh, places, &dense, most, monitor)? else { return Ok(None) };
        let count: usize = pieces.iter().map(Piece::count).sum();
        let mut all = vec![Site::default(); count];
        let sections = placed(bvh, places, &dense, &pieces, &mut all, monitor)?;
        let mut sites = Sites::default();
        let mut groups =
            sections.into_iter().map(|section| sites.group(&all, section)).collect::<Vec<_>>().into_iter();
        sites.vertices = groups.next().unwrap_or_default();
        let levels = distances.iter().zip(&r2).zip(groups);
        sites.levels = levels
            .map(|((from, r2), groups)| SiteLevel { from: *from as f32, r2: *r2 as f32, groups })
            .collect();
        sites.axes = [0, 1, 2].map(|a| column(&all, |s| s.at[a]));
        sites.triangles = column(&all, |s| s.triangle as f32);
        Ok(Some(sites))
    }

    /// Adds the groups of a section of the sites.
    fn group(&mut self, all: &[Site], section: Range<usize>) -> Range<usize> {
        let (start, first_group) = (section.start, self.groups.len());
        let groups = all[section].par_chunks(GROUP).enumerate();
        self.groups.par_extend(groups.map(|(i, sites)| Group::of(sites, start + i * GROUP)));
        first_group..self.groups.len()
    }

    /// The groups of blocks of a level.
    pub fn groups(&self, level: usize) -> impl Iterator<Item = &Group> {
        let own = self.levels[level].groups.clone();
        self.groups[self.vertices.clone()].iter().chain(&self.groups[own])
    }

    /// Sixteen sites from number `at` on, seen from `origin`: their places and triangles.
    ///
    /// # Safety
    /// The processor has what `V` needs; there is a site `at`.
    #[inline(always)]
    pub unsafe fn sixteen<V: F32x16>(&self, at: usize, origin: [f32; 3]) -> [V; 4] {
        debug_assert!(at + LANES <= self.triangles.len());
        unsafe {
            // SAFETY: the arrays are a vector longer than there are sites.
            let mut points = [V::load(&*self.triangles.as_ptr().add(at).cast()); 4];
            for a in 0..3 {
                let lanes = &*self.axes[a].as_ptr().add(at).cast();
                points[a] = V::load(lanes).sub(V::splat(origin[a]));
            }
            points
        }
    }

    /// The highest level that serves samples at `distance` and beyond.
    pub fn level_for(&self, distance: f32) -> usize {
        self.levels.iter().rposition(|l| l.from <= distance).unwrap_or(0)
    }
}

/// A number of every site, and a vector of zeros.
fn column(all: &[Site], of: impl Fn(&Site) -> f32 + Sync) -> Vec<f32> {
    let mut column = vec![0.0; all.len() + LANES];
    column.par_chunks_mut(GROUP).zip(all.par_chunks(GROUP)).for_each(|(to, sites)| {
        to.iter_mut().zip(sites).for_each(|(to, site)| *to = of(site));
    });
    column
}

/// Sites that a mesh may have.
fn most_sites(samples: u64, triangles: u64) -> u64 {
    ((samples / SAMPLES_A_SITE).max(ALWAYS) + triangles).min(MOST)
}

/// Upper bound of the memory that the sites of a mesh take.
pub(crate) fn memory_bytes(samples: u64, triangles: u64) -> u64 {
    most_sites(samples, triangles) * SITE_BYTES
}

/// Cells from one end of mesh and grid to the other; nothing where that is too far for `f32`, or nowhere.
fn extent(bvh: &Bvh, patch: &Patch, places: Places) -> Option<f64> {
    let bounds = bvh.bounds();
    if bounds.is_empty() {
        return None;
    }
    let (low, high) = (places.of(bounds.min), places.of(bounds.max));
    let far = |a: usize| low[a].abs().max(high[a].abs()).max(patch.size()[a] / places.cell);
    let across = |a: usize| high[a].max(patch.size()[a] / places.cell) - low[a].min(0.0);
    let tellable = (0..3).all(|a| far(a) < FARTHEST);
    tellable.then(|| (0..3).map(|a| across(a) * across(a)).sum::<f64>().sqrt())
}

/// Writes the sites of all pieces, vertices first, then level by level; gives these sections.
fn placed(
    bvh: &Bvh,
    places: Places,
    dense: &[f64],
    pieces: &[Piece],
    all: &mut [Site],
    monitor: &Monitor,
) -> Result<Vec<Range<usize>>, Cancelled> {
    let mut slices: Vec<Vec<&mut [Site]>> = pieces.iter().map(|_| vec![]).collect();
    let (mut sections, mut at, mut rest) = (vec![], 0, all);
    for section in 0..=dense.len() {
        let start = at;
        for (piece, slices) in pieces.iter().zip(&mut slices) {
            let (own, behind) = rest.split_at_mut(piece.counts[section]);
            at += own.len();
            slices.push(own);
            rest = behind;
        }
        sections.push(start..at);
    }
    pieces.par_iter().zip(slices).try_for_each(|(piece, slices)| {
        monitor.check()?;
        piece.place(bvh, places, dense, slices);
        Ok(())
    })?;
    Ok(sections)
}

impl Group {
    /// Of sites from number `first` on.
    fn of(sites: &[Site], first: usize) -> Group {
        let bounds = |sites: &[Site]| {
            let bounds = Aabb::around(sites.iter().map(|s| &s.at));
            [bounds.min, bounds.max]
        };
        let mut blocks = [[[NOWHERE; LANES]; 3]; 2];
        for (b, sites) in sites.chunks(BLOCK).enumerate() {
            for (corner, to) in bounds(sites).iter().zip(&mut blocks) {
                corner.iter().zip(to).for_each(|(x, to)| to[b] = *x);
            }
        }
        Group { bounds: bounds(sites), blocks, first, end: first + sites.len() }
    }

    /// The numbers of the sites of block `b`.
    #[inline(always)]
    pub fn block(&self, b: usize) -> Range<usize> {
        let first = self.first + b * BLOCK;
        first..(first + BLOCK).min(self.end)
    }
}
