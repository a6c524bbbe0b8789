//! What happens to rows between two products, in place.

use crate::flex::activation::{gelu, gelu_tanh};
use crate::flex::simd::{multiversion, squared_deviation, sum};
use crate::{Activation, NormWeights};

/// The activation of each element.
pub(super) fn activate(x: &mut [f32], activation: Activation) {
    match activation {
        Activation::Gelu => gelu_all(x),
        Activation::GeluTanh => gelu_tanh_all(x),
        Activation::Relu => x.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
    }
}

multiversion! {
    fn gelu_all(x: &mut [f32]) {
        x.iter_mut().for_each(#[inline(always)] |x| *x = gelu(*x));
    }
}

multiversion! {
    fn gelu_tanh_all(x: &mut [f32]) {
        x.iter_mut().for_each(#[inline(always)] |x| *x = gelu_tanh(*x));
    }
}

/// `x = layer_norm(x + residual)`, row by row.
pub(super) fn add_norm(x: &mut [f32], residual: &[f32], norm: &NormWeights<&[f32]>) {
    norm_rows(x, residual, norm.gamma, norm.beta, norm.epsilon as f32);
}

multiversion! {
    fn norm_rows(x: &mut [f32], residual: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
        let width = gamma.len();
        let beta = &beta[..width];
        for (x, residual) in x.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
            x.iter_mut().zip(residual).for_each(|(x, residual)| *x += residual);
            let mean = sum(x) / width as f32;
            let variance = squared_deviation(x, mean) / width as f32;
            let reciprocal_std = 1.0 / (variance + epsilon).sqrt();
            for i in 0..width {
                x[i] = ((x[i] - mean) * reciprocal_std).mul_add(gamma[i], beta[i]);
            }
        }
    }
}
