//! Distances of one brick of 8×8×8 samples at once: one walk down the hierarchy for 512 samples.
//!
//! A node is entered by those groups of 16 samples (8 along x, 2 along y) of which one might still find
//! something closer in it. What a neighbour in the brick found prunes for all, so a triangle is
//! evaluated where it matters and nowhere else.
//!
//! # Promises
//! The result is never below the distance (up to `f32` rounding), equals it wherever it is at most the
//! band, and exceeds it elsewhere by at most the tolerance: a node is passed over only when it is
//! no closer than `max(best − tolerance, min(best, band))` to every sample of a group.

use super::brick::{BRICK, GROUPS, Lane};
use super::triangle::{Frame, Turned};
use crate::bvh::{Bvh, Node};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

const PAIRS: usize = BRICK * BRICK / LANES;
/// The extent of a brick that lies in the grid with all its samples: the only one that is common, so told apart before any loop.
const WHOLE: [usize; 3] = [BRICK; 3];
/// Triangles tried before that are kept: most of a brick are those of the bricks around.
const TURNED: usize = 256;
/// Of a distance or a coordinate: far more than what rounding does to it.
const ROUNDING: f32 = 1e-5;

/// How exact the samples must be, model units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accuracy {
    /// Up to this distance: exact.
    pub band: f32,
    /// Beyond: at most this much too far.
    pub tolerance: f32,
    /// Nothing farther than this is looked for; what is farther gets this value.
    pub reach: f32,
}

impl Accuracy {
    /// As near as `f32` comes, everywhere.
    pub const EXACT: Accuracy = Accuracy { band: f32::INFINITY, tolerance: 0.0, reach: f32::INFINITY };
}

/// Which group of a brick has row (y, z).
#[inline(always)]
pub(crate) fn group(y: usize, z: usize) -> usize {
    z * PAIRS + y / 2
}

/// The working set of one thread: distances of a brick and where its samples are.
pub(crate) struct Brick {
    /// Sample coordinates relative to the brick's first sample: x for a group, y for each pair of rows, z.
    x: Lane,
    y: [Lane; PAIRS],
    z: [f32; BRICK],
    accuracy: Accuracy,
    /// Squared distance to the closest triangle so far; once filled, the distance.
    best2: [Lane; GROUPS],
    /// Squared distance below which a node matters.
    limit2: [Lane; GROUPS],
    /// Their greatest.
    greatest2: f32,
    stack: Vec<(u32, f32)>,
    /// Triangles tried before, for they are tried again in the bricks around: at their numbers modulo [`TURNED`].
    turned: Vec<Option<(u32, Turned)>>,
}

impl Brick {
    /// For grids of this spacing.
    pub fn new(spacing: [f64; 3], accuracy: Accuracy) -> Brick {
        let at = |axis: usize, i: usize| (spacing[axis] * i as f64) as f32;
        Brick {
            x: std::array::from_fn(|l| at(0, l % BRICK)),
            y: std::array::from_fn(|p| std::array::from_fn(|l| at(1, 2 * p + l / BRICK))),
            z: std::array::from_fn(|i| at(2, i)),
            accuracy,
            best2: [[0.0; LANES]; GROUPS],
            limit2: [[0.0; LANES]; GROUPS],
            greatest2: 0.0,
            stack: Vec::with_capacity(crate::bvh::MAX_STACK),
            turned: vec![],
        }
    }

    /// Finds the distances of the brick whose first sample is at `origin`; of it, `extent` samples along each axis, at least one, lie in
    /// the grid. The others get 0 and cost nothing. `goes_on`: the brick filled last is the one before it along x.
    pub fn fill(&mut self, level: Level, bvh: &Bvh, origin: [f64; 3], extent: [usize; 3], goes_on: bool) {
        self.start(extent);
        // Where the search ends at a distance anyway, most bricks take less than this.
        if goes_on && self.accuracy.reach.is_infinite() {
            self.go_on(origin);
        }
        // SAFETY: there are levels other than the baseline only where the processor has the feature.
        unsafe {
            match level.kind() {
                Kind::Baseline => fill::<Portable>(self, bvh, origin, extent),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => fill_avx2(self, bvh, origin, extent),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => fill_avx512(self, bvh, origin, extent),
            }
        }
    }

    /// Finds the distances of the brick whose first sample is at `origin` to a few triangles alone, each on the groups whose bits
    /// it comes with.
    pub fn fill_from(&mut self, level: Level, bvh: &Bvh, few: &[(u32, u32)], origin: [f64; 3]) {
        // SAFETY: as above.
        unsafe {
            match level.kind() {
                Kind::Baseline => fill_from::<Portable>(self, bvh, few, origin),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => fill_from_avx2(self, bvh, few, origin),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => fill_from_avx512(self, bvh, few, origin),
            }
        }
    }

    /// Nothing is known yet: samples within `extent` have the greatest limit, the others one that nothing is below.
    fn start(&mut self, extent: [usize; 3]) {
        let reach2 = self.accuracy.reach * self.accuracy.reach;
        self.greatest2 = reach2;
        for (g, limit2) in self.limit2.iter_mut().enumerate() {
            let (first_y, z) = (g % PAIRS * 2, g / PAIRS);
            let inside = |l: usize| z < extent[2] && first_y + l / BRICK < extent[1] && l % BRICK < extent[0];
            *limit2 = match extent {
                WHOLE => [reach2; LANES],
                _ => std::array::from_fn(|l| if inside(l) { reach2 } else { 0.0 }),
            };
        }
    }

    /// Lowers the limits of a brick that begins at `origin` by what the brick before it along x has found: no sample is farther than the
    /// last one of its row there and the way from that.
    fn go_on(&mut self, origin: [f64; 3]) {
        let step = self.x[1];
        let room = ROUNDING * origin.iter().fold(0.0, |most: f64, x| most.max(x.abs())) as f32;
        self.greatest2 = 0.0;
        for (limits, found) in self.limit2.iter_mut().zip(&self.best2) {
            for (l, limit2) in limits.iter_mut().enumerate() {
                let last = l / BRICK * BRICK + BRICK - 1;
                let way = (l % BRICK + 1) as f32 * step;
                let most = (found[last] + way) * (1.0 + ROUNDING) + room;
                *limit2 = limit2.min(most * most);
                self.greatest2 = self.greatest2.max(*limit2);
            }
        }
    }

    /// Distances found for row (y, z), x fastest.
    #[inline(always)]
    pub fn row(&self, y: usize, z: usize) -> &[f32] {
        let group = &self.best2[group(y, z)];
        &group[y % 2 * BRICK..][..BRICK]
    }
}

at_levels! {
    fill: fill_avx2, fill_avx512 (brick: &mut Brick, bvh: &Bvh, origin: [f64; 3], extent: [usize; 3]) -> ();
    fill_from: fill_from_avx2, fill_from_avx512 (brick: &mut Brick, bvh: &Bvh, few: &[(u32, u32)], origin: [f64; 3]) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn fill_from<V: F32x16>(brick: &mut Brick, bvh: &Bvh, few: &[(u32, u32)], origin: [f64; 3]) {
    brick.best2 = [[f32::INFINITY; LANES]; GROUPS];
    brick.turned.resize(TURNED, None);
    for &(triangle, groups) in few {
        let frame = turned(&mut brick.turned, bvh, triangle).from(origin);
        unsafe { evaluate::<V>(brick, &frame, groups) };
    }
    for best in &mut brick.best2 {
        unsafe { V::load(best).sqrt().store(best) };
    }
}

/// A triangle in its own plane, worked out where it is not among those tried before.
#[inline(always)]
fn turned<'a>(known: &'a mut [Option<(u32, Turned)>], bvh: &Bvh, triangle: u32) -> &'a Turned {
    let known = &mut known[triangle as usize % TURNED];
    if known.is_none_or(|(t, _)| t != triangle) {
        *known = None;
    }
    let corner = |p: [f32; 3]| [f64::from(p[0]), f64::from(p[1]), f64::from(p[2])];
    let [a, b, c] = bvh.corners[triangle as usize];
    &known.get_or_insert_with(|| (triangle, Turned::new([corner(a), corner(b), corner(c)]))).1
}

/// A node's box relative to the brick.
struct LocalBox {
    min: [f32; 3],
    max: [f32; 3],
}

impl LocalBox {
    #[inline(always)]
    fn new(node: &Node, origin: [f32; 3]) -> LocalBox {
        LocalBox {
            min: std::array::from_fn(|a| node.min[a] - origin[a]),
            max: std::array::from_fn(|a| node.max[a] - origin[a]),
        }
    }

    /// Squared distance to the box from `low` to `high`.
    #[inline(always)]
    fn distance2(&self, low: [f32; 3], high: [f32; 3]) -> f32 {
        let d: [f32; 3] = std::array::from_fn(|a| (self.min[a] - high[a]).max(low[a] - self.max[a]).max(0.0));
        d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    }
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn fill<V: F32x16>(brick: &mut Brick, bvh: &Bvh, origin: [f64; 3], extent: [usize; 3]) {
    let reach2 = brick.accuracy.reach * brick.accuracy.reach;
    brick.best2 = match extent {
        WHOLE => [[reach2; LANES]; GROUPS],
        _ => brick.limit2.map(|lanes| lanes.map(|limit2| if limit2 > 0.0 { reach2 } else { 0.0 })),
    };
    let near = origin.map(|x| x as f32);
    let [x, y, z] = extent.map(|n| n - 1);
    let far_corner = [brick.x[x], brick.y[y / 2][y % 2 * BRICK], brick.z[z]];
    let centre = far_corner.map(|c| 0.5 * c);
    let mut stack = std::mem::take(&mut brick.stack);
    stack.clear();
    if !bvh.nodes.is_empty() {
        stack.push((0, LocalBox::new(&bvh.nodes[0], near).distance2([0.0; 3], far_corner)));
    }
    while let Some((at, least2)) = stack.pop() {
        if least2 >= brick.greatest2 {
            continue;
        }
        let node = &bvh.nodes[at as usize];
        let groups = unsafe { interested::<V>(brick, &LocalBox::new(node, near)) };
        if groups == 0 {
            continue;
        }
        if node.count > 0 {
            unsafe { leaf::<V>(brick, bvh, node, groups, origin) };
            continue;
        }
        let children = [at + 1, at + node.first];
        let boxes = children.map(|c| LocalBox::new(&bvh.nodes[c as usize], near));
        let to_centre = [0, 1].map(|i| boxes[i].distance2(centre, centre));
        let to_brick = [0, 1].map(|i| boxes[i].distance2([0.0; 3], far_corner));
        let first = usize::from(to_centre[1] < to_centre[0]);
        stack.push((children[1 - first], to_brick[1 - first]));
        stack.push((children[first], to_brick[first]));
    }
    brick.stack = stack;
    for best in &mut brick.best2 {
        unsafe { V::load(best).sqrt().store(best) };
    }
}

/// Bit `g` is set when a sample of group `g` is closer to `node` than its limit.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn interested<V: F32x16>(brick: &Brick, node: &LocalBox) -> u32 {
    unsafe {
        let x2 = apart2::<V>(node, 0, &brick.x);
        let mut xy2 = [x2; PAIRS];
        for (xy2, y) in xy2.iter_mut().zip(&brick.y) {
            *xy2 = x2.add(apart2::<V>(node, 1, y));
        }
        let mut groups = 0;
        for z in 0..BRICK {
            let d = (node.min[2] - brick.z[z]).max(brick.z[z] - node.max[2]).max(0.0);
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

/// Squared distances along `axis` from the samples to the box.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn apart2<V: F32x16>(node: &LocalBox, axis: usize, samples: &Lane) -> V {
    unsafe {
        let s = V::load(samples);
        let d = V::splat(node.min[axis]).sub(s).max(s.sub(V::splat(node.max[axis]))).max(V::splat(0.0));
        d.mul(d)
    }
}

/// Tries the triangles of a leaf on `groups` and tightens the limits of those that got closer.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn leaf<V: F32x16>(brick: &mut Brick, bvh: &Bvh, node: &Node, groups: u32, origin: [f64; 3]) {
    let mut closer = 0u32;
    for i in node.first..node.first + node.count {
        let frame = Frame::new(bvh.corners[i as usize], origin);
        closer |= unsafe { evaluate::<V>(brick, &frame, groups) };
    }
    if closer != 0 {
        unsafe { tighten::<V>(brick, closer) };
    }
}

/// The steps of [`Frame::distance2`] on 16 samples at a time; returns the groups that got closer.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn evaluate<V: F32x16>(brick: &mut Brick, f: &Frame, groups: u32) -> u32 {
    unsafe {
        let (zero, one, base) = (V::splat(0.0), V::splat(1.0), V::splat(f.base));
        let (cx, cy) = (V::splat(f.apex[0]), V::splat(f.apex[1]));
        let ex = cx.sub(base);
        let (inverse_bc2, inverse_ca2) = (V::splat(f.inverse_bc2), V::splat(f.inverse_ca2));
        let x = V::load(&brick.x);
        let (mut along_x, mut along_y) = ([zero; 3], [zero; 3]);
        for (i, axis) in f.axes.iter().enumerate() {
            along_x[i] = x.mul(V::splat(axis[0]));
            along_y[i] = V::splat(axis[1]);
        }
        let mut rest = groups;
        let mut closer = 0;
        while rest != 0 {
            let g = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let (y, z) = (V::load(&brick.y[g % PAIRS]), brick.z[g / PAIRS]);
            let mut turned = [zero; 3];
            for (i, turned) in turned.iter_mut().enumerate() {
                let constant = V::splat(z * f.axes[i][2] + f.shift[i]);
                *turned = along_x[i].add(y.mul(along_y[i])).add(constant);
            }
            let [u, v, w] = turned;
            let du = u.sub(u.max(zero).min(base));
            let ab = du.mul(du).add(v.mul(v));
            let bu = u.sub(base);
            let t = bu.mul(ex).add(v.mul(cy)).mul(inverse_bc2).max(zero).min(one);
            let (qu, qv) = (bu.sub(t.mul(ex)), v.sub(t.mul(cy)));
            let bc = qu.mul(qu).add(qv.mul(qv));
            let t = u.mul(cx).add(v.mul(cy)).mul(inverse_ca2).max(zero).min(one);
            let (qu, qv) = (u.sub(t.mul(cx)), v.sub(t.mul(cy)));
            let ca = qu.mul(qu).add(qv.mul(qv));
            let edges = ab.min(bc).min(ca);
            let plane = edges.unless_all_positive(v, ex.mul(v).sub(cy.mul(bu)), cy.mul(u).sub(cx.mul(v)));
            let d2 = plane.add(w.mul(w));
            let best = V::load(&brick.best2[g]);
            closer |= u32::from(d2.less(best) != 0) << g;
            d2.min(best).store(&mut brick.best2[g]);
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
        let (band, tolerance) = (V::splat(brick.accuracy.band), V::splat(brick.accuracy.tolerance));
        let mut rest = groups;
        while rest != 0 {
            let g = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let best = V::load(&brick.best2[g]).sqrt();
            let limit = best.sub(tolerance).max(best.min(band));
            limit.mul(limit).min(V::load(&brick.limit2[g])).store(&mut brick.limit2[g]);
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
