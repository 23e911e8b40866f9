//! From the nearest crossing to the nearest point of the zero set: a few steps along it, sixteen samples at once.
//!
//! # Formula
//! At x with gradient g, of the way r to the sample, the tangential part t = r − g (g·r)/g² is where the
//! distance falls. The first step takes all of t, which is right for a plane; later ones take as much of it as the last step
//! showed to be right (Barzilai and Borwein 1988, the long step). Where a step ends, one of Newton's leads back to the zero set.
//!
//! # Promises
//! No distance exceeds that to the nearest crossing. One is taken only to a point that is on the zero set of its cell up to
//! [`ON_SURFACE`], and the zero set passes through the cell: where values jump without changing their sign, |f|/|g| is small
//! too. So steps that lead astray cost nothing but the gain. Of a step that ends in another cell half is tried: the result depends on no
//! value but those of the cells that the zero set passes through.

use super::super::brick::{GROUPS, Lane};
use super::super::candidates::Candidates;
use super::super::octant::{Brick, NONE};
use super::field::{Field, Landing};
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

/// How far from the zero set, by the gradient, a point may be that counts as on it (finest spacings).
const ON_SURFACE: f32 = 1e-3;
/// A sample is done when what another step can gain is below this (finest spacings).
const ENOUGH: f32 = 1e-4;

/// The working set of one thread.
#[derive(Default)]
pub(super) struct Walk {
    at: AtCrossings,
    starts: Walkers<11>,
    turns: Walkers<8>,
}

/// The field at the crossings that are the nearest of some sample.
#[derive(Default)]
struct AtCrossings {
    /// For each candidate of the brick its place in `known`.
    slot: Vec<u16>,
    known: Vec<At>,
}

/// No place yet.
const EMPTY: u16 = u16::MAX;

/// Position and gradient.
#[derive(Clone, Copy, Default)]
struct At {
    x: [f32; 3],
    g: [f32; 3],
}

/// Samples whose walks are not at their end, close together: `N` numbers of each.
struct Walkers<const N: usize> {
    len: usize,
    numbers: [Vec<f32>; N],
}

impl<const N: usize> Default for Walkers<N> {
    fn default() -> Self {
        // Sixteen are written at a time.
        Walkers { len: 0, numbers: std::array::from_fn(|_| vec![0.0; GROUPS * LANES + LANES]) }
    }
}

impl<const N: usize> Walkers<N> {
    /// Adds the lanes whose bits in `open` are set.
    ///
    /// # Safety
    /// The processor has what `V` needs; no sample is added twice.
    #[inline(always)]
    unsafe fn push<V: F32x16>(&mut self, open: u16, numbers: [V; N]) {
        debug_assert!(self.len + LANES <= self.numbers[0].len());
        for (to, from) in self.numbers.iter_mut().zip(numbers) {
            // SAFETY: there is room for a vector behind the last.
            unsafe { from.compress(open).store(&mut *to.as_mut_ptr().add(self.len).cast()) };
        }
        self.len += open.count_ones() as usize;
    }

    /// Sixteen from number `start` on, of which the last may be left from earlier.
    ///
    /// # Safety
    /// The processor has what `V` needs; `start` is below the length.
    #[inline(always)]
    unsafe fn sixteen<V: F32x16>(&self, start: usize) -> [V; N] {
        debug_assert!(start + LANES <= self.numbers[0].len());
        unsafe {
            let mut lanes = [V::splat(0.0); N];
            for (lane, numbers) in lanes.iter_mut().zip(&self.numbers) {
                *lane = V::load(&*numbers.as_ptr().add(start).cast());
            }
            lanes
        }
    }

    /// The bits of those of sixteen from number `start` on that are there.
    fn some(&self, start: usize) -> u16 {
        let count = (self.len - start).min(LANES);
        ((1u32 << count) - 1) as u16
    }
}

/// Replaces the squared distances in `best2` by distances to the zero set, for those samples that found a crossing.
pub(super) fn refine(
    level: Level,
    field: &Field,
    brick: &mut Brick,
    candidates: &Candidates<3>,
    walk: &mut Walk,
    base: [usize; 3],
) {
    // SAFETY: a `Level` of a kind exists only where the processor has the feature.
    unsafe {
        match level.kind() {
            Kind::Baseline => all::<Portable>(field, brick, candidates, walk, base),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => all_avx2(field, brick, candidates, walk, base),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => all_avx512(field, brick, candidates, walk, base),
        }
    }
}

at_levels! {
    all: all_avx2, all_avx512 (
        field: &Field, brick: &mut Brick, candidates: &Candidates<3>, walk: &mut Walk, base: [usize; 3]
    ) -> ();
}

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn all<V: F32x16>(
    field: &Field,
    brick: &mut Brick,
    candidates: &Candidates<3>,
    walk: &mut Walk,
    base: [usize; 3],
) {
    let Walk { at, starts, turns } = walk;
    (starts.len, turns.len) = (0, 0);
    unsafe {
        prepare::<V>(field, brick, candidates, at, base);
        for g in 0..GROUPS {
            start::<V>(brick, at, g, starts);
        }
        for from in (0..starts.len).step_by(LANES) {
            first_step::<V>(field, brick, base, starts, from, turns);
        }
        for from in (0..turns.len).step_by(LANES) {
            last_step::<V>(field, brick, base, turns, from);
        }
        for best2 in &mut brick.best2 {
            V::load(best2).sqrt().store(best2);
        }
    }
}

/// Evaluates the gradient at every crossing in use.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn prepare<V: F32x16>(
    field: &Field,
    brick: &Brick,
    candidates: &Candidates<3>,
    at: &mut AtCrossings,
    base: [usize; 3],
) {
    at.slot.clear();
    at.slot.resize(candidates.len(), EMPTY);
    at.known.clear();
    for which in brick.which.as_flattened() {
        if *which != NONE && at.slot[*which as usize] == EMPTY {
            at.slot[*which as usize] = at.known.len() as u16;
            at.known.push(At { x: candidates.get(*which as usize), ..At::default() });
        }
    }
    for chunk in at.known.chunks_mut(LANES) {
        let mut lanes = [[0.0; LANES]; 3];
        for (l, known) in chunk.iter().enumerate() {
            for a in 0..3 {
                lanes[a][l] = known.x[a];
            }
        }
        unsafe {
            let x = [V::load(&lanes[0]), V::load(&lanes[1]), V::load(&lanes[2])];
            for (lane, g) in lanes.iter_mut().zip(field.gradient(base, x)) {
                g.store(lane);
            }
        }
        for (l, known) in chunk.iter_mut().enumerate() {
            known.g = [lanes[0][l], lanes[1][l], lanes[2][l]];
        }
    }
}

/// Begins the walks of the samples of group `g` for which one is worth while, at their crossings.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn start<V: F32x16>(brick: &Brick, at: &AtCrossings, g: usize, starts: &mut Walkers<11>) {
    let mut lanes = [[0.0; LANES]; 6];
    let mut found = 0u16;
    for (l, which) in brick.which[g].iter().enumerate() {
        if *which != NONE {
            let At { x, g } = at.known[at.slot[*which as usize] as usize];
            found |= 1 << l;
            for a in 0..3 {
                (lanes[a][l], lanes[3 + a][l]) = (x[a], g[a]);
            }
        }
    }
    let [px, py, pz] = brick.samples(g);
    let mut sample = [0.0; LANES];
    for (l, sample) in sample.iter_mut().enumerate() {
        *sample = (g * LANES + l) as f32;
    }
    unsafe {
        let p = [V::load(&px), V::load(&py), V::load(&pz)];
        let x = [V::load(&lanes[0]), V::load(&lanes[1]), V::load(&lanes[2])];
        let gradient = [V::load(&lanes[3]), V::load(&lanes[4]), V::load(&lanes[5])];
        let g2 = dot(gradient, gradient).max(V::splat(1e-12));
        let (t, t2) = tangential(p, x, gradient, g2);
        let best2 = V::load(&brick.best2[g]);
        let open = gains(t2, best2) & found;
        let sample = V::load(&sample);
        starts.push(open, [sample, best2, p[0], p[1], p[2], x[0], x[1], x[2], t[0], t[1], t[2]]);
    }
}

/// Takes the first step of sixteen walks, all of the tangential part, and says where the next one of those that are worth another leads.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn first_step<V: F32x16>(
    field: &Field,
    brick: &mut Brick,
    base: [usize; 3],
    starts: &Walkers<11>,
    from: usize,
    turns: &mut Walkers<8>,
) {
    unsafe {
        let [sample, best2, px, py, pz, x0, y0, z0, u, v, w] = starts.sixteen::<V>(from);
        let (p, start, way) = ([px, py, pz], [x0, y0, z0], [u, v, w]);
        let mut x = [x0.add(u), y0.add(v), z0.add(w)];
        let Landing { f, g, g2, crossed } = field.land(base, &mut x);
        let (best2, on) = better(p, x, f, g2, crossed, best2);
        put(brick, sample, best2, starts.some(from));
        let (t, t2) = tangential(p, x, g, g2);
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let s = [x[0].sub(start[0]), x[1].sub(start[1]), x[2].sub(start[2])];
        let (ss, sy) = (dot(s, s), dot(s, [way[0].sub(t[0]), way[1].sub(t[1]), way[2].sub(t[2])]));
        let long = V::splat(4.0).or_where_less(ss.div(sy), ss.mul(V::splat(0.25)), sy);
        let length = one.or_where_less(long, V::splat(1e-12), ss);
        let mut to = x;
        for a in 0..3 {
            // What is known outside the cells of the zero set may be anything of the right sign.
            let half = V::splat(0.5).mul(start[a].add(start[a]).add(way[a]));
            to[a] = half.or_where_less(x[a].add(length.mul(t[a])), zero, crossed);
        }
        // Whether a sample is done is its own affair, not its neighbours'.
        let open = (gains(t2, best2) | on.less(one)) & starts.some(from);
        turns.push(open, [sample, best2, px, py, pz, to[0], to[1], to[2]]);
    }
}

/// Takes the last step of sixteen walks.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn last_step<V: F32x16>(
    field: &Field,
    brick: &mut Brick,
    base: [usize; 3],
    turns: &Walkers<8>,
    from: usize,
) {
    unsafe {
        let [sample, best2, px, py, pz, x, y, z] = turns.sixteen::<V>(from);
        let mut x = [x, y, z];
        let Landing { f, g2, crossed, .. } = field.land(base, &mut x);
        let (best2, _) = better([px, py, pz], x, f, g2, crossed, best2);
        put(brick, sample, best2, turns.some(from));
    }
}

/// The squared distance of `p` to where a walk has landed, if that is on the zero set and it is less than `best2`, else that; and
/// whether it is on the zero set (1, not 0).
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn better<V: F32x16>(p: [V; 3], x: [V; 3], f: V, g2: V, crossed: V, best2: V) -> (V, V) {
    unsafe {
        let off = V::splat(ON_SURFACE * ON_SURFACE).mul(g2);
        let on = crossed.or_where_less(V::splat(0.0), off, f.mul(f));
        let d = [p[0].sub(x[0]), p[1].sub(x[1]), p[2].sub(x[2])];
        let d2 = V::splat(f32::INFINITY).or_where_less(dot(d, d), V::splat(0.0), on);
        (d2.min(best2), on)
    }
}

/// Writes squared distances of the samples whose bits in `some` are set.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn put<V: F32x16>(brick: &mut Brick, sample: V, best2: V, some: u16) {
    let mut lane: Lane = [0.0; LANES];
    let sample = unsafe {
        best2.store(&mut lane);
        sample.integers()
    };
    let best2 = brick.best2.as_flattened_mut();
    for l in 0..some.count_ones() as usize {
        best2[sample[l] as usize] = lane[l];
    }
}

/// Where a step of length |t| can gain enough: at most |t|²/2d.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn gains<V: F32x16>(t2: V, best2: V) -> u16 {
    unsafe { V::splat(4.0 * ENOUGH * ENOUGH).mul(best2).less(t2.mul(t2)) }
}

/// The part of the way from `x` to `p` that is tangential to the zero set, and its squared length.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn tangential<V: F32x16>(p: [V; 3], x: [V; 3], g: [V; 3], g2: V) -> ([V; 3], V) {
    unsafe {
        let r = [p[0].sub(x[0]), p[1].sub(x[1]), p[2].sub(x[2])];
        let along = dot(g, r).div(g2);
        let mut t = r;
        for a in 0..3 {
            t[a] = r[a].sub(g[a].mul(along));
        }
        (t, dot(t, t))
    }
}

/// a · b.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn dot<V: F32x16>(a: [V; 3], b: [V; 3]) -> V {
    unsafe { a[0].mul(b[0]).add(a[1].mul(b[1])).add(a[2].mul(b[2])) }
}
