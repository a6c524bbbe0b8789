use std::f32::consts::FRAC_2_PI;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::ROWS;
use super::simd::{multiversion, normal, tanh};
use super::slices::{Unwritten, contiguous, dims, elements, owned, sum_parts, tensor};
use crate::Activation;

/// The cubic coefficient of GELU's tanh approximation.
const CUBIC: f32 = 0.044_715;

pub(super) fn forward(x: FlexTensor, bias: FlexTensor, activation: Activation) -> FlexTensor {
    let [rows, width] = dims(&x);
    let (x, bias) = (contiguous(x), contiguous(bias));
    let bias = elements(&bias);
    let kernel = match activation {
        Activation::Gelu => gelu_rows,
        Activation::GeluTanh => gelu_tanh_rows,
        Activation::Relu => relu_rows,
    };
    let mut y = Unwritten::new(rows * width);
    y.par_zeroed_chunks(ROWS * width)
        .zip(elements(&x).par_chunks(ROWS * width))
        .for_each(|(y, x)| kernel(x, bias, y));
    // SAFETY: the chunks are all elements.
    tensor(unsafe { y.written() }, [rows, width])
}

pub(super) fn backward(
    grad: FlexTensor,
    x: FlexTensor,
    bias: FlexTensor,
    activation: Activation,
) -> [FlexTensor; 2] {
    let [rows, width] = dims(&x);
    let (x, bias) = (contiguous(x), contiguous(bias));
    // Each element is read where its new value is then written.
    let mut grad_x = owned(grad);
    let bias = elements(&bias);
    let kernel = match activation {
        Activation::Gelu => gelu_backward_rows,
        Activation::GeluTanh => gelu_tanh_backward_rows,
        Activation::Relu => relu_backward_rows,
    };
    let mut parts = vec![0.0; rows.div_ceil(ROWS) * width];
    grad_x
        .storage_mut::<f32>()
        .par_chunks_mut(ROWS * width)
        .zip(parts.par_chunks_mut(width))
        .zip(elements(&x).par_chunks(ROWS * width))
        .for_each(|((grad, grad_bias), x)| kernel(x, bias, grad, grad_bias));
    [grad_x, tensor(sum_parts(&parts, width), [width])]
}

/// `y = function(x + bias)` over rows.
#[inline(always)]
fn apply(x: &[f32], bias: &[f32], y: &mut [f32], function: impl Fn(f32) -> f32) {
    let width = bias.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        for i in 0..width {
            y[i] = function(x[i] + bias[i]);
        }
    }
}

/// `grad *= derivative(x + bias)` over rows, added up in `grad_bias`.
#[inline(always)]
fn apply_backward(
    x: &[f32],
    bias: &[f32],
    grad: &mut [f32],
    grad_bias: &mut [f32],
    derivative: impl Fn(f32) -> f32,
) {
    let width = bias.len();
    let grad_bias = &mut grad_bias[..width];
    for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)) {
        for i in 0..width {
            grad[i] *= derivative(x[i] + bias[i]);
            grad_bias[i] += grad[i];
        }
    }
}

/// `x · Φ(x)`.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    x * normal(x).0
}

/// GELU's approximation with the hyperbolic tangent.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    0.5 * x * (1.0 + gelu_inner_tanh(x))
}

#[inline(always)]
fn gelu_derivative(x: f32) -> f32 {
    let (cumulative, density) = normal(x);
    x.mul_add(density, cumulative)
}

/// The tanh of GELU's approximation.
#[inline(always)]
fn gelu_inner_tanh(x: f32) -> f32 {
    tanh(FRAC_2_PI.sqrt() * (CUBIC * x * x).mul_add(x, x))
}

#[inline(always)]
fn gelu_tanh_derivative(x: f32) -> f32 {
    let tanh = gelu_inner_tanh(x);
    let slope = FRAC_2_PI.sqrt() * (3.0 * CUBIC * x).mul_add(x, 1.0);
    0.5 * ((1.0 + tanh) + x * (1.0 - tanh * tanh) * slope)
}

multiversion! {
    fn gelu_rows(x: &[f32], bias: &[f32], y: &mut [f32]) {
        apply(x, bias, y, gelu)
    }
}
multiversion! {
    fn gelu_tanh_rows(x: &[f32], bias: &[f32], y: &mut [f32]) {
        apply(x, bias, y, gelu_tanh)
    }
}
multiversion! {
    fn relu_rows(x: &[f32], bias: &[f32], y: &mut [f32]) {
        apply(x, bias, y, #[inline(always)] |x| if x < 0.0 { 0.0 } else { x })
    }
}
multiversion! {
    fn gelu_backward_rows(x: &[f32], bias: &[f32], grad: &mut [f32], grad_bias: &mut [f32]) {
        apply_backward(x, bias, grad, grad_bias, gelu_derivative)
    }
}
multiversion! {
    fn gelu_tanh_backward_rows(x: &[f32], bias: &[f32], grad: &mut [f32], grad_bias: &mut [f32]) {
        apply_backward(x, bias, grad, grad_bias, gelu_tanh_derivative)
    }
}
multiversion! {
    fn relu_backward_rows(x: &[f32], bias: &[f32], grad: &mut [f32], grad_bias: &mut [f32]) {
        apply_backward(x, bias, grad, grad_bias, #[inline(always)] |x| if x > 0.0 { 1.0 } else { 0.0 })
    }
}
