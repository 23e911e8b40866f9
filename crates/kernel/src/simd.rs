//! The widest vectors the processor has, chosen at run time.
//!
//! A loop over slices is compiled once per [`Level`] by [`by_level!`](crate::by_level) and vectorised by the compiler. Where the
//! algorithm itself thinks in lanes, `F32x16` gives it sixteen. Every operation is a single IEEE 754 operation, none is
//! fused, so all levels give the same bits.

/// Number of lanes.
pub(crate) const LANES: usize = 16;

/// Sixteen lanes of `f32`.
///
/// # Safety
/// Implementations may use instructions beyond the baseline: call the methods only below a function
/// that [`Level::detect`] allowed.
pub(crate) trait F32x16: Copy {
    unsafe fn splat(v: f32) -> Self;
    unsafe fn load(v: &[f32; LANES]) -> Self;
    unsafe fn store(self, to: &mut [f32; LANES]);
    unsafe fn add(self, o: Self) -> Self;
    unsafe fn sub(self, o: Self) -> Self;
    unsafe fn mul(self, o: Self) -> Self;
    unsafe fn min(self, o: Self) -> Self;
    unsafe fn max(self, o: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// Bit `i` is set where lane `i` is below `o`'s.
    unsafe fn less(self, o: Self) -> u16;
    /// `self` where all three of `a`, `b`, `c` are not above zero, else zero.
    unsafe fn unless_all_positive(self, a: Self, b: Self, c: Self) -> Self;
    /// `other` where `a` is below `b`, else `self`.
    unsafe fn or_where_less(self, other: Self, a: Self, b: Self) -> Self;
}

/// The SIMD levels that a body is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Whatever the target guarantees (SSE2 on x86-64, NEON on aarch64).
    Baseline,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, VL, DQ and BW.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The widest level of this processor.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Level::Avx2;
            }
        }
        Level::Baseline
    }

    /// Every level that this processor can run, narrowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Level::Avx2);
            }
            if has_avx512() {
                levels.push(Level::Avx512);
            }
        }
        levels
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
}

/// Compiles a function over slices once per SIMD level.
///
/// The first argument of the function made is the [`Level`]; the rest are as written. The body is plain scalar Rust: write
/// straight loops over slices of equal length, `if a < b { a } else { b }` instead of `f32::min`, no calls that are
/// not `#[inline(always)]`, and the compiler turns them into vectors. Nothing is contracted to fused
/// multiply-adds, so all levels give the same bits.
///
/// ```
/// use fieldstone_kernel::{by_level, simd::Level};
/// by_level! {
///     /// out = |p|
///     pub fn length(x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
///         for (((x, y), z), o) in x.iter().zip(y).zip(z).zip(out) {
///             *o = (x * x + y * y + z * z).sqrt();
///         }
///     }
/// }
/// let mut out = [0.0; 2];
/// length(Level::detect(), &[3.0, 1.0], &[4.0, 2.0], &[0.0, 2.0], &mut out);
/// assert_eq!(out, [5.0, 3.0]);
/// ```
#[macro_export]
macro_rules! by_level {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<$life:lifetime>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    )+) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name $(<$life>)? (level: $crate::simd::Level, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body $(<$life>)? ($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2 $(<$life>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
            fn avx512 $(<$life>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
            match level {
                $crate::simd::Level::Baseline => body($($arg),*),
                // SAFETY: these levels exist only where `Level` found the features.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    )+};
}

/// Floats in a line of the cache.
const LINE: usize = 16;

/// Copies `from` past the caches, for results larger than them: memory is written without being read first.
/// Both must be of one length. End a run of such copies with [`stream_done`].
pub fn stream(level: Level, to: &mut [f32], from: &[f32]) {
    assert_eq!(to.len(), from.len(), "stream copies between slices of one length");
    let head = to.as_ptr().align_offset(4 * LINE).min(to.len());
    let ((first, body), (from_first, from_body)) = (to.split_at_mut(head), from.split_at(head));
    let whole = body.len() / LINE * LINE;
    let ((lines, last), (from_lines, from_last)) = (body.split_at_mut(whole), from_body.split_at(whole));
    first.copy_from_slice(from_first);
    stream_lines(level, lines, from_lines);
    last.copy_from_slice(from_last);
}

/// Whole lines of the cache; `to` starts at one.
#[cfg(target_arch = "x86_64")]
fn stream_lines(level: Level, to: &mut [f32], from: &[f32]) {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_stream_ps, _mm256_loadu_ps, _mm256_stream_ps, _mm512_loadu_ps, _mm512_stream_ps,
    };
    macro_rules! lines {
        ($name:ident, $feature:literal, $width:literal, $load:ident, $store:ident) => {
            #[target_feature(enable = $feature)]
            fn $name(to: &mut [f32], from: &[f32]) {
                for (t, f) in to.chunks_exact_mut($width).zip(from.chunks_exact($width)) {
                    // SAFETY: both hold a vector; `t` is as aligned as one, since lines are whole vectors.
                    unsafe { $store(t.as_mut_ptr(), $load(f.as_ptr())) };
                }
            }
        };
    }
    lines!(of_16_bytes, "sse", 4, _mm_loadu_ps, _mm_stream_ps);
    lines!(of_32_bytes, "avx", 8, _mm256_loadu_ps, _mm256_stream_ps);
    lines!(of_64_bytes, "avx512f", 16, _mm512_loadu_ps, _mm512_stream_ps);
    // SAFETY: these levels exist only where `Level` found the features; SSE is part of x86-64.
    unsafe {
        match level {
            Level::Baseline => of_16_bytes(to, from),
            Level::Avx2 => of_32_bytes(to, from),
            Level::Avx512 => of_64_bytes(to, from),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn stream_lines(_level: Level, to: &mut [f32], from: &[f32]) {
    to.copy_from_slice(from);
}

/// Makes all that this thread has streamed visible to whoever waits for it.
pub fn stream_done() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence();
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
    lanewise! {
        add: |a, b| a + b;
        sub: |a, b| a - b;
        mul: |a, b| a * b;
        min: |a, b| if a < b { a } else { b };
        max: |a, b| if a > b { a } else { b };
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Portable(self.0.map(f32::sqrt))
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
        pairwise! {
            add => _mm256_add_ps;
            sub => _mm256_sub_ps;
            mul => _mm256_mul_ps;
            min => _mm256_min_ps;
            max => _mm256_max_ps;
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Avx2(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe fn exercise<V: F32x16>() -> (Vec<f32>, Vec<u16>) {
        let a: [f32; LANES] = std::array::from_fn(|i| (i as f32 - 7.3) * 1.7);
        let b: [f32; LANES] = std::array::from_fn(|i| ((i * 5 % 16) as f32 - 6.1) * 0.9);
        unsafe {
            let (x, y, s) = (V::load(&a), V::load(&b), V::splat(0.3));
            let all = [
                x.add(y),
                x.sub(y),
                x.mul(y),
                x.min(y),
                x.max(s),
                x.mul(x).sqrt(),
                x.unless_all_positive(x, y, s),
                x.or_where_less(s, x, y),
            ];
            let mut out = vec![];
            for v in all {
                let mut o = [0.0; LANES];
                v.store(&mut o);
                out.extend(o);
            }
            (out, vec![x.less(y), y.less(x), x.less(x)])
        }
    }

    #[test]
    fn all_levels_agree_to_the_bit() {
        let reference = unsafe { exercise::<Portable>() };
        for level in Level::available() {
            let got = match level {
                Level::Baseline => unsafe { exercise::<Portable>() },
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { exercise::<x86::Avx2>() },
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { exercise::<x86::Avx512>() },
            };
            assert_eq!(got, reference, "{level:?}");
        }
    }
}
