//! The closest site of every sample of one brick of 8×8×8.
//!
//! # Method
//! A site s is the closest one of no sample in a box when another site s₀ is closer to all of them. The difference of the
//! squared distances, |p−s|² − |p−s₀|², is linear in p, so its least value over a box with centre c and
//! half extents h is |s−c|² − |s₀−c|² − 2 Σ hₐ|sₐ−s₀ₐ|: one comparison decides, however far the surface is. With s₀ the
//! site closest to the centre a few hundred sites remain for a brick, and about forty for each of its octants
//! of 4×4×4, which are tried one by one on 64 samples. For a box of sites the terms are minimised axis by axis.
//!
//! # Promises
//! The site found is the closest one within reach; of several as close, the first in the order of the tree's blocks. So it does
//! not depend on sites farther away, nor on how far the grid or the reach goes.

use super::super::brick::{BRICK, GROUPS, Lane};
use super::sites::Sites;
use super::tree::{Node, Tree};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

/// Samples along an edge of an octant of a brick.
pub(super) const OCTANT: usize = 4;
/// Room for rounding, of the squares that are compared.
const ROUNDING: f32 = 1e-5;
/// Stands for no site.
pub(super) const NONE: f32 = -1.0;
/// Coordinate of what fills up the last vector: farther than any site, and its square is finite.
pub(super) const FAR: f32 = 1e18;

/// Positions, one array for each axis; the capacity after the last is filled up to whole vectors with [`FAR`].
#[derive(Default)]
pub(super) struct Points {
    axes: [Vec<f32>; 3],
    len: usize,
}

impl Points {
    pub fn len(&self) -> usize {
        self.len
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    #[inline(always)]
    fn push(&mut self, p: [f32; 3]) {
        if self.len == self.axes[0].len() {
            let more = (2 * self.len).max(64 * LANES);
            self.axes.iter_mut().for_each(|a| a.resize(more, FAR));
        }
        for a in 0..3 {
            self.axes[a][self.len] = p[a];
        }
        self.len += 1;
    }

    /// Fills up the last vector.
    fn fill_up(&mut self) {
        for axis in &mut self.axes {
            let end = self.len.next_multiple_of(LANES);
            axis[self.len..end].fill(FAR);
        }
    }

    #[inline(always)]
    pub fn get(&self, i: usize) -> [f32; 3] {
        [self.axes[0][i], self.axes[1][i], self.axes[2][i]]
    }
}

/// The working set of one thread.
pub(super) struct Brick {
    /// Distance between neighbouring samples.
    pub scale: [f32; 3],
    /// Squared distance to the closest site; group `4·octant + z`.
    pub best2: [Lane; GROUPS],
    /// Which of `sites` that is, or `NONE`. Whole numbers; beyond 2²⁴ only nearly the right one.
    pub which: [Lane; GROUPS],
    /// Sites that may be the closest of some sample.
    pub sites: Points,
    /// Those that may be for some sample of an octant, and their numbers in `sites`.
    few: Vec<([f32; 3], f32)>,
    /// Nothing farther is looked for.
    reach: f32,
    /// The site closest to the middle of the brick before this one.
    last: Option<[f32; 3]>,
    stack: Vec<(u32, f32)>,
}

/// A box of samples.
#[derive(Clone, Copy)]
struct Samples {
    centre: [f32; 3],
    half: [f32; 3],
}

impl Brick {
    /// For samples `scale` apart; sites beyond `reach` are not looked for.
    pub fn new(scale: [f32; 3], reach: f32) -> Brick {
        Brick {
            scale,
            best2: [[0.0; LANES]; GROUPS],
            which: [[NONE; LANES]; GROUPS],
            sites: Points::default(),
            few: vec![],
            reach,
            last: None,
            stack: vec![],
        }
    }

    /// Where the samples of group `g` are, relative to the brick's first sample.
    #[inline(always)]
    pub fn samples(&self, g: usize) -> [Lane; 3] {
        let (o, z) = (g / OCTANT, g % OCTANT);
        let at = |axis: usize, i: usize| ((o >> axis & 1) * OCTANT + i) as f32 * self.scale[axis];
        [
            std::array::from_fn(|l| at(0, l % OCTANT)),
            std::array::from_fn(|l| at(1, l / OCTANT)),
            [at(2, z); LANES],
        ]
    }

    /// Starts a new row of bricks: what was found for the last one is forgotten.
    pub fn start(&mut self) {
        self.last = None;
    }

    /// Finds the closest sites of the brick whose first sample is at `origin`; false when there is none within reach.
    pub fn search(&mut self, level: Level, tree: &Tree, sites: &Sites, origin: [f32; 3]) -> bool {
        // SAFETY: there are levels other than the baseline only where the processor has the feature.
        unsafe {
            match level.kind() {
                Kind::Baseline => search::<Portable>(self, tree, sites, origin),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => search_avx2(self, tree, sites, origin),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => search_avx512(self, tree, sites, origin),
            }
        }
    }

    /// The site closest to the middle of the samples, if one can be within reach of any of them.
    fn closest(&mut self, tree: &Tree, sites: &Sites, origin: [f32; 3], all: Samples) -> Option<[f32; 3]> {
        let half2: f32 = all.half.iter().map(|h| h * h).sum();
        let centre: [f32; 3] = std::array::from_fn(|a| origin[a] + all.centre[a]);
        let mut best2 = (self.reach + half2.sqrt()) * (self.reach + half2.sqrt());
        let mut best = None;
        if let Some(last) = self.last {
            let d: [f32; 3] = std::array::from_fn(|a| last[a] - centre[a]);
            let d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            if d2 < best2 {
                (best2, best) = (d2, Some(last));
            }
        }
        self.stack.clear();
        let root = tree.nodes.len() - 1;
        self.stack.push((root as u32, apart2(&tree.nodes[root], centre)));
        while let Some((at, least2)) = self.stack.pop() {
            if least2 > best2 {
                continue;
            }
            let node = &tree.nodes[at as usize];
            let range = node.first as usize..(node.first + node.count) as usize;
            if node.leaf {
                for i in range {
                    let p = sites.point(i);
                    let d: [f32; 3] = std::array::from_fn(|a| p[a] - centre[a]);
                    let d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
                    // Of two as close the one whose coordinates come first, whichever was found first.
                    if d2 < best2 || (d2 == best2 && best.is_some_and(|b| p < b)) {
                        (best2, best) = (d2, Some(p));
                    }
                }
                continue;
            }
            // Children go onto the stack farthest first, so that the nearest is looked at next.
            let first = self.stack.len();
            for child in range {
                let least2 = apart2(&tree.nodes[child], centre);
                if least2 <= best2 {
                    self.stack.push((child as u32, least2));
                    let mut i = self.stack.len() - 1;
                    while i > first && self.stack[i - 1].1 < least2 {
                        self.stack.swap(i, i - 1);
                        i -= 1;
                    }
                }
            }
        }
        self.last = best;
        best.map(|p| std::array::from_fn(|a| p[a] - origin[a]))
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn search_avx2(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) -> bool {
    unsafe { search::<crate::simd::x86::Avx2>(brick, tree, sites, origin) }
}

/// # Safety
/// The processor has AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn search_avx512(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) -> bool {
    unsafe { search::<crate::simd::x86::Avx512>(brick, tree, sites, origin) }
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn search<V: F32x16>(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) -> bool {
    let extent = |n: usize| brick.scale.map(|s| s * 0.5 * (n - 1) as f32);
    let (all, half) = (Samples { centre: extent(BRICK), half: extent(BRICK) }, extent(OCTANT));
    let Some(first) = brick.closest(tree, sites, origin, all) else { return false };
    unsafe { collect::<V>(brick, tree, sites, origin, all, first) };
    for octant in 0..8 {
        let corner = |a: usize| ((octant >> a & 1) * OCTANT) as f32 * brick.scale[a];
        let centre = std::array::from_fn(|a| corner(a) + half[a]);
        unsafe {
            select::<V>(brick, Samples { centre, half });
            try_all::<V>(brick, octant);
        }
    }
    true
}

/// Gathers the sites that `first` does not beat on all samples.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn collect<V: F32x16>(
    brick: &mut Brick,
    tree: &Tree,
    sites: &Sites,
    origin: [f32; 3],
    all: Samples,
    first: [f32; 3],
) {
    brick.sites.clear();
    let limit = loose(excess(first, first, all), all);
    brick.stack.clear();
    brick.stack.push((tree.nodes.len() as u32 - 1, 0.0));
    while let Some((at, _)) = brick.stack.pop() {
        let node = &tree.nodes[at as usize];
        let range = node.first as usize..(node.first + node.count) as usize;
        if !node.leaf {
            for child in range {
                if least_excess(&tree.nodes[child], origin, first, all) <= limit {
                    brick.stack.push((child as u32, 0.0));
                }
            }
            continue;
        }
        for start in range.clone().step_by(LANES) {
            // SAFETY: the axes are filled up to a whole vector beyond the last site.
            let excess = unsafe {
                let p: [V; 3] = std::array::from_fn(|a| {
                    V::load(&*sites.axes[a].as_ptr().add(start).cast()).sub(V::splat(origin[a]))
                });
                excesses::<V>(p, first, all)
            };
            let valid = if range.end - start < LANES { (1u16 << (range.end - start)) - 1 } else { !0 };
            let mut keep = unsafe { !V::splat(limit).less(excess) } & valid;
            while keep != 0 {
                let i = start + keep.trailing_zeros() as usize;
                keep &= keep - 1;
                brick.sites.push(std::array::from_fn(|a| sites.axes[a][i] - origin[a]));
            }
        }
    }
    if brick.sites.len == 0 {
        brick.sites.push(first);
    }
    brick.sites.fill_up();
}

/// Of the brick's sites those that the one closest to the centre does not beat on all samples of an octant.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn select<V: F32x16>(brick: &mut Brick, octant: Samples) {
    unsafe {
        let n = brick.sites.len;
        let at = |start: usize| -> [V; 3] {
            std::array::from_fn(|a| V::load(&*brick.sites.axes[a].as_ptr().add(start).cast()))
        };
        let (mut best2, mut which) = (V::splat(f32::MAX), V::splat(0.0));
        for start in (0..n).step_by(LANES) {
            let p = at(start);
            let d: [V; 3] = std::array::from_fn(|a| p[a].sub(V::splat(octant.centre[a])));
            let d2 = d[0].mul(d[0]).add(d[1].mul(d[1])).add(d[2].mul(d[2]));
            (best2, which) = closer(d2, V::splat(start as f32), best2, which);
        }
        let (mut lanes, mut starts) = ([0.0; LANES], [0.0; LANES]);
        best2.store(&mut lanes);
        which.store(&mut starts);
        let order = |l: usize| (lanes[l], starts[l] + l as f32);
        let l = (0..LANES).fold(0, |least, l| if order(l) < order(least) { l } else { least });
        let first = brick.sites.get((starts[l] as usize + l).min(n - 1));
        let limit = V::splat(loose(excess(first, first, octant), octant));
        brick.few.clear();
        for start in (0..n).step_by(LANES) {
            let mut keep = !limit.less(excesses::<V>(at(start), first, octant));
            while keep != 0 {
                let i = start + keep.trailing_zeros() as usize;
                keep &= keep - 1;
                brick.few.push((brick.sites.get(i), i as f32));
            }
        }
    }
}

/// Tries the few sites on the 64 samples of an octant.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn try_all<V: F32x16>(brick: &mut Brick, octant: usize) {
    unsafe {
        let samples = brick.samples(octant * OCTANT);
        let (x, y) = (V::load(&samples[0]), V::load(&samples[1]));
        let z: [f32; OCTANT] = std::array::from_fn(|z| brick.samples(octant * OCTANT + z)[2][0]);
        let mut best = [V::splat(brick.reach * brick.reach); OCTANT];
        let mut which = [V::splat(NONE); OCTANT];
        for (p, number) in &brick.few {
            let (dx, dy, number) = (x.sub(V::splat(p[0])), y.sub(V::splat(p[1])), V::splat(*number));
            let xy2 = dx.mul(dx).add(dy.mul(dy));
            for k in 0..OCTANT {
                let dz = z[k] - p[2];
                (best[k], which[k]) = closer(xy2.add(V::splat(dz * dz)), number, best[k], which[k]);
            }
        }
        for k in 0..OCTANT {
            best[k].store(&mut brick.best2[octant * OCTANT + k]);
            which[k].store(&mut brick.which[octant * OCTANT + k]);
        }
    }
}

/// `d2` and `number` where `d2` is less than `best2`, else `best2` and `which`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn closer<V: F32x16>(d2: V, number: V, best2: V, which: V) -> (V, V) {
    unsafe { (d2.min(best2), which.or_where_less(number, d2, best2)) }
}

/// [`excess`] of sixteen sites.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn excesses<V: F32x16>(s: [V; 3], s0: [f32; 3], samples: Samples) -> V {
    unsafe {
        let term = |a: usize| {
            let d = s[a].sub(V::splat(samples.centre[a]));
            let e = s[a].sub(V::splat(s0[a]));
            let e = e.max(V::splat(0.0).sub(e));
            d.mul(d).sub(V::splat(2.0 * samples.half[a]).mul(e))
        };
        term(0).add(term(1)).add(term(2))
    }
}

/// Squared distance from `p` to the box of a node.
#[inline(always)]
fn apart2(node: &Node, p: [f32; 3]) -> f32 {
    let d: [f32; 3] = std::array::from_fn(|a| (node.min[a] - p[a]).max(p[a] - node.max[a]).max(0.0));
    d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
}

/// |s−c|² − 2 Σ hₐ|sₐ−s₀ₐ|: where it exceeds its value at s₀, s₀ is closer to all samples.
#[inline(always)]
fn excess(s: [f32; 3], s0: [f32; 3], samples: Samples) -> f32 {
    let term = |a: usize| {
        let d = s[a] - samples.centre[a];
        d * d - 2.0 * samples.half[a] * (s[a] - s0[a]).abs()
    };
    term(0) + term(1) + term(2)
}

/// A limit for `excess` with room for its rounding: sites as close as another at a corner of the box stay, whatever they are compared with.
#[inline(always)]
fn loose(limit: f32, samples: Samples) -> f32 {
    let half2: f32 = samples.half.iter().map(|h| h * h).sum();
    limit + ROUNDING * (limit + 4.0 * half2)
}

/// The least `excess` in the box of a node. Along each axis it is one parabola above s₀ and another below, with their lowest points at c + h and
/// c − h.
#[inline(always)]
fn least_excess(node: &Node, origin: [f32; 3], s0: [f32; 3], samples: Samples) -> f32 {
    let term = |a: usize| {
        let (low, high) = (node.min[a] - origin[a], node.max[a] - origin[a]);
        let (c, h) = (samples.centre[a], samples.half[a]);
        let at = |s: f32| {
            let d = s - c;
            d * d - 2.0 * h * (s - s0[a]).abs()
        };
        let above = at((c + h).max(low).min(high).max(s0[a].min(high)));
        let below = at((c - h).max(low).min(high).min(s0[a].max(low)));
        above.min(below)
    };
    term(0) + term(1) + term(2)
}
