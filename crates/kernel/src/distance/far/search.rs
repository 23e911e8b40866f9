//! Which sites may be the nearest of a far sample, from boxes of 32³ samples down to bricks of 8³.
//!
//! # Method
//! As for crossings (`redistance`): of the sites that may be the nearest of some sample in a box, those of the box around are looked
//! through. A box keeps them for each level that its samples may use: how far they are from the mesh follows from
//! how far its middle is. Where all candidates lie on a few triangles, no sample is asked which one is nearest to it: the
//! distances to these triangles are worked out, which is less work.
//!
//! # Promises
//! The candidates of a box have the nearest site of each of its samples, of all levels that serve their distances.

use super::super::brick::BRICK;
use super::super::candidates::{Candidates, Limit, Samples};
use super::super::octant::OCTANT;
use super::plan::LEVELS;
use super::sites::Sites;
use super::view::{Nearest, View, first_lanes};
use crate::simd::{F32x16, Kind, Level, Portable};
use std::ops::RangeInclusive;

/// Samples along an edge of the boxes that look through all sites.
pub(super) const ROOT: usize = 32;
/// Edges of the boxes that have candidates of their own.
const SIZES: [usize; 3] = [ROOT, ROOT / 2, BRICK];
/// A box with more candidates does not keep them, where boxes within it can look for theirs.
const MANY: usize = 1 << 14;
/// Triangles of which all are tried on a box, by [`SIZES`]: the fewer, the larger it is.
const FEW: [usize; 3] = [1, 2, 5];

/// What a box holds of a level.
#[derive(Default)]
struct List {
    candidates: Candidates<4>,
    kept: bool,
    /// Those nearest to the middles of the eight boxes within.
    nearest: [Nearest; 8],
}

/// The working set of one thread.
pub(super) struct Search<'a> {
    view: View<'a>,
    /// Distance between neighbouring samples, in units of the finest spacing.
    scale: [f32; 3],
    /// By [`SIZES`] and level.
    lists: [[List; LEVELS]; 3],
    /// Levels that the boxes around a brick and the brick may use.
    levels: [RangeInclusive<usize>; 3],
    /// By [`SIZES`], the triangles of all candidates where they are few; else none.
    few: [Vec<f32>; 3],
}

impl<'a> Search<'a> {
    pub fn new(sites: &'a Sites, scale: [f32; 3]) -> Search<'a> {
        let levels = [0, 1, 2].map(|_| 0..=sites.levels.len() - 1);
        Search {
            view: View { sites, root: [0.0; 3] },
            scale,
            lists: Default::default(),
            levels,
            few: Default::default(),
        }
    }

    /// Goes to the root box whose first sample is `first` of the grid.
    pub fn root(&mut self, level: Level, first: [usize; 3]) {
        self.view.root = std::array::from_fn(|a| first[a] as f32 * self.scale[a]);
        self.narrow(level, 0, [0; 3]);
    }

    /// Goes to the box of 16³ samples whose first one is `first` of the root box.
    pub fn half(&mut self, level: Level, first: [usize; 3]) {
        self.narrow(level, 1, first);
    }

    /// Goes to the brick whose first sample is `first` of the root box.
    pub fn brick(&mut self, level: Level, first: [usize; 3]) {
        self.narrow(level, 2, first);
    }

    /// Triangles, among them those of the nearest sites of all samples of the brick, where these are few; else none.
    pub fn few(&self) -> &[f32] {
        self.few.iter().find(|few| !few.is_empty()).map_or(&[], |few| few)
    }

    /// The samples of the octant whose first one is `first` of the root box, the candidates of the brick that they may use, and the one
    /// of these nearest to their middle.
    pub fn octant(&self, first: [usize; 3]) -> (Samples, &Candidates<4>, [f32; 3]) {
        let (samples, around) = (Samples::new(first, OCTANT, self.scale), &self.levels[2]);
        let (octant, finest) = (which_half(first, OCTANT), *around.start());
        let l = *self.levels_of(self.lists[2][finest].nearest[octant].1, finest, samples, around).start();
        let list = &self.lists[2][l];
        (samples, &list.candidates, list.nearest[octant].0)
    }

    /// Finds the candidates of a box of `SIZES[depth]`.
    fn narrow(&mut self, level: Level, depth: usize, first: [usize; 3]) {
        self.few[depth].clear();
        if self.few[..depth].iter().any(|few| !few.is_empty()) {
            return;
        }
        // SAFETY: a `Level` of a kind exists only where the processor has the feature.
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
        let least = (d2 * 0.9999 - self.view.sites.levels[of].r2).max(0.0).sqrt() - half;
        let most = d2.sqrt() * 1.0001 + half;
        let level = |d: f32| self.view.sites.level_for(d).clamp(*around.start(), *around.end());
        level(least)..=level(most)
    }

    /// The deepest box around one of `depth` that has candidates of a level.
    fn around(&self, depth: usize, l: usize) -> Option<usize> {
        (0..depth).rev().find(|d| self.lists[*d][l].kept && self.levels[*d].contains(&l))
    }
}

/// Which of the eight boxes within the one around it the box is that has `n` samples along an edge and begins at `first`.
#[inline(always)]
fn which_half(first: [usize; 3], n: usize) -> usize {
    first[0] / n % 2 + first[1] / n % 2 * 2 + first[2] / n % 2 * 4
}

at_levels! {
    narrow: narrow_avx2, narrow_avx512 (search: &mut Search<'_>, depth: usize, first: [usize; 3]) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn narrow<V: F32x16>(search: &mut Search<'_>, depth: usize, first: [usize; 3]) {
    let samples = Samples::new(first, SIZES[depth], search.scale);
    // The coarsest level tells roughly how far the root box is; a box within one knows the finest that matters.
    let (of, around) = match depth {
        0 => (search.view.sites.levels.len() - 1, 0..=search.view.sites.levels.len() - 1),
        _ => (*search.levels[depth - 1].start(), search.levels[depth - 1].clone()),
    };
    unsafe {
        let (nearest_of, d2) = nearest::<V>(search, depth, of, first, samples);
        let levels = search.levels_of(d2, of, samples, &around);
        for l in levels.clone() {
            let nearest = if l == of { nearest_of } else { nearest::<V>(search, depth, l, first, samples).0 };
            gather::<V>(search, depth, l, samples, nearest);
            let list = &mut search.lists[depth][l];
            if !list.kept {
                continue;
            }
            // The sites of the finest level serve all samples.
            let finest = l == *levels.start();
            if finest && few::<V>(&list.candidates, FEW[depth], &mut search.few[depth]) {
                return;
            }
            list.nearest = list.candidates.nearest_of_eight::<V>(samples);
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
    first: [usize; 3],
    samples: Samples,
) -> Nearest {
    if let Some(above) = search.around(depth, l) {
        let list = &search.lists[above][l];
        // The boxes of a depth are halves of those around.
        return match above + 1 == depth {
            true => list.nearest[which_half(first, SIZES[depth])],
            false => unsafe { list.candidates.nearest::<V>(samples) },
        };
    }
    unsafe { search.view.nearest::<V>(l, samples.centre) }
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
    unsafe {
        if let Some(above) = search.around(depth, l) {
            let limit = Limit::<V>::new(nearest, samples);
            list.candidates.become_unbeaten(&search.lists[above][l].candidates, limit);
            list.kept = true;
        } else {
            list.candidates.clear();
            list.kept = search.view.gather::<V>(l, nearest, samples, many, &mut list.candidates);
        }
    }
    list.candidates.fill_up();
    search.lists[depth][l] = list;
}

/// Whether all candidates are on `most` triangles; gives these, else none.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn few<V: F32x16>(list: &Candidates<4>, most: usize, few: &mut Vec<f32>) -> bool {
    few.clear();
    for start in list.starts() {
        let [.., triangles] = unsafe { list.sixteen::<V>(start) };
        let mut others = first_lanes(list.len() - start);
        for known in &*few {
            others &= unsafe { differ(triangles, V::splat(*known)) };
        }
        while others != 0 {
            if few.len() == most {
                few.clear();
                return false;
            }
            let [.., triangle] = list.all(start + others.trailing_zeros() as usize);
            few.push(triangle);
            others &= unsafe { differ(triangles, V::splat(triangle)) };
        }
    }
    !few.is_empty()
}

/// Where two sixteens of numbers differ.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn differ<V: F32x16>(a: V, b: V) -> u16 {
    unsafe { a.less(b) | b.less(a) }
}
