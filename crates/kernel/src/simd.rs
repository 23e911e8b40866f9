//! The widest vectors the processor has, chosen at run time.
//!
//! A loop over slices is compiled once per [`Level`] by [`by_level!`](crate::by_level) and vectorised by the compiler. Where the
//! algorithm itself thinks in lanes, `F32x16` gives it sixteen. Every operation is a single IEEE 754 operation, none is
//! fused, so all levels give the same bits.

#[cfg(target_arch = "x86_64")]
mod compress;
mod lanes;

#[cfg(target_arch = "x86_64")]
pub(crate) use lanes::x86;
pub(crate) use lanes::{F32x16, LANES, Portable};

/// The instructions that a body is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whatever the target guarantees (SSE2 on x86-64, NEON on aarch64).
    Baseline,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, VL, DQ and BW.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A [`Kind`] that this processor can run. Having one is the proof: there is no other way to it than to ask the processor.
///
/// ```compile_fail
/// use fieldstone_kernel::simd::{Kind, Level};
/// let forged = Level(Kind::Avx512);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

impl Level {
    /// What every processor of the target can run.
    pub const BASELINE: Level = Level(Kind::Baseline);

    /// The widest level of this processor.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Level(Kind::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                return Level(Kind::Avx2);
            }
        }
        Level::BASELINE
    }

    /// Every level that this processor can run, narrowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::BASELINE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Level(Kind::Avx2));
            }
            if has_avx512() {
                levels.push(Level(Kind::Avx512));
            }
        }
        levels
    }

    /// Which instructions may be used.
    #[inline(always)]
    pub fn kind(self) -> Kind {
        self.0
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
            match level.kind() {
                $crate::simd::Kind::Baseline => body($($arg),*),
                // SAFETY: there are such levels only where `Level` found the features.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Kind::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Kind::Avx512 => unsafe { avx512($($arg),*) },
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
    // SAFETY: there are such levels only where `Level` found the features; SSE is part of x86-64.
    unsafe {
        match level.kind() {
            Kind::Baseline => of_16_bytes(to, from),
            Kind::Avx2 => of_32_bytes(to, from),
            Kind::Avx512 => of_64_bytes(to, from),
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
                V::of_bits(&a.map(f32::to_bits), 7, 0x1_ffff),
                x.compress(0b1010_0111_0001_1000),
                x.compress(0),
                x.compress(!0),
                x.compress(0b0100_0000_1111_1111),
                x.compress(0b1111_1111_0000_0001),
                x.abs(),
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
            let got = match level.kind() {
                Kind::Baseline => unsafe { exercise::<Portable>() },
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => unsafe { exercise::<x86::Avx2>() },
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => unsafe { exercise::<x86::Avx512>() },
            };
            assert_eq!(got, reference, "{level:?}");
        }
    }
}
