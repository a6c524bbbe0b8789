//! Rows of a matrix laid out beside each other, as [`tile::multiply`](super::tile::multiply) reads them.

use std::arch::x86_64::{
    __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
    _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::matrix::Matrix;
use super::simd::{Level, level};
use super::tile::WIDTH;

/// Writes at most [`WIDTH`] rows of a matrix beside each other: element `(row, column)` becomes
/// `panel[column · WIDTH + row]`, and what belongs to no row stays as it is.
pub(super) fn lay_out(rows: Matrix<'_>, panel: &mut [f32]) {
    assert!(rows.rows() <= WIDTH && panel.len() == rows.columns() * WIDTH, "a panel of rows");
    let done = match level() {
        Level::Avx512 => rows.columns() / BLOCK * BLOCK,
        _ => 0,
    };
    for row in (0..rows.rows()).step_by(BLOCK) {
        for column in (0..done).step_by(BLOCK) {
            let place = panel[column * WIDTH + row..].as_mut_ptr();
            let (from, stride) = (rows.place(row, column), rows.strides().0);
            // SAFETY: `level` found AVX-512; the block lies within the matrix, which `Matrix`
            // checked, and within the panel, which the assertion above did.
            unsafe { transpose(from, stride, BLOCK.min(rows.rows() - row), place) };
        }
    }
    for row in 0..rows.rows() {
        for (column, &value) in rows.row(row).iter().enumerate().skip(done) {
            panel[column * WIDTH + row] = value;
        }
    }
}

/// Columns that [`transpose`] takes, and rows at most.
const BLOCK: usize = 16;

/// Transposes a block: `count` rows of 16, `stride` apart, to 16 rows of `count`, [`WIDTH`] apart.
///
/// # Safety
///
/// The processor has AVX-512, `count` is 16 at most, and both blocks lie in memory that may be read
/// and written.
#[target_feature(enable = "avx512f")]
unsafe fn transpose(from: *const f32, stride: usize, count: usize, to: *mut f32) {
    /// The pairs of numbers of two vectors, the first ones and the second ones.
    #[target_feature(enable = "avx512f")]
    fn pairs(low: __m512, high: __m512) -> [__m512; 2] {
        {
            let (low, high) = (_mm512_castps_pd(low), _mm512_castps_pd(high));
            let halves = (_mm512_unpacklo_pd(low, high), _mm512_unpackhi_pd(low, high));
            [_mm512_castpd_ps(halves.0), _mm512_castpd_ps(halves.1)]
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [_mm512_setzero_ps(); BLOCK];
        for (i, row) in rows.iter_mut().take(count).enumerate() {
            *row = _mm512_loadu_ps(from.add(i * stride));
        }
        let written = u16::MAX >> (BLOCK - count);
        let mut quads = rows;
        for four in 0..4 {
            let rows = &rows[4 * four..][..4];
            let low = [0, 2].map(|i| _mm512_unpacklo_ps(rows[i], rows[i + 1]));
            let high = [0, 2].map(|i| _mm512_unpackhi_ps(rows[i], rows[i + 1]));
            let [first, second] = pairs(low[0], low[1]);
            let [third, fourth] = pairs(high[0], high[1]);
            quads[4 * four..][..4].copy_from_slice(&[first, second, third, fourth]);
        }
        // Lane `l` of `quads[4 · f + i]` holds column `4 · l + i` of the rows `4 · f..4 · f + 4`.
        for i in 0..4 {
            let [a, b, c, d] = [quads[i], quads[4 + i], quads[8 + i], quads[12 + i]];
            let even = [_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(c, d, 0x88)];
            let odd = [_mm512_shuffle_f32x4(a, b, 0xdd), _mm512_shuffle_f32x4(c, d, 0xdd)];
            let columns = [
                _mm512_shuffle_f32x4(even[0], even[1], 0x88),
                _mm512_shuffle_f32x4(odd[0], odd[1], 0x88),
                _mm512_shuffle_f32x4(even[0], even[1], 0xdd),
                _mm512_shuffle_f32x4(odd[0], odd[1], 0xdd),
            ];
            for (lane, column) in columns.into_iter().enumerate() {
                _mm512_mask_storeu_ps(to.add((4 * lane + i) * WIDTH), written, column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_its_rows_beside_each_other() {
        for (rows, columns) in [(32, 48), (32, 17), (20, 33), (5, 7), (16, 16)] {
            let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let mut panel = vec![-1.0; columns * WIDTH];
            lay_out(Matrix::new(&values, [rows, columns], columns), &mut panel);
            for (i, &value) in panel.iter().enumerate() {
                let (column, row) = (i / WIDTH, i % WIDTH);
                let expected = if row < rows { values[row * columns + column] } else { -1.0 };
                assert_eq!(value, expected, "{rows} × {columns}: ({row}, {column})");
            }
        }
    }
}
