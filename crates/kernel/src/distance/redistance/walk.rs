//! From the nearest crossing to the nearest point of the zero set: a few steps along it, sixteen samples at once.
//!
//! # Formula
//! At x with gradient g, of the way r to the sample, the tangential part t = r − g (g·r)/g² is where the
//! distance falls. The first step takes all of t, which is right for a plane, but no more than [`LONGEST`]: where the zero set is rounder than the
//! sample is far, all of t leads away from it. Later ones take as much as the last step showed to be right (Barzilai and Borwein
//! 1988, the long step). Where a step ends, one of Newton's leads back to the zero set; what is still beside it goes on from there.
//!
//! A step that ends no nearer is taken back and a shorter one tried, to where a parabola through what is known of the squared distance is
//! lowest (Nocedal and Wright 2006, 3.5); a second one ends the walk. At the end of the field, where the zero set is cut off, t is that of the
//! cut unless it leads inwards.
//!
//! # Promises
//! No distance exceeds that to the nearest crossing. One is taken only to a point that is on the zero set of its cell up to
//! [`ON_SURFACE`], and the zero set passes through the cell: where values jump without changing their sign, |f|/|g| is small
//! too. So steps that lead astray cost nothing but the gain: the result depends on no value but those of the cells that the zero set passes
//! through.

use super::super::brick::{GROUPS, Lane};
use super::super::candidates::Candidates;
use super::super::octant::{Brick, NONE};
use super::field::{Field, Landing};
use super::walkers::Walkers;
use crate::simd::{F32x16, Kind, LANES, Level, Portable};

/// How far from the zero set, by the gradient, a point may be that counts as on it (finest spacings).
const ON_SURFACE: f32 = 1e-3;
/// A sample is done when what another step can gain is below this share of its distance, or of the finest spacing if it is nearer,
const ENOUGH: f32 = 5e-4;
/// or below this (finest spacings).
const FAR_ENOUGH: f32 = 3e-3;
/// The longest step, in cells.
const LONGEST: f32 = 0.7;
/// Of the tangential part no step takes more than so many times its length.
const LONG: f32 = 4.0;
/// Steps of a walk.
const STEPS: usize = 4;

/// The working set of one thread.
#[derive(Default)]
pub(super) struct Walk {
    at: AtCrossings,
    starts: Walkers<13>,
    turns: Walkers<13>,
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
    starts.len = 0;
    unsafe {
        prepare::<V>(field, brick, candidates, at, base);
        for g in 0..GROUPS {
            start::<V>(field, base, brick, at, g, starts);
        }
        for _ in 0..STEPS {
            turns.len = 0;
            for from in (0..starts.len).step_by(LANES) {
                step::<V>(field, brick, base, starts, from, turns);
            }
            std::mem::swap(starts, turns);
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
unsafe fn start<V: F32x16>(
    field: &Field,
    base: [usize; 3],
    brick: &Brick,
    at: &AtCrossings,
    g: usize,
    starts: &mut Walkers<13>,
) {
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
    if found == 0 {
        return;
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
        let t = tangential(p, x, gradient, field.inward(base, x));
        let t2 = dot(t, t);
        let best2 = V::load(&brick.best2[g]);
        let open = gains(t2, best2) & found;
        let sample = V::load(&sample);
        starts.push(
            open,
            [
                sample,
                best2,
                p[0],
                p[1],
                p[2],
                x[0],
                x[1],
                x[2],
                t[0],
                t[1],
                t[2],
                V::splat(1.0),
                V::splat(0.0),
            ],
        );
    }
}

/// Takes one step of sixteen walks, and says where the next one of those that are worth another leads.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn step<V: F32x16>(
    field: &Field,
    brick: &mut Brick,
    base: [usize; 3],
    from: &Walkers<13>,
    start: usize,
    to: &mut Walkers<13>,
) {
    unsafe {
        let [sample, best2, px, py, pz, x0, y0, z0, u, v, w, length, failed] = from.sixteen::<V>(start);
        let (p, old, way) = ([px, py, pz], [x0, y0, z0], [u, v, w]);
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let mut cells = V::splat(1e-30);
        for a in 0..3 {
            let own = way[a].mul(V::splat(1.0 / field.scale[a]));
            cells = own.max(zero.sub(own)).max(cells);
        }
        let length = length.min(V::splat(LONGEST).div(cells));
        let mut x = old;
        for a in 0..3 {
            x[a] = old[a].add(length.mul(way[a]));
        }
        let Landing { f, g, g2, inward, crossed } = field.land(base, &mut x);
        let d2 = apart2_where_on(p, x, f, g2, crossed);
        let best2 = d2.min(best2);
        put(brick, sample, best2, from.some(start));
        let before = [px.sub(x0), py.sub(y0), pz.sub(z0)];
        let before2 = dot(before, before);
        let t = tangential(p, x, g, inward);
        // A walk goes on from beside the zero set, too, as long as it is in a cell of it. What is known elsewhere may be anything of the right sign.
        let (most, none) = (V::splat(f32::MAX), V::splat(f32::INFINITY));
        let after2 = none.or_where_less(zero, zero, crossed).or_where_less(d2, d2, most);
        let shorter = shorter(way, length, before2, d2);
        let length = shorter.or_where_less(longer(old, way, x, t), after2, before2);
        let failed = failed.add(one).or_where_less(zero, after2, before2);
        let (mut next, mut onward) = (old, way);
        for a in 0..3 {
            next[a] = old[a].or_where_less(x[a], after2, before2);
            onward[a] = way[a].or_where_less(t[a], after2, before2);
        }
        // Whether a sample is done is its own affair, not its neighbours'.
        let gain = dot(onward, onward).mul(length.min(one));
        let beside = most.less(d2) & zero.less(crossed);
        let open = (gains(gain, best2) | beside) & failed.less(V::splat(1.5)) & from.some(start);
        let ([x, y, z], [u, v, w]) = (next, onward);
        to.push(open, [sample, best2, px, py, pz, x, y, z, u, v, w, length, failed]);
    }
}

/// How much of the tangential part `t` where a step from `old` along `way` has ended, at `x`, the next one takes.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn longer<V: F32x16>(old: [V; 3], way: [V; 3], x: [V; 3], t: [V; 3]) -> V {
    unsafe {
        let s = [x[0].sub(old[0]), x[1].sub(old[1]), x[2].sub(old[2])];
        let (ss, sy) = (dot(s, s), dot(s, [way[0].sub(t[0]), way[1].sub(t[1]), way[2].sub(t[2])]));
        let long = V::splat(LONG).or_where_less(ss.div(sy), ss.mul(V::splat(1.0 / LONG)), sy);
        V::splat(1.0).or_where_less(long, V::splat(1e-12), ss)
    }
}

/// How much of `way` is to be tried where `length` of it led from a squared distance of `before2` to no less than that: at most half.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn shorter<V: F32x16>(way: [V; 3], length: V, before2: V, after2: V) -> V {
    unsafe {
        // Along the way the squared distance falls by 2 way² at first.
        let fall = dot(way, way).mul(length);
        let rise = after2.sub(before2).add(fall).add(fall);
        let half = length.mul(V::splat(0.5));
        half.or_where_less(fall.mul(length).div(rise), after2, V::splat(f32::MAX))
    }
}

/// The squared distance of `p` to where a walk has landed, if that is on the zero set, else infinity.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn apart2_where_on<V: F32x16>(p: [V; 3], x: [V; 3], f: V, g2: V, crossed: V) -> V {
    unsafe {
        let off = V::splat(ON_SURFACE * ON_SURFACE).mul(g2);
        let on = crossed.or_where_less(V::splat(0.0), off, f.mul(f));
        let d = [p[0].sub(x[0]), p[1].sub(x[1]), p[2].sub(x[2])];
        V::splat(f32::INFINITY).or_where_less(dot(d, d), V::splat(0.0), on)
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
    unsafe {
        let near = best2.max(V::splat(1.0)).mul(V::splat(4.0 * ENOUGH * ENOUGH));
        let least = near.min(V::splat(4.0 * FAR_ENOUGH * FAR_ENOUGH)).mul(best2);
        least.less(t2.mul(t2))
    }
}

/// The part of the way from `x` to `p` that is tangential to the zero set, or to its cut where the field ends and that part leads out of it.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn tangential<V: F32x16>(p: [V; 3], x: [V; 3], mut g: [V; 3], inward: [V; 3]) -> [V; 3] {
    unsafe {
        let zero = V::splat(0.0);
        let mut r = [p[0].sub(x[0]), p[1].sub(x[1]), p[2].sub(x[2])];
        let t = across(r, g);
        if zero.less(dot(inward, inward)) == 0 {
            return t;
        }
        for a in 0..3 {
            let own = t[a].mul(inward[a]);
            g[a] = g[a].or_where_less(zero, own, zero);
            r[a] = r[a].or_where_less(zero, own, zero);
        }
        across(r, g)
    }
}

/// The part of `r` that is across `g`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn across<V: F32x16>(r: [V; 3], g: [V; 3]) -> [V; 3] {
    unsafe {
        let along = dot(g, r).div(dot(g, g).max(V::splat(1e-12)));
        [r[0].sub(g[0].mul(along)), r[1].sub(g[1].mul(along)), r[2].sub(g[2].mul(along))]
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
