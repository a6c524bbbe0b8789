//! The innermost loop of products: rows of one matrix by 32 columns of another.
//!
//! Each element is one chain of fused multiply-adds along the inner dimension, in its order,
//! whatever rows it is computed with and on whatever processor.

use std::arch::x86_64::{
    __m512, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::matrix::Matrix;
use super::simd::{Level, level};

/// Columns that are computed together.
pub(super) const WIDTH: usize = 32;

/// Columns that are computed together where there are no more: a vector.
pub(super) const HALF: usize = WIDTH / 2;

/// Rows that are computed together at most: as many as have all their sums in registers.
const AVX512_ROWS: usize = 14;
const AVX2_ROWS: usize = 6;

/// Whether this processor has fused multiply-adds of vectors.
pub(super) fn is_available() -> bool {
    !matches!(level(), Level::Baseline)
}

/// `out = start + a · panel` of shape `[a.rows, WIDTH]`, of which the first `columns` are written.
///
/// # Panics
///
/// If the shapes do not fit, or there is [no such processor](is_available).
///
/// # Safety
///
/// `out` must be valid for writes of `a.rows` rows of `columns` elements, `stride` apart, that
/// nobody else reads or writes during the call.
pub(super) unsafe fn multiply(
    a: Matrix<'_>,
    panel: Matrix<'_>,
    start: &[f32; WIDTH],
    out: *mut f32,
    stride: usize,
    columns: usize,
) {
    assert_eq!((a.columns(), WIDTH), (panel.rows(), panel.columns()), "shapes of a product");
    assert_eq!(panel.strides().1, 1, "rows of a panel lie in one piece");
    let (kernel, most): (Kernel, _) = match (level(), columns <= HALF) {
        (Level::Avx512, false) => (avx512::<2>, AVX512_ROWS),
        (Level::Avx512, true) => (avx512::<1>, AVX512_ROWS),
        (Level::Avx2, false) => (avx2::<2>, AVX2_ROWS),
        (Level::Avx2, true) => (avx2::<1>, AVX2_ROWS),
        (Level::Baseline, _) => unreachable!("products of this kind need AVX2"),
    };
    // Blocks of equal size: a last one of a row or two would take nearly as long as a whole one.
    let blocks = a.rows().div_ceil(most).max(1);
    let rows = a.rows().div_ceil(blocks);
    let whole = columns == WIDTH || columns == HALF;
    let mut beside = [0.0; AVX512_ROWS * WIDTH];
    for row in (0..a.rows()).step_by(rows.max(1)) {
        let rows = rows.min(a.rows() - row);
        let place = out.wrapping_add(row * stride);
        let (out, out_stride) = if whole { (place, stride) } else { (beside.as_mut_ptr(), WIDTH) };
        let block = Block {
            a: a.place(row, 0),
            a_strides: a.strides(),
            depth: a.columns(),
            panel: panel.place(0, 0),
            panel_stride: panel.strides().0,
            start: start.as_ptr(),
            out,
            out_stride,
        };
        // SAFETY: `level` found the features. `Matrix` checked that its rows lie within their
        // slices, and the caller vouches for `out`; `beside` has room for the most rows.
        unsafe { kernel(block, rows) };
        if !whole {
            for (row, sums) in beside.chunks_exact(WIDTH).take(rows).enumerate() {
                // SAFETY: by the caller's promise, and `beside` is ours.
                unsafe {
                    let place = place.add(row * stride);
                    place.copy_from_nonoverlapping(sums.as_ptr(), columns);
                }
            }
        }
    }
}

/// Computes so many rows of a block, and their first columns, [`HALF`] or twice as many.
type Kernel = unsafe fn(Block, usize);

/// What a kernel reads and where it writes.
#[derive(Clone, Copy)]
struct Block {
    a: *const f32,
    /// From a row to the next, and from a column to the next.
    a_strides: (usize, usize),
    depth: usize,
    panel: *const f32,
    panel_stride: usize,
    start: *const f32,
    out: *mut f32,
    out_stride: usize,
}

/// # Safety
///
/// The processor has AVX-512, and `rows` rows of the block lie in memory; at most [`AVX512_ROWS`].
unsafe fn avx512<const HALVES: usize>(block: Block, rows: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match rows {
            1 => avx512_rows::<1, HALVES>(block),
            2 => avx512_rows::<2, HALVES>(block),
            3 => avx512_rows::<3, HALVES>(block),
            4 => avx512_rows::<4, HALVES>(block),
            5 => avx512_rows::<5, HALVES>(block),
            6 => avx512_rows::<6, HALVES>(block),
            7 => avx512_rows::<7, HALVES>(block),
            8 => avx512_rows::<8, HALVES>(block),
            9 => avx512_rows::<9, HALVES>(block),
            10 => avx512_rows::<10, HALVES>(block),
            11 => avx512_rows::<11, HALVES>(block),
            12 => avx512_rows::<12, HALVES>(block),
            13 => avx512_rows::<13, HALVES>(block),
            _ => avx512_rows::<14, HALVES>(block),
        }
    }
}

/// # Safety
///
/// As [`avx512`]'s.
#[target_feature(enable = "avx512f")]
unsafe fn avx512_rows<const ROWS: usize, const HALVES: usize>(block: Block) {
    // SAFETY: the caller vouches for the places; all loops stay within rows, depth and `WIDTH`.
    unsafe {
        let start = load::<HALVES>(block.start);
        let mut sums = [start; ROWS];
        let (mut a, mut panel) = (block.a, block.panel);
        for _ in 0..block.depth {
            let columns = load::<HALVES>(panel);
            panel = panel.wrapping_add(block.panel_stride);
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*a.add(row * block.a_strides.0));
                for half in 0..HALVES {
                    sums[half] = _mm512_fmadd_ps(x, columns[half], sums[half]);
                }
            }
            a = a.wrapping_add(block.a_strides.1);
        }
        for (row, sums) in sums.iter().enumerate() {
            let out = block.out.add(row * block.out_stride);
            for (half, &sums) in sums.iter().enumerate() {
                _mm512_storeu_ps(out.add(half * HALF), sums);
            }
        }
    }
}

/// # Safety
///
/// The processor has AVX-512, and as many vectors may be read at `place`.
#[target_feature(enable = "avx512f")]
unsafe fn load<const HALVES: usize>(place: *const f32) -> [__m512; HALVES] {
    let mut vectors = [_mm512_setzero_ps(); HALVES];
    for (half, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { _mm512_loadu_ps(place.add(half * HALF)) };
    }
    vectors
}

/// # Safety
///
/// The processor has AVX2 and FMA, and `rows` rows of the block lie in memory; at most
/// [`AVX2_ROWS`].
unsafe fn avx2<const HALVES: usize>(block: Block, rows: usize) {
    // The registers hold the sums of half the columns.
    for first in (0..HALVES).map(|half| half * HALF) {
        let block = Block {
            panel: block.panel.wrapping_add(first),
            start: block.start.wrapping_add(first),
            out: block.out.wrapping_add(first),
            ..block
        };
        // SAFETY: the caller's promise.
        unsafe {
            match rows {
                1 => avx2_rows::<1>(block),
                2 => avx2_rows::<2>(block),
                3 => avx2_rows::<3>(block),
                4 => avx2_rows::<4>(block),
                5 => avx2_rows::<5>(block),
                _ => avx2_rows::<6>(block),
            }
        }
    }
}

/// # Safety
///
/// As [`avx2`]'s.
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_rows<const ROWS: usize>(block: Block) {
    // SAFETY: the caller vouches for the places; all loops stay within rows, depth and `HALF`.
    unsafe {
        let start = [_mm256_loadu_ps(block.start), _mm256_loadu_ps(block.start.add(8))];
        let mut sums = [start; ROWS];
        let (mut a, mut panel) = (block.a, block.panel);
        for _ in 0..block.depth {
            let columns = [_mm256_loadu_ps(panel), _mm256_loadu_ps(panel.add(8))];
            panel = panel.wrapping_add(block.panel_stride);
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = _mm256_broadcast_ss(&*a.add(row * block.a_strides.0));
                sums[0] = _mm256_fmadd_ps(x, columns[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(x, columns[1], sums[1]);
            }
            a = a.wrapping_add(block.a_strides.1);
        }
        for (row, sums) in sums.iter().enumerate() {
            let out = block.out.add(row * block.out_stride);
            _mm256_storeu_ps(out, sums[0]);
            _mm256_storeu_ps(out.add(8), sums[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers by the definition.
    fn chain(a: &[f32], panel: &[f32], depth: usize, start: f32, row: usize, column: usize) -> f32 {
        let terms = (0..depth).map(|i| (a[row * depth + i], panel[i * WIDTH + column]));
        terms.fold(start, |sum, (x, y)| x.mul_add(y, sum))
    }

    #[test]
    fn every_kernel_gives_the_same_bits() {
        if !is_available() {
            return;
        }
        for (rows, depth) in [(1, 1), (3, 5), (6, 32), (14, 7), (15, 40), (29, 3)] {
            let a: Vec<f32> = (0..rows * depth).map(|i| (i as f32 * 0.37).sin()).collect();
            let panel: Vec<f32> = (0..depth * WIDTH).map(|i| (i as f32 * 0.11).cos()).collect();
            let start: [f32; WIDTH] = std::array::from_fn(|i| i as f32 * 0.01);
            let right = Matrix::new(&panel, [depth, WIDTH], WIDTH);
            let in_rows = Matrix::new(&a, [rows, depth], depth);
            let columns_of_a: Vec<f32> =
                (0..depth * rows).map(|i| a[i % rows * depth + i / rows]).collect();
            let in_columns = Matrix::new(&columns_of_a, [depth, rows], rows).transposed();
            let lefts = [in_rows, in_columns];
            let cases = lefts.map(|left| [1, HALF, 20, WIDTH].map(|columns| (left, columns)));
            for (left, columns) in cases.into_iter().flatten() {
                let mut out = vec![7.0; rows * 40];
                // SAFETY: `out` has `rows` rows, 40 apart.
                unsafe { multiply(left, right, &start, out.as_mut_ptr(), 40, columns) };
                for (i, &value) in out.iter().enumerate() {
                    let (row, column) = (i / 40, i % 40);
                    let expected = match column < columns {
                        true => chain(&a, &panel, depth, start[column], row, column),
                        false => 7.0,
                    };
                    assert_eq!(value.to_bits(), expected.to_bits(), "{rows} × {depth}, {i}");
                }
            }
        }
    }

    /// AVX2's kernel where AVX-512's would be taken.
    #[test]
    fn both_instruction_sets_agree() {
        if !matches!(level(), Level::Avx512) {
            return;
        }
        let (rows, depth) = (AVX2_ROWS, 50);
        let a: Vec<f32> = (0..rows * depth).map(|i| (i as f32 * 0.37).sin()).collect();
        let panel: Vec<f32> = (0..depth * WIDTH).map(|i| (i as f32 * 0.11).cos()).collect();
        let start = [0.5; WIDTH];
        let results = [avx512::<2> as Kernel, avx2::<2> as Kernel].map(|kernel| {
            let mut out = vec![0.0; rows * WIDTH];
            let block = Block {
                a: a.as_ptr(),
                a_strides: (depth, 1),
                depth,
                panel: panel.as_ptr(),
                panel_stride: WIDTH,
                start: start.as_ptr(),
                out: out.as_mut_ptr(),
                out_stride: WIDTH,
            };
            // SAFETY: everything is as large as the block says, and the processor has both.
            unsafe { kernel(block, rows) };
            out
        });
        assert_eq!(results[0], results[1]);
    }
}
