//! The closest site of every sample of one brick of 8×8×8: one walk down the tree for 512 samples.
//!
//! # Promises
//! The site found is the closest one, or at most `min(SLACK · distance, SLACK_MOST)` farther.

use super::sites::Sites;
use super::tree::{Node, Tree};
use crate::simd::{F32x16, LANES, Level, Portable};

/// Samples along an edge of a brick.
pub(super) const BRICK: usize = 8;
/// Sixteen samples each: 8 along x, 2 along y.
pub(super) const GROUPS: usize = BRICK * BRICK * BRICK / LANES;
/// Pairs of rows in a plane.
pub(super) const PAIRS: usize = BRICK * BRICK / LANES;

/// How much farther, relative to the distance, a site may be than the closest one.
pub(super) const SLACK: f32 = 0.01;
/// The same in finest spacings.
pub(super) const SLACK_MOST: f32 = 0.05;

type Vector = [f32; LANES];

/// The working set of one thread.
pub(super) struct Brick {
    /// Sample coordinates relative to the brick's first sample: x for a group, y for each pair of rows, z.
    pub x: Vector,
    pub y: [Vector; PAIRS],
    pub z: [f32; BRICK],
    /// Squared distance to the closest site so far.
    pub best2: [Vector; GROUPS],
    /// Which of `found` that is.
    pub which: [Vector; GROUPS],
    /// Sites that were the closest of some sample at some time, relative to the brick's first sample.
    pub found: Vec<[f32; 3]>,
    /// Squared distance below which a node matters.
    limit2: [Vector; GROUPS],
    greatest2: f32,
    centre: [f32; 3],
    corner: [f32; 3],
    reach: f32,
    stack: Vec<(u32, f32)>,
}

impl Brick {
    /// For samples `scale` apart; sites beyond `reach` are not looked for.
    pub fn new(scale: [f32; 3], reach: f32) -> Brick {
        let at = |axis: usize, i: usize| scale[axis] * i as f32;
        Brick {
            x: std::array::from_fn(|l| at(0, l % BRICK)),
            y: std::array::from_fn(|p| std::array::from_fn(|l| at(1, 2 * p + l / BRICK))),
            z: std::array::from_fn(|i| at(2, i)),
            best2: [[0.0; LANES]; GROUPS],
            which: [[0.0; LANES]; GROUPS],
            found: vec![],
            limit2: [[0.0; LANES]; GROUPS],
            greatest2: 0.0,
            centre: std::array::from_fn(|a| at(a, BRICK - 1) * 0.5),
            corner: std::array::from_fn(|a| at(a, BRICK - 1)),
            reach,
            stack: vec![],
        }
    }

    /// Finds the closest sites of the brick whose first sample is at `origin`. Samples without one within reach keep `which` 0,
    /// which stands for none, and the reach as their distance.
    pub fn search(&mut self, level: Level, tree: &Tree, sites: &Sites, origin: [f32; 3]) {
        // SAFETY: `Level` values other than the baseline exist only where the processor has the feature.
        unsafe {
            match level {
                Level::Baseline => search::<Portable>(self, tree, sites, origin),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => search_avx2(self, tree, sites, origin),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => search_avx512(self, tree, sites, origin),
            }
        }
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn search_avx2(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) {
    unsafe { search::<crate::simd::x86::Avx2>(brick, tree, sites, origin) }
}

/// # Safety
/// The processor has AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn search_avx512(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) {
    unsafe { search::<crate::simd::x86::Avx512>(brick, tree, sites, origin) }
}

/// Squared distance between the box of `node` and the one from `low` to `high`.
#[inline(always)]
fn apart2(node: &Node, origin: [f32; 3], low: [f32; 3], high: [f32; 3]) -> f32 {
    let d: [f32; 3] = std::array::from_fn(|a| {
        let (below, above) = (node.min[a] - origin[a] - high[a], low[a] - (node.max[a] - origin[a]));
        below.max(above).max(0.0)
    });
    d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn search<V: F32x16>(brick: &mut Brick, tree: &Tree, sites: &Sites, origin: [f32; 3]) {
    let reach2 = brick.reach * brick.reach;
    brick.best2 = [[reach2; LANES]; GROUPS];
    brick.limit2 = [[reach2; LANES]; GROUPS];
    brick.which = [[0.0; LANES]; GROUPS];
    brick.greatest2 = reach2;
    brick.found.clear();
    brick.found.push([0.0; 3]);
    let (centre, corner) = (brick.centre, brick.corner);
    let mut stack = std::mem::take(&mut brick.stack);
    stack.clear();
    if let Some(root) = tree.nodes.last() {
        stack.push((tree.nodes.len() as u32 - 1, apart2(root, origin, [0.0; 3], corner)));
    }
    while let Some((at, least2)) = stack.pop() {
        if least2 >= brick.greatest2 {
            continue;
        }
        let node = &tree.nodes[at as usize];
        if node.leaf {
            let groups = unsafe { interested::<V>(brick, node, origin) };
            if groups != 0 {
                unsafe { leaf::<V>(brick, sites, node, groups, origin) };
            }
            continue;
        }
        // Children go onto the stack farthest first, so that the nearest is looked at next.
        let mut order = [(0u32, 0.0f32, 0.0f32); 8];
        let mut count = 0;
        for child in node.first..node.first + node.count {
            let box_ = &tree.nodes[child as usize];
            let entry = (child, apart2(box_, origin, [0.0; 3], corner), apart2(box_, origin, centre, centre));
            let mut i = count;
            while i > 0 && order[i - 1].2 < entry.2 {
                order[i] = order[i - 1];
                i -= 1;
            }
            order[i] = entry;
            count += 1;
        }
        stack.extend(order[..count].iter().filter(|e| e.1 < brick.greatest2).map(|e| (e.0, e.1)));
    }
    brick.stack = stack;
}

/// Bit `g` is set when a sample of group `g` is closer to `node` than its limit.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn interested<V: F32x16>(brick: &Brick, node: &Node, origin: [f32; 3]) -> u32 {
    unsafe {
        let zero = V::splat(0.0);
        let min: [f32; 3] = std::array::from_fn(|a| node.min[a] - origin[a]);
        let max: [f32; 3] = std::array::from_fn(|a| node.max[a] - origin[a]);
        let apart2 = |samples: &Vector, axis: usize| {
            let s = V::load(samples);
            let d = V::splat(min[axis]).sub(s).max(s.sub(V::splat(max[axis]))).max(zero);
            d.mul(d)
        };
        let x2 = apart2(&brick.x, 0);
        let xy2: [V; PAIRS] = std::array::from_fn(|p| x2.add(apart2(&brick.y[p], 1)));
        let mut groups = 0;
        for z in 0..BRICK {
            let d = (min[2] - brick.z[z]).max(brick.z[z] - max[2]).max(0.0);
            let z2 = V::splat(d * d);
            for p in 0..PAIRS {
                let g = z * PAIRS + p;
                let closer = xy2[p].add(z2).less(V::load(&brick.limit2[g])) != 0;
                groups |= u32::from(closer) << g;
            }
        }
        groups
    }
}

/// Tries the sites of a leaf on `groups` and tightens the limits of those that got closer.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn leaf<V: F32x16>(brick: &mut Brick, sites: &Sites, node: &Node, groups: u32, origin: [f32; 3]) {
    let mut closer = 0u32;
    for point in &sites.points[node.first as usize..(node.first + node.count) as usize] {
        let site = std::array::from_fn(|a| point[a] - origin[a]);
        let number = brick.found.len() as f32;
        let groups = unsafe { evaluate::<V>(brick, site, number, groups) };
        if groups != 0 {
            brick.found.push(site);
        }
        closer |= groups;
    }
    if closer != 0 {
        unsafe { tighten::<V>(brick, closer) };
    }
}

/// Tries one site; returns the groups that got closer.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn evaluate<V: F32x16>(brick: &mut Brick, site: [f32; 3], number: f32, groups: u32) -> u32 {
    unsafe {
        let number = V::splat(number);
        let dx = V::load(&brick.x).sub(V::splat(site[0]));
        let x2 = dx.mul(dx);
        let xy2: [V; PAIRS] = std::array::from_fn(|p| {
            let dy = V::load(&brick.y[p]).sub(V::splat(site[1]));
            x2.add(dy.mul(dy))
        });
        let z2: [f32; BRICK] = std::array::from_fn(|z| (brick.z[z] - site[2]) * (brick.z[z] - site[2]));
        let mut closer = 0;
        for z in 0..BRICK {
            if groups >> (z * PAIRS) & 0xf == 0 {
                continue;
            }
            let z2 = V::splat(z2[z]);
            for p in 0..PAIRS {
                let g = z * PAIRS + p;
                let d2 = xy2[p].add(z2);
                let best = V::load(&brick.best2[g]);
                if d2.less(best) != 0 {
                    closer |= 1 << g;
                    d2.min(best).store(&mut brick.best2[g]);
                    // Where it is closer this number, elsewhere what was there; both are whole, so the sum is exact.
                    let gain = best.sub(d2);
                    let kept = V::load(&brick.which[g]).unless_all_positive(gain, gain, gain);
                    let new = number.sub(number.unless_all_positive(gain, gain, gain));
                    kept.add(new).store(&mut brick.which[g]);
                }
            }
        }
        closer
    }
}

/// Recomputes the limits of `groups` from their distances.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn tighten<V: F32x16>(brick: &mut Brick, groups: u32) {
    unsafe {
        let (less, most) = (V::splat(1.0 - SLACK), V::splat(SLACK_MOST));
        let mut rest = groups;
        while rest != 0 {
            let g = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let best = V::load(&brick.best2[g]).sqrt();
            let limit = best.mul(less).max(best.sub(most));
            limit.mul(limit).store(&mut brick.limit2[g]);
        }
        let mut greatest = V::load(&brick.limit2[0]);
        for limit in &brick.limit2[1..] {
            greatest = greatest.max(V::load(limit));
        }
        let mut lanes = [0.0; LANES];
        greatest.store(&mut lanes);
        brick.greatest2 = lanes.into_iter().fold(0.0, f32::max);
    }
}
