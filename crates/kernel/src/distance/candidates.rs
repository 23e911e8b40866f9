//! Points that may be the nearest of some sample in a box, and how they are told from the others.
//!
//! # Method
//! A point s is the nearest one of no sample in a box when another point s₀ is nearer to all of them. The difference of the
//! squared distances, |p−s|² − |p−s₀|², is linear in p, so its least value over a box with centre c and
//! half extents h is |s−c|² − |s₀−c|² − 2 Σ hₐ|sₐ−s₀ₐ|: one comparison decides, however far the surface is.

use crate::simd::{F32x16, LANES};

/// Room for rounding, of the squares that are compared.
const ROUNDING: f32 = 1e-5;
/// Coordinate of what fills up the last vector: farther than any point, and its square is finite.
const FAR: f32 = 1e18;

/// A box of samples.
#[derive(Clone, Copy)]
pub(super) struct Samples {
    pub centre: [f32; 3],
    pub half: [f32; 3],
    /// From the centre to the middle of half the samples along an axis.
    quarter: [f32; 3],
}

impl Samples {
    /// `n`³ samples `scale` apart, `first` samples from where places are counted.
    #[inline(always)]
    pub fn new(first: [usize; 3], n: usize, scale: [f32; 3]) -> Samples {
        let half = scale.map(|s| s * 0.5 * (n - 1) as f32);
        let centre = [0, 1, 2].map(|a| first[a] as f32 * scale[a] + half[a]);
        Samples { centre, half, quarter: scale.map(|s| s * 0.25 * n as f32) }
    }

    /// The middles of the halves along each axis, for an even number of samples: of the nearer ones, then of the farther ones.
    #[inline(always)]
    fn middles_of_halves(&self) -> [[f32; 3]; 2] {
        let (c, q) = (self.centre, self.quarter);
        [[c[0] - q[0], c[1] - q[1], c[2] - q[2]], [c[0] + q[0], c[1] + q[1], c[2] + q[2]]]
    }

    /// Squared distance from the centre to the farthest sample.
    pub fn half2(&self) -> f32 {
        self.half.iter().map(|h| h * h).sum()
    }
}

/// Places of points, one array for each axis, filled up to whole vectors with [`FAR`]; a fourth array, where there is one, has
/// a number for each point.
pub(super) struct Candidates<const ARRAYS: usize> {
    arrays: [Vec<f32>; ARRAYS],
    len: usize,
}

impl<const ARRAYS: usize> Default for Candidates<ARRAYS> {
    fn default() -> Self {
        Candidates { arrays: [const { Vec::new() }; ARRAYS], len: 0 }
    }
}

impl<const ARRAYS: usize> Candidates<ARRAYS> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    #[inline(always)]
    pub fn get(&self, i: usize) -> [f32; 3] {
        [self.arrays[0][i], self.arrays[1][i], self.arrays[2][i]]
    }

    /// All arrays of candidate `i`.
    #[inline(always)]
    pub fn all(&self, i: usize) -> [f32; ARRAYS] {
        let mut all = [0.0; ARRAYS];
        for (to, array) in all.iter_mut().zip(&self.arrays) {
            *to = array[i];
        }
        all
    }

    /// Sixteen from number `start` on.
    ///
    /// # Safety
    /// The processor has what `V` needs; `start` is a multiple of [`LANES`] below the length, and [`Candidates::fill_up`]
    /// was called since the last was added.
    #[inline(always)]
    pub unsafe fn sixteen<V: F32x16>(&self, start: usize) -> [V; ARRAYS] {
        unsafe {
            let mut vectors = [V::splat(0.0); ARRAYS];
            for (vector, array) in vectors.iter_mut().zip(&self.arrays) {
                *vector = V::load(&*array.as_ptr().add(start).cast());
            }
            vectors
        }
    }

    /// Adds those of sixteen points whose bits are set, in their order.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn push<V: F32x16>(&mut self, points: [V; ARRAYS], keep: u16) {
        if keep != 0 {
            self.make_room(LANES);
            // SAFETY: there is room now.
            unsafe { self.put(points, keep) };
        }
    }

    /// As [`Candidates::push`].
    ///
    /// # Safety
    /// The processor has what `V` needs; there is room for a vector more.
    #[inline(always)]
    unsafe fn put<V: F32x16>(&mut self, points: [V; ARRAYS], keep: u16) {
        for (array, vector) in self.arrays.iter_mut().zip(points) {
            debug_assert!(self.len + LANES <= array.len());
            // SAFETY: there is room for a vector behind the last.
            unsafe { vector.compress(keep).store(&mut *array.as_mut_ptr().add(self.len).cast()) };
        }
        self.len += keep.count_ones() as usize;
    }

    /// Makes room for so many more.
    #[inline(always)]
    fn make_room(&mut self, more: usize) {
        if self.len + more > self.arrays[0].len() {
            let size = (2 * self.len + more).max(64 * LANES).next_multiple_of(LANES);
            self.arrays.iter_mut().for_each(|a| a.resize(size, FAR));
        }
    }

    /// Becomes those of `others` that the limit lets pass.
    ///
    /// # Safety
    /// The processor has what `V` needs; the last vector of `others` is filled up.
    #[inline(always)]
    pub unsafe fn become_unbeaten<V: F32x16>(&mut self, others: &Self, limit: Limit<V>) {
        self.clear();
        self.make_room(others.len + LANES);
        for start in others.starts() {
            unsafe {
                let keep = others.unbeaten(start, limit);
                if keep != 0 {
                    self.put(others.sixteen::<V>(start), keep);
                }
            }
        }
        self.fill_up();
    }

    /// Fills up the last vector.
    pub fn fill_up(&mut self) {
        for array in &mut self.arrays {
            let end = self.len.next_multiple_of(LANES);
            array[self.len..end].fill(FAR);
        }
    }

    /// The one nearest to the centre of `samples`, and its squared distance.
    ///
    /// # Safety
    /// The processor has what `V` needs; there is one, and the last vector is filled up.
    #[inline(always)]
    pub unsafe fn nearest<V: F32x16>(&self, samples: Samples) -> ([f32; 3], f32) {
        unsafe {
            let (mut best2, mut which) = (V::splat(f32::MAX), V::splat(0.0));
            for start in self.starts() {
                let d2 = apart2::<V>(place(self.sixteen(start)), samples.centre);
                (best2, which) = nearer(d2, V::splat((start / LANES) as f32), best2, which);
            }
            self.first_least(best2, which)
        }
    }

    /// As [`Candidates::nearest`] for each of the eight boxes that `samples` is cut into: bit `a` of a box's number is set where it is the
    /// farther one along axis `a`.
    ///
    /// # Safety
    /// As for [`Candidates::nearest`].
    #[inline(always)]
    pub unsafe fn nearest_of_eight<V: F32x16>(&self, samples: Samples) -> [([f32; 3], f32); 8] {
        let middles = samples.middles_of_halves();
        let (mut best2, mut which) = unsafe { ([V::splat(f32::MAX); 8], [V::splat(0.0); 8]) };
        for start in self.starts() {
            unsafe {
                let places = place(self.sixteen::<V>(start));
                let number = V::splat((start / LANES) as f32);
                let mut squares = [[number; 2]; 3];
                for a in 0..3 {
                    for side in 0..2 {
                        let d = places[a].sub(V::splat(middles[side][a]));
                        squares[a][side] = d.mul(d);
                    }
                }
                for b in 0..8 {
                    let d2 = squares[0][b & 1].add(squares[1][b >> 1 & 1]).add(squares[2][b >> 2]);
                    (best2[b], which[b]) = nearer(d2, number, best2[b], which[b]);
                }
            }
        }
        let mut nearest = [([0.0; 3], 0.0); 8];
        for b in 0..8 {
            nearest[b] = unsafe { self.first_least(best2[b], which[b]) };
        }
        nearest
    }

    /// The first candidate of those that are as near as the nearest, and its squared distance: of each lane the least, and the vector that it is in.
    ///
    /// # Safety
    /// As for [`Candidates::nearest`].
    #[inline(always)]
    unsafe fn first_least<V: F32x16>(&self, best2: V, which: V) -> ([f32; 3], f32) {
        let (mut lanes, mut starts) = ([0.0; LANES], [0.0; LANES]);
        let least = unsafe {
            best2.store(&mut lanes);
            which.store(&mut starts);
            !V::splat(least(lanes)).less(best2)
        };
        // Mostly there is one.
        let (mut l, mut rest) = (least.trailing_zeros() as usize % LANES, least & least.wrapping_sub(1));
        while rest != 0 {
            let other = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            l = if starts[other] < starts[l] { other } else { l };
        }
        (self.get((starts[l] as usize * LANES + l).min(self.len - 1)), lanes[l])
    }

    /// Which of sixteen candidates from number `start` on `first` does not beat on all of `samples`.
    ///
    /// # Safety
    /// As for [`Candidates::sixteen`]; `limit` is that of `first` and `samples`.
    #[inline(always)]
    pub unsafe fn unbeaten<V: F32x16>(&self, start: usize, limit: Limit<V>) -> u16 {
        unsafe { limit.unbeaten(place(self.sixteen(start))) }
    }

    /// The numbers to start from for all of them, sixteen at a time.
    pub fn starts(&self) -> std::iter::StepBy<std::ops::Range<usize>> {
        (0..self.len).step_by(LANES)
    }
}

/// The least of sixteen numbers.
#[inline(always)]
fn least(mut lanes: [f32; LANES]) -> f32 {
    let mut n = LANES / 2;
    while n > 0 {
        for l in 0..n {
            lanes[l] = if lanes[l + n] < lanes[l] { lanes[l + n] } else { lanes[l] };
        }
        n /= 2;
    }
    lanes[0]
}

/// Where sixteen points are.
#[inline(always)]
fn place<V: F32x16, const ARRAYS: usize>(points: [V; ARRAYS]) -> [V; 3] {
    [points[0], points[1], points[2]]
}

/// What a point must not exceed to be the nearest of some sample of a box.
#[derive(Clone, Copy)]
pub(super) struct Limit<V> {
    first: [V; 3],
    centre: [V; 3],
    /// Edges of the box.
    edges: [V; 3],
    most: V,
}

// Vectors are worked on without closures: these are functions of their own, and where they are not inlined early they are
// compiled without the processor's features.
impl<V: F32x16> Limit<V> {
    /// Of `first`, one of the points, over `samples`.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn new(first: [f32; 3], samples: Samples) -> Limit<V> {
        let mut limit = unsafe {
            let most = V::splat(most(first, samples));
            Limit { first: [most; 3], centre: [most; 3], edges: [most; 3], most }
        };
        for a in 0..3 {
            unsafe {
                limit.first[a] = V::splat(first[a]);
                limit.centre[a] = V::splat(samples.centre[a]);
                limit.edges[a] = V::splat(2.0 * samples.half[a]);
            }
        }
        limit
    }

    /// Which of sixteen points `first` does not beat on all samples.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn unbeaten(&self, places: [V; 3]) -> u16 {
        unsafe {
            let [x, y, z] = places;
            let excess = self.term(x, 0).add(self.term(y, 1)).add(self.term(z, 2));
            !self.most.less(excess)
        }
    }

    /// What an axis adds to the excess, |s−c|² − 2 Σ hₐ|sₐ−s₀ₐ|.
    #[inline(always)]
    unsafe fn term(&self, s: V, a: usize) -> V {
        unsafe {
            let d = s.sub(self.centre[a]);
            d.mul(d).sub(self.edges[a].mul(s.sub(self.first[a]).abs()))
        }
    }
}

/// Squared distances of sixteen places from `to`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn apart2<V: F32x16>(places: [V; 3], to: [f32; 3]) -> V {
    unsafe {
        let x = places[0].sub(V::splat(to[0]));
        let y = places[1].sub(V::splat(to[1]));
        let z = places[2].sub(V::splat(to[2]));
        x.mul(x).add(y.mul(y)).add(z.mul(z))
    }
}

/// The squared distance between two places.
fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [x, y, z] = [0, 1, 2].map(|i| a[i] - b[i]);
    x * x + y * y + z * z
}

/// `d2` and `number` where `d2` is less than `best2`, else `best2` and `which`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn nearer<V: F32x16>(d2: V, number: V, best2: V, which: V) -> (V, V) {
    unsafe { (d2.min(best2), which.or_where_less(number, d2, best2)) }
}

/// The most |s−c|² − 2 Σ hₐ|sₐ−s₀ₐ| of a point that s₀ = `first` may not beat, with room for rounding: points as near as another at a corner of the
/// box stay, whatever they are compared with.
#[inline(always)]
pub(super) fn most(first: [f32; 3], samples: Samples) -> f32 {
    let own = apart(first, samples.centre);
    own + ROUNDING * (own + 4.0 * samples.half2())
}

/// The least excess in the box from `low` to `high`. Along each axis it is one parabola above s₀ and another below, with their
/// lowest points at c + h and c − h.
#[inline(always)]
pub(super) fn least_excess(low: [f32; 3], high: [f32; 3], s0: [f32; 3], samples: Samples) -> f32 {
    let term = |a: usize| {
        let (low, high) = (low[a], high[a]);
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

/// The same for sixteen boxes: those whose least excess is not above the limit.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn may_matter<V: F32x16>(low: [V; 3], high: [V; 3], limit: &Limit<V>) -> u16 {
    unsafe {
        let mut excess = V::splat(0.0);
        for a in 0..3 {
            let (low, high, first, half) =
                (low[a], high[a], limit.first[a], limit.edges[a].mul(V::splat(0.5)));
            let (up, down) = (limit.centre[a].add(half), limit.centre[a].sub(half));
            let above = limit.term(up.max(low).min(high).max(first.min(high)), a);
            let below = limit.term(down.max(low).min(high).min(first.max(low)), a);
            excess = excess.add(above.min(below));
        }
        !limit.most.less(excess)
    }
}
