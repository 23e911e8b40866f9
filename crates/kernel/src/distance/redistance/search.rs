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
//! The site found is the closest one within reach.

use super::field::Lane;
use super::sites::Sites;
use super::tree::{Node, Tree};
use crate::by_level;
use crate::simd::{LANES, Level};

/// Samples along an edge of a brick.
pub(super) const BRICK: usize = 8;
/// Samples along an edge of an octant of a brick.
pub(super) const OCTANT: usize = 4;
/// Sixteen samples each: one plane of an octant, x fastest.
pub(super) const GROUPS: usize = BRICK * BRICK * BRICK / LANES;
/// Stands for no site.
pub(super) const NONE: u32 = u32::MAX;

/// Positions relative to the brick's first sample.
#[derive(Default)]
pub(super) struct Points {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub z: Vec<f32>,
}

impl Points {
    pub fn clear(&mut self) {
        self.x.clear();
        self.y.clear();
        self.z.clear();
    }

    #[inline(always)]
    pub fn push(&mut self, p: [f32; 3]) {
        self.x.push(p[0]);
        self.y.push(p[1]);
        self.z.push(p[2]);
    }

    #[inline(always)]
    pub fn get(&self, i: usize) -> [f32; 3] {
        [self.x[i], self.y[i], self.z[i]]
    }
}

/// The working set of one thread.
pub(super) struct Brick {
    /// Distance between neighbouring samples.
    pub scale: [f32; 3],
    /// Squared distance to the closest site; group `4·octant + z`.
    pub best2: [Lane; GROUPS],
    /// Which of `sites` that is, or `NONE`.
    pub which: [[u32; LANES]; GROUPS],
    /// Sites that may be the closest of some sample.
    pub sites: Points,
    /// Those that may be for some sample of an octant, and their numbers in `sites`.
    few: Points,
    numbers: Vec<u32>,
    keep: Vec<u8>,
    /// Nothing farther is looked for.
    reach: f32,
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
            few: Points::default(),
            numbers: vec![],
            keep: vec![],
            reach,
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

    /// Finds the closest sites of the brick whose first sample is at `origin`; false when there is none within reach.
    pub fn search(&mut self, level: Level, tree: &Tree, sites: &Sites, origin: [f32; 3]) -> bool {
        let extent = |n: usize| self.scale.map(|s| s * 0.5 * (n - 1) as f32);
        let (all, half) = (Samples { centre: extent(BRICK), half: extent(BRICK) }, extent(OCTANT));
        let Some(first) = self.closest(tree, sites, origin, all) else { return false };
        self.collect(tree, sites, origin, all, first);
        for octant in 0..8 {
            let corner = |a: usize| ((octant >> a & 1) * OCTANT) as f32 * self.scale[a];
            let centre = std::array::from_fn(|a| corner(a) + half[a]);
            self.select(level, Samples { centre, half });
            let samples = self.samples(octant * OCTANT);
            let z: [f32; OCTANT] = std::array::from_fn(|z| self.samples(octant * OCTANT + z)[2][0]);
            let reach2 = self.reach * self.reach;
            let groups = octant * OCTANT..(octant + 1) * OCTANT;
            let (best2, which) = (&mut self.best2[groups.clone()], &mut self.which[groups]);
            try_all(level, &self.few, &self.numbers, &samples, &z, reach2, best2, which);
        }
        true
    }

    /// The site closest to the middle of the samples, if one can be within reach of any of them.
    fn closest(&mut self, tree: &Tree, sites: &Sites, origin: [f32; 3], all: Samples) -> Option<[f32; 3]> {
        let half2: f32 = all.half.iter().map(|h| h * h).sum();
        let centre: [f32; 3] = std::array::from_fn(|a| origin[a] + all.centre[a]);
        let mut best2 = (self.reach + half2.sqrt()).powi(2);
        let mut best = None;
        self.stack.clear();
        let root = tree.nodes.len() - 1;
        self.stack.push((root as u32, apart2(&tree.nodes[root], centre)));
        while let Some((at, least2)) = self.stack.pop() {
            if least2 >= best2 {
                continue;
            }
            let node = &tree.nodes[at as usize];
            let range = node.first as usize..(node.first + node.count) as usize;
            if node.leaf {
                for p in &sites.points[range] {
                    let d: [f32; 3] = std::array::from_fn(|a| p[a] - centre[a]);
                    let d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
                    if d2 < best2 {
                        (best2, best) = (d2, Some(*p));
                    }
                }
                continue;
            }
            // Children go onto the stack farthest first, so that the nearest is looked at next.
            let first = self.stack.len();
            for child in range {
                let least2 = apart2(&tree.nodes[child], centre);
                if least2 < best2 {
                    self.stack.push((child as u32, least2));
                    let mut i = self.stack.len() - 1;
                    while i > first && self.stack[i - 1].1 < least2 {
                        self.stack.swap(i, i - 1);
                        i -= 1;
                    }
                }
            }
        }
        best.map(|p| std::array::from_fn(|a| p[a] - origin[a]))
    }

    /// Gathers the sites that `first` does not beat on all samples.
    fn collect(&mut self, tree: &Tree, sites: &Sites, origin: [f32; 3], all: Samples, first: [f32; 3]) {
        self.sites.clear();
        let limit = excess(first, first, all);
        let root = tree.nodes.len() as u32 - 1;
        self.stack.clear();
        self.stack.push((root, 0.0));
        while let Some((at, _)) = self.stack.pop() {
            let node = &tree.nodes[at as usize];
            let range = node.first..node.first + node.count;
            if node.leaf {
                for p in &sites.points[range.start as usize..range.end as usize] {
                    let p = std::array::from_fn(|a| p[a] - origin[a]);
                    if excess(p, first, all) <= limit {
                        self.sites.push(p);
                    }
                }
                continue;
            }
            for child in range {
                if least_excess(&tree.nodes[child as usize], origin, first, all) <= limit {
                    self.stack.push((child, 0.0));
                }
            }
        }
    }

    /// Of the brick's sites those that matter in an octant.
    fn select(&mut self, level: Level, octant: Samples) {
        self.keep.resize(self.sites.x.len(), 0);
        select(level, &self.sites, octant.centre, octant.half, &mut self.keep);
        self.few.clear();
        self.numbers.clear();
        for (i, keep) in self.keep.iter().enumerate() {
            if *keep != 0 {
                self.few.push(self.sites.get(i));
                self.numbers.push(i as u32);
            }
        }
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

by_level! {
    /// 1 for sites that the one closest to `centre` does not beat on all samples around it.
    fn select(sites: &Points, centre: [f32; 3], half: [f32; 3], keep: &mut [u8]) {
        let n = keep.len();
        let (x, y, z) = (&sites.x[..n], &sites.y[..n], &sites.z[..n]);
        let distance2 = |i: usize| {
            let (dx, dy, dz) = (x[i] - centre[0], y[i] - centre[1], z[i] - centre[2]);
            dx * dx + dy * dy + dz * dz
        };
        // The least for each lane, then among lanes; ties go to the first of them, at every level.
        let (mut best2, mut which) = ([f32::INFINITY; LANES], [0u32; LANES]);
        for start in (0..n / LANES * LANES).step_by(LANES) {
            for l in 0..LANES {
                let d2 = distance2(start + l);
                let closer = d2 < best2[l];
                best2[l] = if closer { d2 } else { best2[l] };
                which[l] = if closer { start as u32 } else { which[l] };
            }
        }
        let (mut least2, mut first) = (f32::INFINITY, 0);
        for l in 0..LANES {
            if best2[l] < least2 {
                (least2, first) = (best2[l], which[l] as usize + l);
            }
        }
        for i in n / LANES * LANES..n {
            if distance2(i) < least2 {
                (least2, first) = (distance2(i), i);
            }
        }
        let s0 = sites.get(first);
        let twice = half.map(|h| 2.0 * h);
        let limit = least2;
        for i in 0..n {
            let l1 = twice[0] * (x[i] - s0[0]).abs() + twice[1] * (y[i] - s0[1]).abs() + twice[2] * (z[i] - s0[2]).abs();
            keep[i] = u8::from(distance2(i) - l1 <= limit);
        }
    }

    /// Tries sites on the 64 samples of an octant.
    fn try_all(sites: &Points, numbers: &[u32], samples: &[Lane; 3], z: &[f32; OCTANT], reach2: f32,
               best2: &mut [Lane], which: &mut [[u32; LANES]]) {
        let n = numbers.len();
        let (sx, sy, sz) = (&sites.x[..n], &sites.y[..n], &sites.z[..n]);
        let (mut best, mut at) = ([[reach2; LANES]; OCTANT], [[NONE; LANES]; OCTANT]);
        for i in 0..n {
            let mut xy2 = [0.0; LANES];
            for l in 0..LANES {
                let (dx, dy) = (samples[0][l] - sx[i], samples[1][l] - sy[i]);
                xy2[l] = dx * dx + dy * dy;
            }
            for k in 0..OCTANT {
                let z2 = (z[k] - sz[i]) * (z[k] - sz[i]);
                for l in 0..LANES {
                    let d2 = xy2[l] + z2;
                    let closer = d2 < best[k][l];
                    best[k][l] = if closer { d2 } else { best[k][l] };
                    at[k][l] = if closer { numbers[i] } else { at[k][l] };
                }
            }
        }
        best2.copy_from_slice(&best);
        which.copy_from_slice(&at);
    }
}
