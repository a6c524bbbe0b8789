//! Blocks of results by `vdpbf16ps`, which AVX-512 processors have from 2020 on, AMD's from 2022.

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_load_si512, _mm512_loadu_ps,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::pack::{LINES, Tile};
use crate::flex::simd::{Level, level};

/// Rows whose sums, two registers each, stay in registers.
const ROWS: usize = 8;

pub(super) fn is_available() -> bool {
    level() == Level::Avx512 && is_x86_feature_detected!("avx512bf16")
}

/// `out = a · b`, or `out += a · b`, of 32 rows and columns.
///
/// # Safety
///
/// [`is_available`], and `out` is valid for 32 rows of 32 elements, `row_stride` apart, and
/// initialised to add to it.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn block(out: *mut f32, row_stride: usize, a: &[Tile], b: &[Tile], add: bool) {
    for first in (0..2 * LINES).step_by(ROWS) {
        // SAFETY: these rows are some of the block's.
        unsafe { strip(out.add(first * row_stride), row_stride, first, a, b, add) };
    }
}

/// The same bits, as pairs of bf16.
#[inline(always)]
fn bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of plain numbers.
    unsafe { transmute(bits) }
}

/// [`ROWS`] rows of a block, from its row `first` on.
///
/// # Safety
///
/// As [`block`]'s.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn strip(out: *mut f32, row_stride: usize, first: usize, a: &[Tile], b: &[Tile], add: bool) {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    let (half, first) = (first / LINES, first % LINES);
    for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
        let a: &[[u32; 16]; ROWS] =
            a[half].0[first..].first_chunk().unwrap_or_else(|| unreachable!("rows of a tile"));
        for pair in 0..16 {
            let b = [0, 1].map(|half: usize| {
                // SAFETY: a row of a tile is 64 bytes, aligned to as many.
                bf16(unsafe { _mm512_load_si512(b[half].0[pair].as_ptr().cast()) })
            });
            for row in 0..ROWS {
                let a = bf16(_mm512_set1_epi32(a[row][pair].cast_signed()));
                sums[row] = [0, 1].map(|half: usize| _mm512_dpbf16_ps(sums[row][half], a, b[half]));
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        for (half, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller vouches for the block at `out`.
            unsafe {
                let place = out.add(row * row_stride + half * LINES);
                let sum = if add { _mm512_add_ps(sum, _mm512_loadu_ps(place)) } else { sum };
                _mm512_storeu_ps(place, sum);
            }
        }
    }
}
