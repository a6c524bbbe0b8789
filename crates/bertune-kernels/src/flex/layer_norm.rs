use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::ROWS;
use super::mask::Mask;
use super::simd::{dot, multiversion, squared_deviation, sum};
use super::slices::{Unwritten, contiguous, dims, elements, owned, sum_parts, tensor};
use crate::{Dropout, LayerNormState};

/// The vectors that every row shares.
#[derive(Clone, Copy)]
struct Weights<'a> {
    bias: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
}

pub(super) fn dropout_add_layer_norm(
    x: FlexTensor,
    bias: FlexTensor,
    residual: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    epsilon: f64,
    dropout: Option<Dropout>,
) -> (FlexTensor, LayerNormState<FlexTensor>) {
    let [rows, width] = dims(&x);
    assert_eq!(dims(&residual), [rows, width], "a residual of the same shape");
    let [residual, bias, gamma, beta] = [residual, bias, gamma, beta].map(contiguous);
    // What comes in is read once, at the place where the normalised row is then written.
    let mut normalized = owned(x);
    let weights = Weights {
        bias: elements(&bias),
        gamma: elements(&gamma),
        beta: elements(&beta),
        epsilon: epsilon as f32,
    };
    let mask = dropout.map(Mask::from);
    let mut y = Unwritten::new(rows * width);
    let mut reciprocal_std = vec![0.0; rows];
    y.par_zeroed_chunks(ROWS * width)
        .zip(normalized.storage_mut::<f32>().par_chunks_mut(ROWS * width))
        .zip(reciprocal_std.par_chunks_mut(ROWS))
        .zip(elements(&residual).par_chunks(ROWS * width))
        .enumerate()
        .for_each(|(chunk, (((y, normalized), reciprocal_std), residual))| {
            forward_rows(chunk * ROWS, residual, weights, mask, y, normalized, reciprocal_std);
        });
    let state = LayerNormState { normalized, reciprocal_std: tensor(reciprocal_std, [rows, 1]) };
    // SAFETY: the chunks are all elements.
    (tensor(unsafe { y.written() }, [rows, width]), state)
}

pub(super) fn dropout_add_layer_norm_backward(
    grad: FlexTensor,
    state: LayerNormState<FlexTensor>,
    gamma: FlexTensor,
    dropout: Option<Dropout>,
) -> [FlexTensor; 5] {
    let [rows, width] = dims(&grad);
    assert_eq!(dims(&state.normalized), [rows, width], "a gradient of the output's shape");
    let gamma = contiguous(gamma);
    let gamma = elements(&gamma);
    // As in the forward, the gradient of the sum is written where the output's was.
    let mut grad_sum = owned(grad);
    let mask = dropout.map(Mask::from);
    let mut grad_x = Unwritten::new(rows * width);
    let mut parts = vec![0.0; rows.div_ceil(ROWS) * 3 * width];
    grad_x
        .par_zeroed_chunks(ROWS * width)
        .zip(grad_sum.storage_mut::<f32>().par_chunks_mut(ROWS * width))
        .zip(parts.par_chunks_mut(3 * width))
        .zip(elements(&state.normalized).par_chunks(ROWS * width))
        .zip(elements(&state.reciprocal_std).par_chunks(ROWS))
        .enumerate()
        .for_each(|(chunk, ((((grad_x, grad_sum), part), normalized), reciprocal_std))| {
            let saved = (normalized, reciprocal_std);
            backward_rows(chunk * ROWS, saved, gamma, mask, grad_x, grad_sum, part);
        });
    let vectors = sum_parts(&parts, 3 * width);
    let vector = |i: usize| tensor(vectors[i * width..(i + 1) * width].to_vec(), [width]);
    // SAFETY: the chunks are all elements.
    let grad_x = tensor(unsafe { grad_x.written() }, [rows, width]);
    [grad_x, vector(0), grad_sum, vector(1), vector(2)]
}

/// The number under which the mask knows the first element of `row`.
#[inline(always)]
fn first_index(row: usize, width: usize) -> u32 {
    (row * width) as u32
}

multiversion! {
    /// Rows of the forward, the first of them `first_row` of the batch; `normalized` holds the rows
    /// that come in.
    fn forward_rows(
        first_row: usize,
        residual: &[f32],
        weights: Weights<'_>,
        mask: Option<Mask>,
        y: &mut [f32],
        normalized: &mut [f32],
        reciprocal_std: &mut [f32],
    ) {
        let width = weights.gamma.len();
        let (bias, gamma, beta) = (&weights.bias[..width], weights.gamma, &weights.beta[..width]);
        for (row, reciprocal_std) in reciprocal_std.iter_mut().enumerate() {
            let range = row * width..(row + 1) * width;
            let residual = &residual[range.clone()];
            let (y, normalized) = (&mut y[range.clone()], &mut normalized[range]);
            match mask {
                Some(mask) => {
                    let first = first_index(first_row + row, width);
                    for i in 0..width {
                        let factor = mask.factor(first.wrapping_add(i as u32));
                        normalized[i] = (normalized[i] + bias[i]).mul_add(factor, residual[i]);
                    }
                }
                None => {
                    (0..width).for_each(|i| normalized[i] = normalized[i] + bias[i] + residual[i]);
                }
            }
            let mean = sum(normalized) / width as f32;
            let variance = squared_deviation(normalized, mean) / width as f32;
            *reciprocal_std = 1.0 / (variance + weights.epsilon).sqrt();
            for i in 0..width {
                normalized[i] = (normalized[i] - mean) * *reciprocal_std;
                y[i] = normalized[i].mul_add(gamma[i], beta[i]);
            }
        }
    }
}

multiversion! {
    /// Rows of the backward; `grad_sum` holds the gradient of the output, and `part` takes their
    /// share of the gradients of bias, gamma and beta.
    fn backward_rows(
        first_row: usize,
        saved: (&[f32], &[f32]),
        gamma: &[f32],
        mask: Option<Mask>,
        grad_x: &mut [f32],
        grad_sum: &mut [f32],
        part: &mut [f32],
    ) {
        let width = gamma.len();
        let (grad_bias, part) = part.split_at_mut(width);
        let (grad_gamma, grad_beta) = part.split_at_mut(width);
        let grad_beta = &mut grad_beta[..width];
        let (normalized, reciprocal_std) = saved;
        for (row, &reciprocal_std) in reciprocal_std.iter().enumerate() {
            let range = row * width..(row + 1) * width;
            let normalized = &normalized[range.clone()];
            let (grad_x, grad_sum) = (&mut grad_x[range.clone()], &mut grad_sum[range]);
            for i in 0..width {
                grad_gamma[i] = grad_sum[i].mul_add(normalized[i], grad_gamma[i]);
                grad_beta[i] += grad_sum[i];
                grad_sum[i] *= gamma[i];
            }
            let mean = sum(grad_sum) / width as f32;
            let along = dot(grad_sum, normalized) / width as f32;
            for i in 0..width {
                grad_sum[i] = (grad_sum[i] - mean - normalized[i] * along) * reciprocal_std;
            }
            match mask {
                Some(mask) => {
                    let first = first_index(first_row + row, width);
                    for i in 0..width {
                        grad_x[i] = grad_sum[i] * mask.factor(first.wrapping_add(i as u32));
                    }
                }
                None => grad_x.copy_from_slice(grad_sum),
            }
            (0..width).for_each(|i| grad_bias[i] += grad_x[i]);
        }
    }
}
