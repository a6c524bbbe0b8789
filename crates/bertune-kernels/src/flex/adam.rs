use burn_core::tensor::TensorMetadata;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::simd::{dot, multiversion};
use super::slices::{contiguous, elements, owned, tensor};
use crate::{AdamState, AdamStep, WeightDecay};

/// Elements of one task.
const CHUNK: usize = 1 << 14;

pub(super) fn sum_of_squares(x: FlexTensor) -> FlexTensor {
    let x = contiguous(x);
    let parts: Vec<f64> =
        elements(&x).par_chunks(CHUNK).map(|chunk| f64::from(squares(chunk))).collect();
    tensor(vec![parts.iter().sum::<f64>() as f32], [1])
}

multiversion! {
    fn squares(x: &[f32]) -> f32 { dot(x, x) }
}

/// One pass over parameter, gradient and moments, in place where nobody else holds them.
pub(super) fn adam(
    parameter: FlexTensor,
    grad: FlexTensor,
    state: Option<AdamState<FlexTensor>>,
    step: &AdamStep,
) -> (FlexTensor, AdamState<FlexTensor>) {
    let mut parameter = owned(parameter);
    let grad = contiguous(grad);
    let zeros = || FlexTensor::zeros(parameter.shape(), parameter.dtype());
    let (mut first, mut second) = match state {
        Some(state) => (owned(state.first_moment), owned(state.second_moment)),
        None => (zeros(), zeros()),
    };
    let factors = Factors::from(step);
    parameter
        .storage_mut::<f32>()
        .par_chunks_mut(CHUNK)
        .zip(first.storage_mut::<f32>().par_chunks_mut(CHUNK))
        .zip(second.storage_mut::<f32>().par_chunks_mut(CHUNK))
        .zip(elements(&grad).par_chunks(CHUNK))
        .for_each(|(((parameter, first), second), grad)| {
            update(parameter, grad, first, second, factors);
        });
    (parameter, AdamState { first_moment: first, second_moment: second })
}

/// The numbers of [`AdamStep`] as the inner loop takes them.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    gradient_scale: f32,
    pub(super) coupled_decay: f32,
    pub(super) keep: f32,
    beta_1: f32,
    pub(super) beta_2: f32,
    rate: f32,
    second_scale: f32,
    epsilon: f32,
}

impl From<&AdamStep> for Factors {
    fn from(step: &AdamStep) -> Self {
        let (correction_1, correction_2) = step.bias_corrections();
        let (coupled_decay, keep) = match step.weight_decay {
            WeightDecay::Coupled(decay) => (decay, 1.0),
            WeightDecay::Decoupled(decay) => (0.0, 1.0 - step.learning_rate * decay),
        };
        Self {
            gradient_scale: step.gradient_scale as f32,
            coupled_decay: coupled_decay as f32,
            keep: keep as f32,
            beta_1: step.beta_1 as f32,
            beta_2: step.beta_2 as f32,
            rate: (step.learning_rate / correction_1) as f32,
            second_scale: correction_2.sqrt().recip() as f32,
            epsilon: step.epsilon as f32,
        }
    }
}

/// A first moment nearer to zero than this is zero: after some 700 steps without a gradient it would
/// be a denormal number for ever, with which processors are slow.
const NOTHING: f32 = 1e-30;

multiversion! {
    pub(super) fn update(
        parameter: &mut [f32],
        grad: &[f32],
        first: &mut [f32],
        second: &mut [f32],
        f: Factors,
    ) {
        let n = parameter.len();
        let (grad, first, second) = (&grad[..n], &mut first[..n], &mut second[..n]);
        for i in 0..n {
            let g = parameter[i].mul_add(f.coupled_decay, grad[i] * f.gradient_scale);
            let mean = first[i].mul_add(f.beta_1, g * (1.0 - f.beta_1));
            first[i] = if mean.abs() < NOTHING { 0.0 } else { mean };
            second[i] = second[i].mul_add(f.beta_2, g * g * (1.0 - f.beta_2));
            let denominator = second[i].sqrt().mul_add(f.second_scale, f.epsilon);
            parameter[i] = parameter[i].mul_add(f.keep, -f.rate * first[i] / denominator);
        }
    }
}
