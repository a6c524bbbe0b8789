use burn_core::tensor::{TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{flat, unwrap};
use crate::{AdamState, AdamStep, WeightDecay};

pub(crate) fn adam<B: Backend>(
    parameter: FloatTensor<B>,
    grad: FloatTensor<B>,
    state: Option<AdamState<FloatTensor<B>>>,
    step: &AdamStep,
) -> (FloatTensor<B>, AdamState<FloatTensor<B>>) {
    let shape = parameter.shape();
    let mut parameter = flat::<B>(parameter);
    let mut grad = flat::<B>(grad) * step.gradient_scale;
    match step.weight_decay {
        WeightDecay::Coupled(decay) => grad = grad + parameter.clone() * decay,
        WeightDecay::Decoupled(decay) => parameter = parameter * (1.0 - step.learning_rate * decay),
    }
    let (old_first, old_second) = match state {
        Some(state) => (flat::<B>(state.first_moment), flat::<B>(state.second_moment)),
        None => (parameter.zeros_like(), parameter.zeros_like()),
    };
    let first = old_first * step.beta_1 + grad.clone() * (1.0 - step.beta_1);
    let second = old_second * step.beta_2 + grad.square() * (1.0 - step.beta_2);
    let (correction_1, correction_2) = step.bias_corrections();
    let denominator = second.clone().sqrt() * correction_2.sqrt().recip() + step.epsilon;
    let parameter = parameter - first.clone() / denominator * (step.learning_rate / correction_1);
    let [parameter, first_moment, second_moment] =
        [parameter, first, second].map(|x| B::float_reshape(unwrap(x), shape.clone()));
    (parameter, AdamState { first_moment, second_moment })
}
