//! The nearest crossing of every sample, from boxes of 32³ samples down to octants of 4³.
//!
//! # Method
//! The crossings that may be the nearest of some sample in a box ([`super::candidates`]) are gathered from the tree once for
//! 32³ samples, and from there on from those of the box around: 16³, 8³, 4³. About forty remain for an octant, which are
//! tried one by one on its 64 samples. Where the surface fills the grid, a box has so many that its parts ask the tree again.
//!
//! # Promises
//! The crossing found is the nearest one within reach; of several as near, the first in the order of the tree's blocks. So it does
//! not depend on crossings farther away, nor on how far the grid or the reach goes.

use super::super::brick::BRICK;
use super::super::candidates::{Candidates, Limit, Samples, least_excess, most};
use super::super::octant::{Brick, OCTANT, try_all};
use super::crossings::{BLOCK, Crossing, Crossings};
use super::tree::{Node, Tree};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

/// Samples along an edge of the boxes that ask the tree.
pub(super) const ROOT: usize = 32;
/// Edges of the boxes that have candidates of their own.
const SIZES: [usize; 3] = [ROOT, ROOT / 2, BRICK];
/// A box with more candidates does not keep them.
const MANY: usize = 1 << 14;

/// The working set of one thread.
pub(super) struct Search<'a> {
    crossings: &'a Crossings,
    tree: &'a Tree,
    /// Distance between neighbouring samples.
    scale: [f32; 3],
    /// Nothing farther is looked for.
    reach: f32,
    /// First sample of the root box in the whole grid.
    root: [usize; 3],
    /// Candidates of the boxes around a brick and of the brick, by [`SIZES`]; `None` in `kept` where they were too many.
    lists: [Candidates<3>; 3],
    kept: [bool; 3],
    /// Candidates of an octant, and their numbers in the brick.
    few: Candidates<4>,
    stack: Vec<(u32, f32)>,
}

/// 0, 1, 2, …
const COUNTING: [f32; LANES] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

impl<'a> Search<'a> {
    /// For samples `scale` apart; crossings beyond `reach` are not looked for.
    pub fn new(crossings: &'a Crossings, tree: &'a Tree, scale: [f32; 3], reach: f32) -> Search<'a> {
        Search {
            crossings,
            tree,
            scale,
            reach,
            root: [0; 3],
            lists: Default::default(),
            kept: [false; 3],
            few: Candidates::default(),
            stack: vec![],
        }
    }

    /// The candidates of the last brick.
    pub fn of_brick(&self) -> &Candidates<3> {
        &self.lists[2]
    }

    /// Goes to the root box whose first sample is `first` of the whole grid; false when there is no crossing within reach of it.
    pub fn root(&mut self, level: Level, first: [usize; 3]) -> bool {
        self.root = first;
        self.narrow(level, 0, [0; 3])
    }

    /// Goes to the box of 16³ samples whose first one is `first` of the root box.
    pub fn half(&mut self, level: Level, first: [usize; 3]) -> bool {
        self.narrow(level, 1, first)
    }

    /// Finds the nearest crossings of the brick whose first sample is `first` of the root box, in the box of 16³ around it.
    pub fn brick(&mut self, level: Level, first: [usize; 3], brick: &mut Brick) -> bool {
        brick.first = first;
        if !self.narrow(level, 2, first) {
            return false;
        }
        // SAFETY: a `Level` of a kind exists only where the processor has the feature.
        unsafe {
            match level.kind() {
                Kind::Baseline => octants::<Portable>(self, brick),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => octants_avx2(self, brick),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => octants_avx512(self, brick),
            }
        }
        true
    }

    /// Finds the candidates of a box of `SIZES[depth]`; false when there is no crossing within reach of it.
    fn narrow(&mut self, level: Level, depth: usize, first: [usize; 3]) -> bool {
        // SAFETY: as above.
        unsafe {
            match level.kind() {
                Kind::Baseline => narrow::<Portable>(self, depth, first),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => narrow_avx2(self, depth, first),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => narrow_avx512(self, depth, first),
            }
        }
    }

    /// The box of a node.
    #[inline(always)]
    fn extent(&self, node: &Node) -> [[f32; 3]; 2] {
        [node.low, node.high].map(|corner| {
            std::array::from_fn(|a| (corner[a] as i32 - self.root[a] as i32) as f32 * self.scale[a])
        })
    }

    /// Squared distance from `p` to the box of a node.
    #[inline(always)]
    fn apart2(&self, node: &Node, p: [f32; 3]) -> f32 {
        let [low, high] = self.extent(node);
        let d: [f32; 3] = std::array::from_fn(|a| (low[a] - p[a]).max(p[a] - high[a]).max(0.0));
        d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    }

    /// Sixteen crossings of a leaf from number `start` on: their places and which of the sixteen there are.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn leaf<V: F32x16>(&self, node: &Node, start: u32) -> ([V; 3], u16) {
        let mut corner = [0.0; 3];
        for a in 0..3 {
            let block = node.low[a] as usize / BLOCK * BLOCK;
            corner[a] = (block as i32 - self.root[a] as i32) as f32;
        }
        let all = self.crossings.sixteen(node.beam, node.first + start);
        let count = (node.count - start).min(LANES as u32);
        (unsafe { Crossing::places(all, corner, self.scale) }, ((1u32 << count) - 1) as u16)
    }

    /// The crossing nearest to the middle of the samples, if one can be within reach of any of them.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    unsafe fn nearest<V: F32x16>(&mut self, samples: Samples) -> Option<[f32; 3]> {
        let reach = self.reach + samples.half2().sqrt();
        let (mut best2, mut best) = (reach * reach, None);
        let mut stack = std::mem::take(&mut self.stack);
        stack.clear();
        let root = self.tree.nodes.len() - 1;
        stack.push((root as u32, self.apart2(&self.tree.nodes[root], samples.centre)));
        while let Some((at, least2)) = stack.pop() {
            if least2 > best2 {
                continue;
            }
            let node = &self.tree.nodes[at as usize];
            if (at as usize) < self.tree.leaves {
                for start in (0..node.count).step_by(LANES) {
                    let mut places = [[0.0; LANES]; 3];
                    let (vectors, some) = unsafe { self.leaf::<V>(node, start) };
                    for (to, vector) in places.iter_mut().zip(vectors) {
                        unsafe { vector.store(to) };
                    }
                    for l in 0..some.count_ones() as usize {
                        let p = [places[0][l], places[1][l], places[2][l]];
                        let d: [f32; 3] = std::array::from_fn(|a| p[a] - samples.centre[a]);
                        let d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
                        if d2 < best2 {
                            (best2, best) = (d2, Some(p));
                        }
                    }
                }
                continue;
            }
            // Children go onto the stack farthest first, so that the nearest is looked at next.
            let first = stack.len();
            for child in node.first..node.first + node.count {
                let least2 = self.apart2(&self.tree.nodes[child as usize], samples.centre);
                if least2 <= best2 {
                    stack.push((child, least2));
                    let mut i = stack.len() - 1;
                    while i > first && stack[i - 1].1 < least2 {
                        stack.swap(i, i - 1);
                        i -= 1;
                    }
                }
            }
        }
        self.stack = stack;
        best
    }
}

at_levels! {
    narrow: narrow_avx2, narrow_avx512 (search: &mut Search<'_>, depth: usize, first: [usize; 3]) -> bool;
    octants: octants_avx2, octants_avx512 (search: &mut Search<'_>, brick: &mut Brick) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn narrow<V: F32x16>(search: &mut Search<'_>, depth: usize, first: [usize; 3]) -> bool {
    let samples = Samples::new(first, SIZES[depth], search.scale);
    if depth == 0 || !search.kept[depth - 1] {
        let Some(nearest) = (unsafe { search.nearest::<V>(samples) }) else { return false };
        unsafe { gather::<V>(search, depth, samples, nearest) };
        return true;
    }
    let (above, own) = search.lists.split_at_mut(depth);
    let (above, own) = (&above[depth - 1], &mut own[0]);
    search.kept[depth] = true;
    unsafe {
        let (nearest, d2) = above.nearest::<V>(samples);
        let reach = search.reach + samples.half2().sqrt();
        if d2 > reach * reach {
            return false;
        }
        own.become_unbeaten(above, Limit::<V>::new(nearest, samples));
    }
    true
}

/// Gathers from the tree the crossings that `nearest` does not beat on all samples.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn gather<V: F32x16>(search: &mut Search<'_>, depth: usize, samples: Samples, nearest: [f32; 3]) {
    let mut list = std::mem::take(&mut search.lists[depth]);
    let mut stack = std::mem::take(&mut search.stack);
    let many = if depth + 1 < SIZES.len() { MANY } else { usize::MAX };
    let (limit, limits) = (most(nearest, samples), unsafe { Limit::<V>::new(nearest, samples) });
    list.clear();
    stack.clear();
    stack.push((search.tree.nodes.len() as u32 - 1, 0.0));
    while let Some((at, _)) = stack.pop() {
        let node = &search.tree.nodes[at as usize];
        if (at as usize) >= search.tree.leaves {
            for child in node.first..node.first + node.count {
                let [low, high] = search.extent(&search.tree.nodes[child as usize]);
                if least_excess(low, high, nearest, samples) <= limit {
                    stack.push((child, 0.0));
                }
            }
            continue;
        }
        for start in (0..node.count).step_by(LANES) {
            unsafe {
                let (places, some) = search.leaf::<V>(node, start);
                list.push(places, limits.unbeaten(places) & some);
            }
        }
        if list.len() > many {
            break;
        }
    }
    list.fill_up();
    search.kept[depth] = list.len() <= many;
    (search.lists[depth], search.stack) = (list, stack);
}

/// Finds the nearest crossing of each sample of a brick among its candidates.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn octants<V: F32x16>(search: &mut Search<'_>, brick: &mut Brick) {
    let list = &search.lists[2];
    for octant in 0..8 {
        let first = std::array::from_fn(|a| brick.first[a] + (octant >> a & 1) * OCTANT);
        let samples = Samples::new(first, OCTANT, search.scale);
        search.few.clear();
        unsafe {
            let (nearest, _) = list.nearest::<V>(samples);
            let limit = Limit::<V>::new(nearest, samples);
            for start in list.starts() {
                let keep = list.unbeaten(start, limit);
                if keep != 0 {
                    let [x, y, z] = list.sixteen::<V>(start);
                    search.few.push([x, y, z, V::load(&COUNTING).add(V::splat(start as f32))], keep);
                }
            }
            try_all::<V>(&search.few, search.reach, brick, octant);
        }
    }
}
