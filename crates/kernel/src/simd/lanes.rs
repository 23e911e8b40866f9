//! Sixteen lanes of `f32` in whatever registers a level has: arrays, two of AVX2, one of AVX-512.

/// Number of lanes.
pub(crate) const LANES: usize = 16;

/// Sixteen lanes of `f32`.
///
/// # Safety
/// Implementations may use instructions beyond the baseline: call the methods only below a function
/// that [`Level::detect`](super::Level::detect) allowed.
pub(crate) trait F32x16: Copy {
    unsafe fn splat(v: f32) -> Self;
    unsafe fn load(v: &[f32; LANES]) -> Self;
    unsafe fn store(self, to: &mut [f32; LANES]);
    unsafe fn add(self, o: Self) -> Self;
    unsafe fn sub(self, o: Self) -> Self;
    unsafe fn mul(self, o: Self) -> Self;
    unsafe fn div(self, o: Self) -> Self;
    unsafe fn min(self, o: Self) -> Self;
    unsafe fn max(self, o: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn abs(self) -> Self;
    /// Bit `i` is set where lane `i` is below `o`'s.
    unsafe fn less(self, o: Self) -> u16;
    /// `self` where all three of `a`, `b`, `c` are not above zero, else zero.
    unsafe fn unless_all_positive(self, a: Self, b: Self, c: Self) -> Self;
    /// `other` where `a` is below `b`, else `self`.
    unsafe fn or_where_less(self, other: Self, a: Self, b: Self) -> Self;
    /// Of each word the bits from `shift` on that are in `mask`, as a whole number below 2²⁴.
    unsafe fn of_bits(words: &[u32; LANES], shift: u32, mask: u32) -> Self;
    /// Without what is behind the point, for numbers of at least 0 and below 2²⁴.
    unsafe fn whole(self) -> Self;
    /// Whole numbers below 2²⁴ as integers.
    unsafe fn integers(self) -> [i32; LANES];
    /// The numbers `index` behind `first`, and those right behind them.
    ///
    /// # Safety
    /// All of them may be read.
    unsafe fn pairs(first: *const f32, index: &[usize; LANES]) -> [Self; 2];
    /// The lanes whose bit in `keep` is set, in their order; zeros behind them.
    #[inline(always)]
    unsafe fn compress(self, mut keep: u16) -> Self {
        let (mut lanes, mut kept, mut n) = ([0.0; LANES], [0.0; LANES], 0);
        unsafe { self.store(&mut lanes) };
        while keep != 0 {
            kept[n] = lanes[keep.trailing_zeros() as usize];
            n += 1;
            keep &= keep - 1;
        }
        unsafe { Self::load(&kept) }
    }
}

/// Arrays that the compiler turns into whatever vectors the target guarantees.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

macro_rules! lanewise {
    ($($name:ident: |$a:ident, $b:ident| $e:expr;)+) => {$(
        #[inline(always)]
        unsafe fn $name(self, o: Self) -> Self {
            Portable(std::array::from_fn(|i| { let ($a, $b) = (self.0[i], o.0[i]); $e }))
        }
    )+};
}

impl F32x16 for Portable {
    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        Portable([v; LANES])
    }
    #[inline(always)]
    unsafe fn load(v: &[f32; LANES]) -> Self {
        Portable(*v)
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }
    #[inline(always)]
    unsafe fn of_bits(words: &[u32; LANES], shift: u32, mask: u32) -> Self {
        Portable(words.map(|w| (w >> shift & mask) as i32 as f32))
    }
    lanewise! {
        add: |a, b| a + b;
        sub: |a, b| a - b;
        mul: |a, b| a * b;
        div: |a, b| a / b;
        min: |a, b| if a < b { a } else { b };
        max: |a, b| if a > b { a } else { b };
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Portable(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        Portable(self.0.map(f32::abs))
    }
    #[inline(always)]
    unsafe fn whole(self) -> Self {
        // SAFETY: the caller's promise.
        Portable(self.0.map(|v| unsafe { v.to_int_unchecked::<i32>() } as f32))
    }
    #[inline(always)]
    unsafe fn integers(self) -> [i32; LANES] {
        // SAFETY: the caller's promise.
        self.0.map(|v| unsafe { v.to_int_unchecked::<i32>() })
    }
    #[inline(always)]
    unsafe fn pairs(first: *const f32, index: &[usize; LANES]) -> [Self; 2] {
        // SAFETY: the caller's promise.
        [0, 1].map(|behind| Portable(index.map(|i| unsafe { *first.add(i + behind) })))
    }
    #[inline(always)]
    unsafe fn less(self, o: Self) -> u16 {
        let mut bits = 0;
        for i in 0..LANES {
            bits |= u16::from(self.0[i] < o.0[i]) << i;
        }
        bits
    }
    #[inline(always)]
    unsafe fn unless_all_positive(self, a: Self, b: Self, c: Self) -> Self {
        Portable(std::array::from_fn(|i| {
            let inside = (a.0[i] > 0.0) & (b.0[i] > 0.0) & (c.0[i] > 0.0);
            if inside { 0.0 } else { self.0[i] }
        }))
    }
    #[inline(always)]
    unsafe fn or_where_less(self, other: Self, a: Self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| if a.0[i] < b.0[i] { other.0[i] } else { self.0[i] }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! The same with AVX2 (two registers) and AVX-512 (one).
    use super::super::compress::compress;
    use super::{F32x16, LANES};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    impl F32x16 for Avx512 {
        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            unsafe { Avx512(_mm512_set1_ps(v)) }
        }
        #[inline(always)]
        unsafe fn load(v: &[f32; LANES]) -> Self {
            unsafe { Avx512(_mm512_loadu_ps(v.as_ptr())) }
        }
        #[inline(always)]
        unsafe fn store(self, to: &mut [f32; LANES]) {
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_add_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn sub(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_sub_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn mul(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_mul_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn div(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_div_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn min(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_min_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn max(self, o: Self) -> Self {
            unsafe { Avx512(_mm512_max_ps(self.0, o.0)) }
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Avx512(_mm512_sqrt_ps(self.0)) }
        }
        #[inline(always)]
        unsafe fn abs(self) -> Self {
            unsafe { Avx512(_mm512_abs_ps(self.0)) }
        }
        #[inline(always)]
        unsafe fn less(self, o: Self) -> u16 {
            unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, o.0) }
        }
        #[inline(always)]
        unsafe fn unless_all_positive(self, a: Self, b: Self, c: Self) -> Self {
            unsafe {
                let zero = _mm512_setzero_ps();
                let m = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a.0, zero);
                let m = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(m, b.0, zero);
                let m = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(m, c.0, zero);
                Avx512(_mm512_mask_mov_ps(self.0, m, zero))
            }
        }
        #[inline(always)]
        unsafe fn or_where_less(self, other: Self, a: Self, b: Self) -> Self {
            unsafe {
                let m = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a.0, b.0);
                Avx512(_mm512_mask_mov_ps(self.0, m, other.0))
            }
        }
        #[inline(always)]
        unsafe fn of_bits(words: &[u32; LANES], shift: u32, mask: u32) -> Self {
            unsafe {
                let words = _mm512_loadu_si512(words.as_ptr().cast());
                let shifted = _mm512_srl_epi32(words, _mm_cvtsi32_si128(shift as i32));
                Avx512(_mm512_cvtepi32_ps(_mm512_and_si512(shifted, _mm512_set1_epi32(mask as i32))))
            }
        }
        #[inline(always)]
        unsafe fn whole(self) -> Self {
            unsafe { Avx512(_mm512_cvtepi32_ps(_mm512_cvttps_epi32(self.0))) }
        }
        #[inline(always)]
        unsafe fn integers(self) -> [i32; LANES] {
            let mut integers = [0; LANES];
            unsafe { _mm512_storeu_si512(integers.as_mut_ptr().cast(), _mm512_cvttps_epi32(self.0)) };
            integers
        }
        #[inline(always)]
        unsafe fn pairs(first: *const f32, index: &[usize; LANES]) -> [Self; 2] {
            unsafe {
                let mut halves = [_mm512_setzero_ps(); 2];
                for (h, half) in halves.iter_mut().enumerate() {
                    let low = four_pairs(first, index, [8 * h, 8 * h + 2]);
                    let high = four_pairs(first, index, [8 * h + 4, 8 * h + 6]);
                    let low = _mm512_castpd256_pd512(_mm256_castps_pd(low));
                    *half = _mm512_castpd_ps(_mm512_insertf64x4::<1>(low, _mm256_castps_pd(high)));
                }
                let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                let odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
                let [low, high] = halves;
                let firsts = Avx512(_mm512_permutex2var_ps(low, even, high));
                [firsts, Avx512(_mm512_permutex2var_ps(low, odd, high))]
            }
        }
        #[inline(always)]
        unsafe fn compress(self, keep: u16) -> Self {
            unsafe { Avx512(_mm512_maskz_compress_ps(keep, self.0)) }
        }
    }

    /// The pairs of lanes `at[0]`, `at[0] + 1`, `at[1]`, `at[1] + 1`.
    #[inline(always)]
    unsafe fn four_pairs(first: *const f32, index: &[usize; LANES], at: [usize; 2]) -> __m256 {
        unsafe {
            let mut twos = [_mm_setzero_pd(); 2];
            for (two, at) in twos.iter_mut().zip(at) {
                let low = _mm_load_sd(first.add(index[at]).cast());
                *two = _mm_loadh_pd(low, first.add(index[at + 1]).cast());
            }
            _mm256_castpd_ps(_mm256_set_m128d(twos[1], twos[0]))
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256, __m256);

    macro_rules! pairwise {
        ($($name:ident => $intrinsic:ident;)+) => {$(
            #[inline(always)]
            unsafe fn $name(self, o: Self) -> Self {
                unsafe { Avx2($intrinsic(self.0, o.0), $intrinsic(self.1, o.1)) }
            }
        )+};
    }

    impl F32x16 for Avx2 {
        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            unsafe { Avx2(_mm256_set1_ps(v), _mm256_set1_ps(v)) }
        }
        #[inline(always)]
        unsafe fn load(v: &[f32; LANES]) -> Self {
            unsafe { Avx2(_mm256_loadu_ps(v.as_ptr()), _mm256_loadu_ps(v.as_ptr().add(8))) }
        }
        #[inline(always)]
        unsafe fn store(self, to: &mut [f32; LANES]) {
            unsafe {
                _mm256_storeu_ps(to.as_mut_ptr(), self.0);
                _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
            }
        }
        #[inline(always)]
        unsafe fn of_bits(words: &[u32; LANES], shift: u32, mask: u32) -> Self {
            unsafe {
                let by = _mm_cvtsi32_si128(shift as i32);
                let mask = _mm256_set1_epi32(mask as i32);
                let low = _mm256_loadu_si256(words.as_ptr().cast());
                let high = _mm256_loadu_si256(words.as_ptr().add(8).cast());
                Avx2(
                    _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srl_epi32(low, by), mask)),
                    _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srl_epi32(high, by), mask)),
                )
            }
        }
        pairwise! {
            add => _mm256_add_ps;
            sub => _mm256_sub_ps;
            mul => _mm256_mul_ps;
            div => _mm256_div_ps;
            min => _mm256_min_ps;
            max => _mm256_max_ps;
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Avx2(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
        }
        #[inline(always)]
        unsafe fn abs(self) -> Self {
            unsafe {
                let sign = _mm256_set1_ps(-0.0);
                Avx2(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
            }
        }
        #[inline(always)]
        unsafe fn whole(self) -> Self {
            unsafe {
                let [low, high] = [_mm256_cvttps_epi32(self.0), _mm256_cvttps_epi32(self.1)];
                Avx2(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
            }
        }
        #[inline(always)]
        unsafe fn integers(self) -> [i32; LANES] {
            let mut integers = [0; LANES];
            unsafe {
                _mm256_storeu_si256(integers.as_mut_ptr().cast(), _mm256_cvttps_epi32(self.0));
                _mm256_storeu_si256(integers.as_mut_ptr().add(8).cast(), _mm256_cvttps_epi32(self.1));
            }
            integers
        }
        #[inline(always)]
        unsafe fn pairs(first: *const f32, index: &[usize; LANES]) -> [Self; 2] {
            unsafe {
                let mut firsts = [_mm256_setzero_ps(); 2];
                let mut seconds = firsts;
                for h in 0..2 {
                    // Each half of a register takes its lanes from the same half of both.
                    let a = four_pairs(first, index, [8 * h, 8 * h + 4]);
                    let b = four_pairs(first, index, [8 * h + 2, 8 * h + 6]);
                    firsts[h] = _mm256_shuffle_ps::<0x88>(a, b);
                    seconds[h] = _mm256_shuffle_ps::<0xdd>(a, b);
                }
                [Avx2(firsts[0], firsts[1]), Avx2(seconds[0], seconds[1])]
            }
        }
        #[inline(always)]
        unsafe fn less(self, o: Self) -> u16 {
            unsafe {
                let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, o.0));
                let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.1, o.1));
                (low | (high << 8)) as u16
            }
        }
        #[inline(always)]
        unsafe fn unless_all_positive(self, a: Self, b: Self, c: Self) -> Self {
            unsafe {
                let half = |d, a, b, c| {
                    let zero = _mm256_setzero_ps();
                    let m = _mm256_and_ps(
                        _mm256_cmp_ps::<_CMP_GT_OQ>(a, zero),
                        _mm256_cmp_ps::<_CMP_GT_OQ>(b, zero),
                    );
                    let m = _mm256_and_ps(m, _mm256_cmp_ps::<_CMP_GT_OQ>(c, zero));
                    _mm256_andnot_ps(m, d)
                };
                Avx2(half(self.0, a.0, b.0, c.0), half(self.1, a.1, b.1, c.1))
            }
        }
        #[inline(always)]
        unsafe fn or_where_less(self, other: Self, a: Self, b: Self) -> Self {
            unsafe {
                let half = |s, o, a, b| _mm256_blendv_ps(s, o, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b));
                Avx2(half(self.0, other.0, a.0, b.0), half(self.1, other.1, a.1, b.1))
            }
        }
        #[inline(always)]
        unsafe fn compress(self, keep: u16) -> Self {
            let [low, high] = unsafe { compress(self.0, self.1, keep) };
            Avx2(low, high)
        }
    }
}
