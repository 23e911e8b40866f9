//! Lanes that are kept, moved together with AVX2, which has no instruction for it.

use std::arch::x86_64::*;

/// For all eight bits there may be, which are set, in their order.
static SET: [[u8; 8]; 256] = table().0;
/// How many these are.
static COUNT: [u8; 256] = table().1;
/// Loaded from number 8 − n on, n lanes that are kept and others that are not.
static FIRST: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

const fn table() -> ([[u8; 8]; 256], [u8; 256]) {
    let (mut set, mut count, mut bits) = ([[0; 8]; 256], [0; 256], 0);
    while bits < 256 {
        let mut l = 0;
        while l < 8 {
            if bits >> l & 1 == 1 {
                set[bits][count[bits] as usize] = l as u8;
                count[bits] += 1;
            }
            l += 1;
        }
        bits += 1;
    }
    (set, count)
}

/// Of sixteen lanes those whose bits are set, in their order; zeros behind them.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
pub(super) unsafe fn compress(low: __m256, high: __m256, keep: u16) -> [__m256; 2] {
    let (l, h) = (usize::from(keep & 0xff), usize::from(keep >> 8));
    let (n, m) = (usize::from(COUNT[l]), usize::from(COUNT[h]));
    let mut lanes = [0.0f32; 24];
    unsafe {
        let first = _mm256_castsi256_ps(_mm256_loadu_si256(FIRST.as_ptr().add(8 - m).cast()));
        let low =
            _mm256_permutevar8x32_ps(low, _mm256_cvtepu8_epi32(_mm_loadl_epi64(SET[l].as_ptr().cast())));
        let high =
            _mm256_permutevar8x32_ps(high, _mm256_cvtepu8_epi32(_mm_loadl_epi64(SET[h].as_ptr().cast())));
        // The second store covers what the first has behind its own.
        _mm256_storeu_ps(lanes.as_mut_ptr(), low);
        _mm256_storeu_ps(lanes.as_mut_ptr().add(n), _mm256_and_ps(high, first));
        [_mm256_loadu_ps(lanes.as_ptr()), _mm256_loadu_ps(lanes.as_ptr().add(8))]
    }
}
