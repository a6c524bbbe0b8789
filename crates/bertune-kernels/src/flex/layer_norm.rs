use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::ROWS;
use super::mask::Mask;
use super::simd::{dot, multiversion, squared_deviation, sum};
use super::slices::{contiguous, dims, elements, sum_parts, tensor};
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
    let [x, residual, bias, gamma, beta] = [x, residual, bias, gamma, beta].map(contiguous);
    let weights = Weights {
        bias: elements(&bias),
        gamma: elements(&gamma),
        beta: elements(&beta),
        epsilon: epsilon as f32,
    };
    let mask = dropout.map(Mask::from);
    let mut y = vec![0.0; rows * width];
    let mut normalized = vec![0.0; rows * width];
    let mut reciprocal_std = vec![0.0; rows];
    y.par_chunks_mut(ROWS * width)
        .zip(normalized.par_chunks_mut(ROWS * width))
        .zip(reciprocal_std.par_chunks_mut(ROWS))
        .zip(elements(&x).par_chunks(ROWS * width))
        .zip(elements(&residual).par_chunks(ROWS * width))
        .enumerate()
        .for_each(|(chunk, ((((y, normalized), reciprocal_std), x), residual))| {
            forward_rows(chunk * ROWS, x, residual, weights, mask, y, normalized, reciprocal_std);
        });
    let state = LayerNormState {
        normalized: tensor(normalized, [rows, width]),
        reciprocal_std: tensor(reciprocal_std, [rows, 1]),
    };
    (tensor(y, [rows, width]), state)
}

pub(super) fn dropout_add_layer_norm_backward(
    grad: FlexTensor,
    state: LayerNormState<FlexTensor>,
    gamma: FlexTensor,
    dropout: Option<Dropout>,
) -> [FlexTensor; 5] {
    let [rows, width] = dims(&grad);
    let [grad, gamma] = [grad, gamma].map(contiguous);
    let gamma = elements(&gamma);
    let mask = dropout.map(Mask::from);
    let mut grad_x = vec![0.0; rows * width];
    let mut grad_sum = vec![0.0; rows * width];
    let mut parts = vec![0.0; rows.div_ceil(ROWS) * 3 * width];
    grad_x
        .par_chunks_mut(ROWS * width)
        .zip(grad_sum.par_chunks_mut(ROWS * width))
        .zip(parts.par_chunks_mut(3 * width))
        .zip(elements(&grad).par_chunks(ROWS * width))
        .zip(elements(&state.normalized).par_chunks(ROWS * width))
        .zip(elements(&state.reciprocal_std).par_chunks(ROWS))
        .enumerate()
        .for_each(|(chunk, (((((grad_x, grad_sum), part), grad), normalized), reciprocal_std))| {
            let saved = (normalized, reciprocal_std);
            backward_rows(chunk * ROWS, grad, saved, gamma, mask, grad_x, grad_sum, part);
        });
    let vectors = sum_parts(&parts, 3 * width);
    let vector = |i: usize| tensor(vectors[i * width..(i + 1) * width].to_vec(), [width]);
    let matrix = |values| tensor(values, [rows, width]);
    [matrix(grad_x), vector(0), matrix(grad_sum), vector(1), vector(2)]
}

/// The number under which the mask knows the first element of `row`.
#[inline(always)]
fn first_index(row: usize, width: usize) -> u32 {
    (row * width) as u32
}

multiversion! {
    /// Rows of the forward, the first of them `first_row` of the batch.
    fn forward_rows(
        first_row: usize,
        x: &[f32],
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
            let (x, residual) = (&x[range.clone()], &residual[range.clone()]);
            let (y, normalized) = (&mut y[range.clone()], &mut normalized[range]);
            match mask {
                Some(mask) => {
                    let first = first_index(first_row + row, width);
                    for i in 0..width {
                        let factor = mask.factor(first.wrapping_add(i as u32));
                        normalized[i] = (x[i] + bias[i]).mul_add(factor, residual[i]);
                    }
                }
                None => (0..width).for_each(|i| normalized[i] = x[i] + bias[i] + residual[i]),
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
    /// Rows of the backward; `part` takes their share of the gradients of bias, gamma and beta.
    fn backward_rows(
        first_row: usize,
        grad: &[f32],
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
            let (grad, normalized) = (&grad[range.clone()], &normalized[range.clone()]);
            let (grad_x, grad_sum) = (&mut grad_x[range.clone()], &mut grad_sum[range]);
            for i in 0..width {
                grad_gamma[i] = grad[i].mul_add(normalized[i], grad_gamma[i]);
                grad_beta[i] += grad[i];
                grad_sum[i] = grad[i] * gamma[i];
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
