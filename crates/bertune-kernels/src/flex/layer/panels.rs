use std::mem::MaybeUninit;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::LinearWeights;
use crate::flex::matrix::Matrix;
use crate::flex::panel::lay_out;
use crate::flex::slices::{Unwritten, dims, elements};
use crate::flex::tile::{self, WIDTH};

/// The most rows of one task.
const MOST_ROWS: usize = 56;

/// Rows of each task of so many: all threads have equally much to do.
pub(super) fn rows_of_task(rows: usize) -> usize {
    let tasks = rows.div_ceil(MOST_ROWS).next_multiple_of(rayon::current_num_threads());
    rows.div_ceil(tasks.max(1)).max(1)
}

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
    /// Lays out a linear map's parameters.
    pub(super) fn of(map: &LinearWeights<FlexTensor, FlexTensor>) -> Self {
        Self::new(elements(&map.weight), elements(&map.bias), dims(&map.weight))
    }

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
        let of_task = rows_of_task(rows);
        let mut out = Unwritten::new(rows * self.outputs);
        out.par_chunks(of_task * self.outputs)
            .zip(x.par_chunks(of_task * self.inputs))
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
        // SAFETY: `out` is borrowed, and has a row of all outputs for each row.
        unsafe { self.multiply(x, out.as_mut_ptr().cast(), self.outputs) };
        // SAFETY: every element was just written, and has the same layout.
        unsafe { &mut *(out as *mut [MaybeUninit<f32>] as *mut [f32]) }
    }

    /// `x · weightᵀ + bias` in rows that are `stride` apart, on this thread.
    ///
    /// # Safety
    ///
    /// `out` must be valid for writes of as many rows as `x` has, of all outputs each, that nobody
    /// else reads or writes during the call.
    pub(super) unsafe fn multiply(&self, x: Matrix<'_>, out: *mut f32, stride: usize) {
        let panels = self.weights.chunks_exact(WIDTH * self.inputs);
        for ((panel, bias), first) in panels.zip(&self.bias).zip((0..).step_by(WIDTH)) {
            let panel = Matrix::new(panel, [self.inputs, WIDTH], WIDTH);
            let columns = WIDTH.min(self.outputs - first);
            // SAFETY: by the caller's promise, for these are some of the outputs.
            unsafe { tile::multiply(x, panel, bias, out.wrapping_add(first), stride, columns) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
