//! From rows of f32 to tiles of bf16.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh,
    _mm512_cvtneps_pbh, _mm512_maskz_loadu_ps, _mm512_or_si512, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_store_si512, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::mem::transmute;
use std::ops::Range;

use super::super::matrix::Matrix;

/// Lines of a tile: rows of the left factor, or columns of the right one.
pub(super) const LINES: usize = 16;

/// Numbers of each line of a tile; two neighbours lie in one element.
pub(super) const NUMBERS: usize = 32;

/// A block of bf16 as AMX loads it: 16 rows of 64 bytes.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tile(pub(super) [[u32; 16]; 16]);

impl Tile {
    pub(super) const ZERO: Self = Self([[0; 16]; 16]);
}

/// What a row of a [`Tile`] is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Layout {
    /// A line: its sixteen pairs of numbers. So AMX wants the left factor.
    ByLine,
    /// A pair of numbers of sixteen lines. So AMX wants the right factor.
    ByPair,
}

/// Packs two times [`LINES`] lines of `source` from `first_line`, of their `numbers`: for each
/// [`NUMBERS`] numbers a tile of the first half of the lines and one of the second. What lies beyond
/// the source is zero.
///
/// # Panics
///
/// If neither lines nor numbers of `source` lie side by side.
///
/// # Safety
///
/// The processor has what `avx512::is_available` looks for.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn pack(
    source: Matrix<'_>,
    first_line: usize,
    numbers: Range<usize>,
    layout: Layout,
    tiles: &mut [Tile],
) {
    let starts = numbers.clone().step_by(NUMBERS);
    let starts = starts.flat_map(|number| [0, LINES].map(|line| (first_line + line, number)));
    for (tile, (line, number)) in tiles.iter_mut().zip(starts) {
        let lines = line.min(source.rows())..source.rows().min(line + LINES);
        let numbers = number..numbers.end.min(number + NUMBERS);
        let part = source.part(lines, numbers);
        let (rows, found) = match part.strides() {
            (_, 1) => (by_line(part), Layout::ByLine),
            (1, _) => (by_pair(part), Layout::ByPair),
            strides => unreachable!("neither lines nor numbers lie side by side: {strides:?}"),
        };
        let rows = if found == layout { rows } else { transposed(rows) };
        for (row, to) in rows.into_iter().zip(&mut tile.0) {
            // SAFETY: a row of a tile is 64 bytes, aligned to as many.
            unsafe { _mm512_store_si512(to.as_mut_ptr().cast(), row) };
        }
    }
}

/// The numbers of each line, two to an element.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn by_line(part: Matrix<'_>) -> [__m512i; 16] {
    let mut rows = [_mm512_setzero_si512(); 16];
    for (line, row) in rows.iter_mut().enumerate().take(part.rows()) {
        let count = part.columns();
        let first = load(part, [line, 0], count.min(16));
        let second = load(part, [line, 16], count.saturating_sub(16));
        // SAFETY: both are 64 bytes of plain numbers.
        *row = unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first)) };
    }
    rows
}

/// Neighbouring numbers of sixteen lines, two to an element.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn by_pair(part: Matrix<'_>) -> [__m512i; 16] {
    let mut rows = [_mm512_setzero_si512(); 16];
    let halves = |number: usize| {
        let count = if number < part.columns() { part.rows() } else { 0 };
        let rounded = _mm512_cvtneps_pbh(load(part, [0, number], count));
        // SAFETY: both are 32 bytes of plain numbers.
        _mm512_cvtepu16_epi32(unsafe { transmute::<__m256bh, __m256i>(rounded) })
    };
    for (pair, row) in rows.iter_mut().enumerate().take(part.columns().div_ceil(2)) {
        let second = _mm512_slli_epi32::<16>(halves(2 * pair + 1));
        *row = _mm512_or_si512(halves(2 * pair), second);
    }
    rows
}

/// `count` elements that lie side by side from one on, and zeros after them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn load(part: Matrix<'_>, [line, number]: [usize; 2], count: usize) -> __m512 {
    let mask = ((1u32 << count) - 1) as u16;
    // SAFETY: the caller asks for elements of the part only, and masked ones are not read.
    unsafe { _mm512_maskz_loadu_ps(mask, part.place(line, number)) }
}

/// Rows become columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn transposed(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut x = rows;
    // Within quarters of a register: first elements, then pairs of them.
    let mut y = x;
    for i in (0..16).step_by(2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for i in (0..16).step_by(4) {
        for j in 0..2 {
            x[i + 2 * j] = _mm512_unpacklo_epi64(y[i + j], y[i + 2 + j]);
            x[i + 2 * j + 1] = _mm512_unpackhi_epi64(y[i + j], y[i + 2 + j]);
        }
    }
    // Then whole quarters: those of four registers, then of all.
    for i in 0..4 {
        for group in [0, 8] {
            let (a, b) = (x[group + i], x[group + 4 + i]);
            y[group + i] = _mm512_shuffle_i32x4::<0x88>(a, b);
            y[group + 4 + i] = _mm512_shuffle_i32x4::<0xdd>(a, b);
        }
    }
    for i in 0..8 {
        // After the last step row `i` of `y` holds quarters 0 and 2 (or 1 and 3) of its source.
        let (a, b) = (y[i], y[i + 8]);
        x[i] = _mm512_shuffle_i32x4::<0x88>(a, b);
        x[i + 8] = _mm512_shuffle_i32x4::<0xdd>(a, b);
    }
    x
}
