use burn_core::tensor::{TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{flat, unwrap};
use crate::{LionStep, SgdStep};

pub(crate) fn sgd<B: Backend>(
    parameter: FloatTensor<B>,
    grad: FloatTensor<B>,
    momentum: Option<FloatTensor<B>>,
    step: &SgdStep,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = parameter.shape();
    let parameter = flat::<B>(parameter);
    let grad = flat::<B>(grad) * step.gradient_scale + parameter.clone() * step.weight_decay;
    let momentum = match momentum {
        Some(momentum) => flat::<B>(momentum) * step.momentum + grad,
        None => grad,
    };
    let parameter = parameter - momentum.clone() * step.learning_rate;
    [parameter, momentum].map(|x| B::float_reshape(unwrap(x), shape.clone())).into()
}

pub(crate) fn lion<B: Backend>(
    parameter: FloatTensor<B>,
    grad: FloatTensor<B>,
    momentum: Option<FloatTensor<B>>,
    step: &LionStep,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = parameter.shape();
    let parameter = flat::<B>(parameter);
    let grad = flat::<B>(grad) * step.gradient_scale;
    let momentum = momentum.map_or_else(|| grad.zeros_like(), flat::<B>);
    let blend = |beta: f64| momentum.clone() * beta + grad.clone() * (1.0 - beta);
    let direction = blend(step.beta_1).sign();
    let decayed = parameter * (1.0 - step.learning_rate * step.weight_decay);
    let parameter = decayed - direction * step.learning_rate;
    [parameter, blend(step.beta_2)].map(|x| B::float_reshape(unwrap(x), shape.clone())).into()
}
