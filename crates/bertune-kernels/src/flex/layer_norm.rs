use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::ROWS;
use super::mask::Mask;
use super::simd::{dot, multiversion, squared_deviation, sum};
use super::slices::{Unwritten, contiguous, dims, elements, owned, sum_parts, tensor};
use crate::{Dropout, LayerNormState};

/// What happens to rows before they are normalised.
#[derive(Clone, Copy)]
struct Before<'a> {
    bias: &'a [f32],
    mask: Option<Mask>,
    /// What is added after dropout, a row for each.
    residual: &'a [f32],
}

/// The vectors that scale and shift every row.
#[derive(Clone, Copy)]
struct Norm<'a> {
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
    assert_eq!(dims(&residual), dims(&x), "a residual of the same shape");
    let [residual, bias] = [residual, bias].map(contiguous);
    let mask = dropout.map(Mask::from);
    let before = Before { bias: elements(&bias), mask, residual: elements(&residual) };
    forward(x, Some(before), gamma, beta, epsilon)
}

pub(super) fn layer_norm(
    x: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    epsilon: f64,
) -> (FlexTensor, LayerNormState<FlexTensor>) {
    forward(x, None, gamma, beta, epsilon)
}

fn forward(
    x: FlexTensor,
    before: Option<Before<'_>>,
    gamma: FlexTensor,
    beta: FlexTensor,
    epsilon: f64,
) -> (FlexTensor, LayerNormState<FlexTensor>) {
    let [rows, width] = dims(&x);
    let [gamma, beta] = [gamma, beta].map(contiguous);
    let norm = Norm { gamma: elements(&gamma), beta: elements(&beta), epsilon: epsilon as f32 };
    // What comes in is read once, at the place where the normalised row is then written.
    let mut normalized = owned(x);
    let mut y = Unwritten::new(rows * width);
    let mut reciprocal_std = vec![0.0; rows];
    y.par_zeroed_chunks(ROWS * width)
        .zip(normalized.storage_mut::<f32>().par_chunks_mut(ROWS * width))
        .zip(reciprocal_std.par_chunks_mut(ROWS))
        .enumerate()
        .for_each(|(chunk, ((y, normalized), reciprocal_std))| {
            if let Some(before) = before {
                rows_before(chunk * ROWS, before, normalized);
            }
            forward_rows(norm, y, normalized, reciprocal_std);
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
    /// Rows as they are to be normalised, in place, the first of them `first_row` of the batch.
    fn rows_before(first_row: usize, before: Before<'_>, rows: &mut [f32]) {
        let Before { bias, mask, residual } = before;
        let width = bias.len();
        let residual = residual[first_row * width..].chunks_exact(width);
        for (row, (x, residual)) in rows.chunks_exact_mut(width).zip(residual).enumerate() {
            match mask {
                Some(mask) => {
                    let first = first_index(first_row + row, width);
                    for i in 0..width {
                        let factor = mask.factor(first.wrapping_add(i as u32));
                        x[i] = (x[i] + bias[i]).mul_add(factor, residual[i]);
                    }
                }
                None => (0..width).for_each(|i| x[i] = x[i] + bias[i] + residual[i]),
            }
        }
    }
}

multiversion! {
    /// Rows of the forward; `normalized` holds the rows that come in.
    fn forward_rows(
        norm: Norm<'_>,
        y: &mut [f32],
        normalized: &mut [f32],
        reciprocal_std: &mut [f32],
    ) {
        let width = norm.gamma.len();
        let (gamma, beta) = (norm.gamma, &norm.beta[..width]);
        for (row, reciprocal_std) in reciprocal_std.iter_mut().enumerate() {
            let range = row * width..(row + 1) * width;
            let (y, normalized) = (&mut y[range.clone()], &mut normalized[range]);
            let mean = sum(normalized) / width as f32;
            let variance = squared_deviation(normalized, mean) / width as f32;
            *reciprocal_std = 1.0 / (variance + norm.epsilon).sqrt();
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
