use std::arch::x86_64::{
    __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_shuffle_f32x4,
    _mm512_storeu_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd,
    _mm512_unpacklo_ps,
};
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::tile::{self, WIDTH};
use crate::flex::product::Matrix;
use crate::flex::simd::{Level, level};
use crate::flex::slices::Unwritten;

/// Rows of one task.
pub(super) const ROWS: usize = 56;

/// A linear map laid out for [`tile::multiply`]: for each 32 outputs in turn their weights, those of
/// one input beside each other; the last outputs are filled up with zeros.
///
/// Laying a map out takes as long as multiplying by it a dozen rows, so it is done anew for each
/// batch: kept, it would be all weights a second time.
pub(super) struct Panels {
    weights: Vec<f32>,
    bias: Vec<[f32; WIDTH]>,
    outputs: usize,
    inputs: usize,
}

impl Panels {
    /// Lays out `weight`, of shape `[outputs, inputs]`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    pub(super) fn new(weight: &[f32], bias: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        assert_eq!((weight.len(), bias.len()), (outputs * inputs, outputs), "a linear map");
        let mut panels = Unwritten::new(outputs.div_ceil(WIDTH) * WIDTH * inputs);
        let rows = weight.par_chunks(WIDTH * inputs);
        panels.par_zeroed_chunks(WIDTH * inputs).zip(rows).for_each(|(panel, rows)| {
            let rows = Matrix::new(rows, [rows.len() / inputs, inputs], inputs);
            lay_out(rows, panel);
        });
        let bias = bias.chunks(WIDTH).map(|part| {
            let mut start = [0.0; WIDTH];
            start[..part.len()].copy_from_slice(part);
            start
        });
        // SAFETY: the chunks are all elements, each zeroed before it is written.
        let weights = unsafe { panels.written() };
        Self { weights, bias: bias.collect(), outputs, inputs }
    }

    /// The number of outputs.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `x · weightᵀ + bias`, on all threads.
    ///
    /// # Shapes
    ///
    /// `[rows, inputs]` → `[rows, outputs]`.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let mut out = Unwritten::new(rows * self.outputs);
        out.par_chunks(ROWS * self.outputs)
            .zip(x.par_chunks(ROWS * self.inputs))
            .for_each(|(out, x)| _ = self.apply_to(x, out));
        // SAFETY: the chunks are all elements.
        unsafe { out.written() }
    }

    /// `x · weightᵀ + bias` at the place of `out`, on this thread.
    ///
    /// # Panics
    ///
    /// If `out` has another number of rows than `x`.
    pub(super) fn apply_to<'a>(&self, x: &[f32], out: &'a mut [MaybeUninit<f32>]) -> &'a mut [f32] {
        let rows = x.len() / self.inputs;
        assert_eq!(out.len(), rows * self.outputs, "a row of results for each row");
        let x = Matrix::new(x, [rows, self.inputs], self.inputs);
        let panels = self.weights.chunks_exact(WIDTH * self.inputs);
        for ((panel, bias), first) in panels.zip(&self.bias).zip((0..).step_by(WIDTH)) {
            let panel = Matrix::new(panel, [self.inputs, WIDTH], WIDTH);
            let columns = WIDTH.min(self.outputs - first);
            let place = out[first..].as_mut_ptr().cast();
            // SAFETY: `out` is borrowed, and has these columns in as many rows.
            unsafe { tile::multiply(x, panel, bias, place, self.outputs, columns) };
        }
        // SAFETY: the panels are all columns, so every element was written.
        unsafe { out.assume_init_mut() }
    }
}

/// Writes at most [`WIDTH`] rows of a matrix beside each other: element `(row, column)` becomes
/// `panel[column · WIDTH + row]`, and what belongs to no row stays as it is.
pub(super) fn lay_out(rows: Matrix<'_>, panel: &mut [f32]) {
    assert!(rows.rows() <= WIDTH && panel.len() == rows.columns() * WIDTH, "a panel of rows");
    let blocks = match level() {
        Level::Avx512 => [rows.rows() / BLOCK * BLOCK, rows.columns() / BLOCK * BLOCK],
        _ => [0, 0],
    };
    for row in (0..blocks[0]).step_by(BLOCK) {
        for column in (0..blocks[1]).step_by(BLOCK) {
            let place = panel[column * WIDTH + row..].as_mut_ptr();
            // SAFETY: `level` found AVX-512; the block lies within the matrix, which `Matrix`
            // checked, and within the panel, which the assertion above did.
            unsafe { transpose(rows.place(row, column), rows.strides().0, place) };
        }
    }
    for row in 0..rows.rows() {
        let done = if row < blocks[0] { blocks[1] } else { 0 };
        for (column, &value) in rows.row(row).iter().enumerate().skip(done) {
            panel[column * WIDTH + row] = value;
        }
    }
}

/// Rows and columns that [`transpose`] takes.
const BLOCK: usize = 16;

/// Transposes a block of 16 × 16: rows `stride` apart to rows [`WIDTH`] apart.
///
/// # Safety
///
/// The processor has AVX-512, and both blocks lie in memory that may be read and written.
#[target_feature(enable = "avx512f")]
unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32) {
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
        let rows: [__m512; BLOCK] =
            std::array::from_fn(|row| _mm512_loadu_ps(from.add(row * stride)));
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
                _mm512_storeu_ps(to.add((4 * lane + i) * WIDTH), column);
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

    #[test]
    fn a_row_has_the_same_bits_among_any_others() {
        if !tile::is_available() {
            return;
        }
        let (outputs, inputs, rows) = (70, 33, 123);
        let number = |i: usize| (i as f32 * 0.7).sin();
        let weight: Vec<f32> = (0..outputs * inputs).map(number).collect();
        let bias: Vec<f32> = (0..outputs).map(number).collect();
        let x: Vec<f32> = (0..rows * inputs).map(|i| number(i * 3)).collect();
        let panels = Panels::new(&weight, &bias, [outputs, inputs]);
        let all = panels.apply(&x);
        for row in [0, 1, 57, 122] {
            let alone = panels.apply(&x[row * inputs..][..inputs]);
            assert_eq!(alone, all[row * outputs..][..outputs], "row {row}");
            let exact: f64 = (0..inputs)
                .map(|i| f64::from(x[row * inputs + i]) * f64::from(weight[5 * inputs + i]))
                .sum();
            assert!((f64::from(alone[5] - bias[5]) - exact).abs() < 1e-5);
        }
    }
}
