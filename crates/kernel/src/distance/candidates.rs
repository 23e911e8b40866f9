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
}

impl Samples {
    /// `n`³ samples `scale` apart, `first` samples from where places are counted.
    #[inline(always)]
    pub fn new(first: [usize; 3], n: usize, scale: [f32; 3]) -> Samples {
        let half = scale.map(|s| s * 0.5 * (n - 1) as f32);
        Samples { centre: std::array::from_fn(|a| first[a] as f32 * scale[a] + half[a]), half }
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

impl Candidates<4> {
    /// The number that came with candidate `i`.
    #[inline(always)]
    pub fn number(&self, i: usize) -> f32 {
        self.arrays[3][i]
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

    /// Sixteen from number `start` on.
    ///
    /// # Safety
    /// The processor has what `V` needs; `start` is a multiple of [`LANES`] below the length, and [`Candidates::fill_up`]
    /// was called since the last was added.
    #[inline(always)]
    unsafe fn sixteen<V: F32x16>(&self, start: usize) -> [V; ARRAYS] {
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
        if keep == 0 {
            return;
        }
        if self.len + LANES > self.arrays[0].len() {
            let more = (2 * self.len).max(64 * LANES).next_multiple_of(LANES);
            self.arrays.iter_mut().for_each(|a| a.resize(more, FAR));
        }
        for (array, vector) in self.arrays.iter_mut().zip(points) {
            // SAFETY: there is room for a vector behind the last.
            unsafe { vector.compress(keep).store(&mut *array.as_mut_ptr().add(self.len).cast()) };
        }
        self.len += keep.count_ones() as usize;
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
        let (mut lanes, mut starts) = ([0.0; LANES], [0.0; LANES]);
        unsafe {
            let (mut best2, mut which) = (V::splat(f32::MAX), V::splat(0.0));
            for start in (0..self.len).step_by(LANES) {
                let d2 = apart2::<V>(place(self.sixteen(start)), samples.centre);
                (best2, which) = nearer(d2, V::splat((start / LANES) as f32), best2, which);
            }
            best2.store(&mut lanes);
            which.store(&mut starts);
        }
        let order = |l: usize| (lanes[l], starts[l], l);
        let l = (0..LANES).fold(0, |least, l| if order(l) < order(least) { l } else { least });
        (self.get((starts[l] as usize * LANES + l).min(self.len - 1)), lanes[l])
    }

    /// Sixteen candidates from number `start` on, and which of them `first` does not beat on all of `samples`.
    ///
    /// # Safety
    /// As for [`Candidates::sixteen`]; `limit` is that of `first` and `samples`.
    #[inline(always)]
    pub unsafe fn unbeaten<V: F32x16>(&self, start: usize, limit: Limit<V>) -> ([V; ARRAYS], u16) {
        unsafe {
            let points = self.sixteen::<V>(start);
            (points, limit.unbeaten(place(points)))
        }
    }

    /// The numbers to start from for all of them, sixteen at a time.
    pub fn starts(&self) -> std::iter::StepBy<std::ops::Range<usize>> {
        (0..self.len).step_by(LANES)
    }
}

/// Where sixteen points are.
#[inline(always)]
fn place<V: F32x16, const ARRAYS: usize>(points: [V; ARRAYS]) -> [V; 3] {
    [points[0], points[1], points[2]]
}

/// What a point must not exceed to be the nearest of some sample of a box.
#[derive(Clone, Copy)]
pub(super) struct Limit<V> {
    first: [f32; 3],
    samples: Samples,
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
        Limit { first, samples, most: unsafe { V::splat(most(first, samples)) } }
    }

    /// Which of sixteen points `first` does not beat on all samples.
    ///
    /// # Safety
    /// The processor has what `V` needs.
    #[inline(always)]
    pub unsafe fn unbeaten(self, places: [V; 3]) -> u16 {
        unsafe {
            let [x, y, z] = places;
            let excess = self.term(x, 0).add(self.term(y, 1)).add(self.term(z, 2));
            !self.most.less(excess)
        }
    }

    /// What an axis adds to [`excess`].
    #[inline(always)]
    unsafe fn term(self, s: V, a: usize) -> V {
        unsafe {
            let d = s.sub(V::splat(self.samples.centre[a]));
            let e = s.sub(V::splat(self.first[a]));
            let e = e.max(V::splat(0.0).sub(e));
            d.mul(d).sub(V::splat(2.0 * self.samples.half[a]).mul(e))
        }
    }
}

/// Squared distances of sixteen places from `to`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn apart2<V: F32x16>(places: [V; 3], to: [f32; 3]) -> V {
    unsafe {
        let x = places[0].sub(V::splat(to[0]));
        let y = places[1].sub(V::splat(to[1]));
        let z = places[2].sub(V::splat(to[2]));
        x.mul(x).add(y.mul(y)).add(z.mul(z))
    }
}

/// `d2` and `number` where `d2` is less than `best2`, else `best2` and `which`.
///
/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
pub(super) unsafe fn nearer<V: F32x16>(d2: V, number: V, best2: V, which: V) -> (V, V) {
    unsafe { (d2.min(best2), which.or_where_less(number, d2, best2)) }
}

/// |s−c|² − 2 Σ hₐ|sₐ−s₀ₐ|: where it exceeds its value at s₀, s₀ is nearer to all samples.
#[inline(always)]
fn excess(s: [f32; 3], s0: [f32; 3], samples: Samples) -> f32 {
    let term = |a: usize| {
        let d = s[a] - samples.centre[a];
        d * d - 2.0 * samples.half[a] * (s[a] - s0[a]).abs()
    };
    term(0) + term(1) + term(2)
}

/// The most `excess` of a point that `first` may not beat, with room for rounding: points as near as another at a corner of the
/// box stay, whatever they are compared with.
#[inline(always)]
pub(super) fn most(first: [f32; 3], samples: Samples) -> f32 {
    let own = excess(first, first, samples);
    own + ROUNDING * (own + 4.0 * samples.half2())
}

/// The least `excess` in the box from `low` to `high`. Along each axis it is one parabola above s₀ and another below, with their
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
