//! The nearest site of every far sample, from boxes of 32³ samples down to octants of 4³.
//!
//! # Method
//! As for crossings (`redistance`): of the sites that may be the nearest of some sample in a box, those of the box around are looked
//! through. A box keeps them for each level that its samples may use: how far they are from the mesh follows from
//! how far its middle is.
//!
//! # Promises
//! The site found for a sample is the nearest one of a level that serves its distance.

use super::super::brick::{BRICK, GROUPS};
use super::super::candidates::{Candidates, Limit, Samples, least_excess, most};
use super::super::octant::{Brick, OCTANT, try_all};
use super::plan::LEVELS;
use super::sites::{Block, Sites};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};
use std::ops::RangeInclusive;

/// Samples along an edge of the boxes that look through all sites.
pub(super) const ROOT: usize = 32;
/// Edges of the boxes that have candidates of their own.
const SIZES: [usize; 3] = [ROOT, ROOT / 2, BRICK];
/// A box with more candidates does not keep them, where boxes within it can look for theirs.
const MANY: usize = 1 << 14;

/// Which samples of a brick are far: by group as in [`Brick`], a bit for each lane.
pub(super) type FarLanes = [u16; GROUPS];

/// What a box holds of a level.
#[derive(Default)]
struct List {
    candidates: Candidates<4>,
    kept: bool,
}

/// The working set of one thread.
pub(super) struct Search<'a> {
    sites: &'a Sites,
    /// Distance between neighbouring samples, in units of the finest spacing.
    scale: [f32; 3],
    /// First sample of the root box, in these units.
    root: [f32; 3],
    /// By [`SIZES`] and level.
    lists: [[List; LEVELS]; 3],
    /// Levels that the boxes around a brick and the brick may use.
    levels: [RangeInclusive<usize>; 3],
    /// Candidates of an octant, and their numbers.
    few: Vec<([f32; 3], f32)>,
    /// The sites that are the nearest of far samples of the last brick, and of which rows: bit `4·z + y/2`.
    pub found: Vec<(u32, u32)>,
}

impl<'a> Search<'a> {
    pub fn new(sites: &'a Sites, scale: [f32; 3]) -> Search<'a> {
        let levels = [0, 1, 2].map(|_| 0..=sites.levels.len() - 1);
        Search { sites, scale, root: [0.0; 3], lists: Default::default(), levels, few: vec![], found: vec![] }
    }

    /// Goes to the root box whose first sample is `first` of the grid.
    pub fn root(&mut self, level: Level, first: [usize; 3]) {
        self.root = std::array::from_fn(|a| first[a] as f32 * self.scale[a]);
        self.narrow(level, 0, [0; 3]);
    }

    /// Goes to the box of 16³ samples whose first one is `first` of the root box.
    pub fn half(&mut self, level: Level, first: [usize; 3]) {
        self.narrow(level, 1, first);
    }

    /// Finds the nearest sites of the `far` samples of the brick whose first one is `first` of the root box.
    pub fn brick(&mut self, level: Level, first: [usize; 3], far: &FarLanes, brick: &mut Brick) {
        brick.first = first;
        self.found.clear();
        self.narrow(level, 2, first);
        // SAFETY: a `Level` of a kind exists only where the processor has the feature.
        unsafe {
            match level.kind() {
                Kind::Baseline => octants::<Portable>(self, far, brick),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => octants_avx2(self, far, brick),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => octants_avx512(self, far, brick),
            }
        }
    }

    /// Finds the candidates of a box of `SIZES[depth]`.
    fn narrow(&mut self, level: Level, depth: usize, first: [usize; 3]) {
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

    /// The levels that `samples` may use, of those of the box around, when the nearest site of level `of` is so far from their middle.
    fn levels_of(
        &self,
        d2: f32,
        of: usize,
        samples: Samples,
        around: &RangeInclusive<usize>,
    ) -> RangeInclusive<usize> {
        let half = samples.half2().sqrt();
        // A hair for rounding.
        let least = (d2 * 0.9999 - self.sites.levels[of].r2).max(0.0).sqrt() - half;
        let most = d2.sqrt() * 1.0001 + half;
        let level = |d: f32| self.sites.level_for(d).clamp(*around.start(), *around.end());
        level(least)..=level(most)
    }

    /// The deepest box around one of `depth` that has candidates of a level.
    fn around(&self, depth: usize, l: usize) -> Option<usize> {
        (0..depth).rev().find(|d| self.lists[*d][l].kept && self.levels[*d].contains(&l))
    }

    /// The corners of a block, seen from the root box.
    #[inline(always)]
    fn corners(&self, block: &Block) -> [[f32; 3]; 2] {
        [block.low, block.high].map(|c| [c[0] - self.root[0], c[1] - self.root[1], c[2] - self.root[2]])
    }

    /// Squared distance from `p` to the box of a block.
    #[inline(always)]
    fn apart2(&self, block: &Block, p: [f32; 3]) -> f32 {
        let [low, high] = self.corners(block);
        let d = |a: usize| (low[a] - p[a]).max(p[a] - high[a]).max(0.0);
        let [x, y, z] = [d(0), d(1), d(2)];
        x * x + y * y + z * z
    }

    /// Whether a block may have sites that `nearest` does not beat on all samples.
    #[inline(always)]
    fn may_matter(&self, block: &Block, nearest: [f32; 3], samples: Samples, limit: f32) -> bool {
        let [low, high] = self.corners(block);
        least_excess(low, high, nearest, samples) <= limit
    }

    /// The site of a level that is nearest to `p`, of all its sites, and its squared distance.
    fn look_everywhere(&self, l: usize, p: [f32; 3]) -> ([f32; 3], f32) {
        let mut best = ([0.0; 3], f32::INFINITY);
        // The nearest block first, so that few others are looked through.
        let by_distance = |a: &&Block, b: &&Block| self.apart2(a, p).total_cmp(&self.apart2(b, p));
        let group = self.sites.groups(l).min_by(by_distance);
        if let Some(block) = group.and_then(|group| self.sites.blocks(group).iter().min_by(by_distance)) {
            self.look(block, p, &mut best);
        }
        for group in self.sites.groups(l) {
            if self.apart2(group, p) < best.1 {
                for block in self.sites.blocks(group) {
                    if self.apart2(block, p) < best.1 {
                        self.look(block, p, &mut best);
                    }
                }
            }
        }
        best
    }

    /// Looks for a nearer site in a block.
    #[inline(always)]
    fn look(&self, block: &Block, p: [f32; 3], best: &mut ([f32; 3], f32)) {
        for i in block.range() {
            let (at, mut d2) = (self.sites.at(i), 0.0);
            let at = [at[0] - self.root[0], at[1] - self.root[1], at[2] - self.root[2]];
            for a in 0..3 {
                d2 += (at[a] - p[a]) * (at[a] - p[a]);
            }
            if d2 < best.1 {
                *best = (at, d2);
            }
        }
    }
}

at_levels! {
    narrow: narrow_avx2, narrow_avx512 (search: &mut Search<'_>, depth: usize, first: [usize; 3]) -> ();
    octants: octants_avx2, octants_avx512 (search: &mut Search<'_>, far: &FarLanes, brick: &mut Brick) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn narrow<V: F32x16>(search: &mut Search<'_>, depth: usize, first: [usize; 3]) {
    let samples = Samples::new(first, SIZES[depth], search.scale);
    // The coarsest level tells roughly how far the root box is; a box within one knows the finest that matters.
    let (of, around) = match depth {
        0 => (search.sites.levels.len() - 1, 0..=search.sites.levels.len() - 1),
        _ => (*search.levels[depth - 1].start(), search.levels[depth - 1].clone()),
    };
    unsafe {
        let (_, d2) = nearest::<V>(search, depth, of, samples);
        let levels = search.levels_of(d2, of, samples, &around);
        for l in levels.clone() {
            let (nearest, _) = nearest::<V>(search, depth, l, samples);
            gather::<V>(search, depth, l, samples, nearest);
        }
        search.levels[depth] = levels;
    }
}

/// The site of a level nearest to the middle of the samples of a box of `depth`, and its squared distance.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn nearest<V: F32x16>(
    search: &Search<'_>,
    depth: usize,
    l: usize,
    samples: Samples,
) -> ([f32; 3], f32) {
    if let Some(above) = search.around(depth, l) {
        return unsafe { search.lists[above][l].candidates.nearest::<V>(samples) };
    }
    search.look_everywhere(l, samples.centre)
}

/// Gathers the sites of a level that `nearest` does not beat on all samples.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn gather<V: F32x16>(
    search: &mut Search<'_>,
    depth: usize,
    l: usize,
    samples: Samples,
    nearest: [f32; 3],
) {
    let mut list = std::mem::take(&mut search.lists[depth][l]);
    let many = if depth + 1 < SIZES.len() { MANY } else { usize::MAX };
    list.candidates.clear();
    list.kept = true;
    unsafe {
        let limit = Limit::<V>::new(nearest, samples);
        if let Some(above) = search.around(depth, l) {
            let above = &search.lists[above][l].candidates;
            for start in above.starts() {
                let (points, keep) = above.unbeaten::<V>(start, limit);
                list.candidates.push(points, keep);
            }
        } else {
            let least = most(nearest, samples);
            'groups: for group in search.sites.groups(l) {
                if !search.may_matter(group, nearest, samples, least) {
                    continue;
                }
                for block in search.sites.blocks(group) {
                    if !search.may_matter(block, nearest, samples, least) {
                        continue;
                    }
                    let sites = block.range();
                    for at in sites.clone().step_by(LANES) {
                        let points = search.sites.sixteen::<V>(at, search.root);
                        let some = ((1u32 << (sites.end - at).min(LANES)) - 1) as u16;
                        let [x, y, z, _] = points;
                        list.candidates.push(points, limit.unbeaten([x, y, z]) & some);
                    }
                    if list.candidates.len() > many {
                        list.kept = false;
                        break 'groups;
                    }
                }
            }
        }
    }
    list.candidates.fill_up();
    search.lists[depth][l] = list;
}

/// Finds the nearest site of each sample of the octants that are wanted.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn octants<V: F32x16>(search: &mut Search<'_>, far: &FarLanes, brick: &mut Brick) {
    let around = search.levels[2].clone();
    for octant in 0..8 {
        let far = &far[octant * OCTANT..][..OCTANT];
        if *far == [0; OCTANT] {
            continue;
        }
        let first = std::array::from_fn(|a| brick.first[a] + (octant >> a & 1) * OCTANT);
        let samples = Samples::new(first, OCTANT, search.scale);
        let mut few = std::mem::take(&mut search.few);
        few.clear();
        unsafe {
            let finest = &search.lists[2][*around.start()].candidates;
            let (mut nearest, d2) = finest.nearest::<V>(samples);
            let l = *search.levels_of(d2, *around.start(), samples, &around).start();
            let list = &search.lists[2][l].candidates;
            if l != *around.start() {
                (nearest, _) = list.nearest::<V>(samples);
            }
            let limit = Limit::<V>::new(nearest, samples);
            for start in list.starts() {
                let (_, mut keep) = list.unbeaten(start, limit);
                while keep != 0 {
                    let i = start + keep.trailing_zeros() as usize;
                    keep &= keep - 1;
                    few.push((list.get(i), list.number(i)));
                }
            }
            try_all::<V>(&few, f32::INFINITY, brick, octant);
            let row = (octant >> 2 & 1) * OCTANT * 4 + (octant >> 1 & 1) * 2;
            winners::<V>(&brick.which[octant * OCTANT..][..OCTANT], far, row, &mut search.found);
        }
        search.few = few;
    }
}

/// Adds the numbers of the sites nearest to far samples of an octant, and the pairs of rows where they are so: bit `4·z + y/2` of
/// the brick, `row` for the octant's first.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn winners<V: F32x16>(which: &[[f32; LANES]], far: &[u16], row: usize, found: &mut Vec<(u32, u32)>) {
    let mut rest = [far[0], far[1], far[2], far[3]];
    for z in 0..OCTANT {
        while rest[z] != 0 {
            let number = which[z][rest[z].trailing_zeros() as usize];
            let mut rows = 0;
            for k in z..OCTANT {
                let its = unsafe {
                    let (number, which) = (V::splat(number), V::load(&which[k]));
                    rest[k] & !(which.less(number) | number.less(which))
                };
                rest[k] &= !its;
                rows |= (u32::from(its & 0xff != 0) | u32::from(its >> 8 != 0) << 1) << (4 * k);
            }
            found.push((number as u32, rows << row));
        }
    }
}
