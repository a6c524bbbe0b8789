use burn_core::tensor::{backend::Backend, ops::FloatTensor};

use super::{dropout, row, sum_rows, unwrap, wrap};
use crate::{Dropout, LayerNormState};

type Norm<B> = (FloatTensor<B>, LayerNormState<FloatTensor<B>>);

pub(crate) fn dropout_add_layer_norm<B: Backend>(
    x: FloatTensor<B>,
    bias: FloatTensor<B>,
    residual: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
    drop: Option<Dropout>,
) -> Norm<B> {
    let x = dropout::<B>(unwrap(wrap::<B, 2>(x) + row::<B>(bias)), drop);
    layer_norm::<B>(unwrap(wrap::<B, 2>(x) + wrap(residual)), gamma, beta, epsilon)
}

pub(crate) fn dropout_add_layer_norm_backward<B: Backend>(
    grad: FloatTensor<B>,
    state: LayerNormState<FloatTensor<B>>,
    gamma: FloatTensor<B>,
    drop: Option<Dropout>,
) -> [FloatTensor<B>; 5] {
    let [grad_sum, grad_gamma, grad_beta] = layer_norm_backward::<B>(grad, state, gamma);
    let grad_x = dropout::<B>(grad_sum.clone(), drop);
    let grad_bias = sum_rows::<B>(grad_x.clone());
    [grad_x, grad_bias, grad_sum, grad_gamma, grad_beta]
}

pub(crate) fn layer_norm<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
) -> Norm<B> {
    let x = wrap::<B, 2>(x);
    let centered = x.clone() - x.mean_dim(1);
    let variance = centered.clone().square().mean_dim(1); // [tokens, 1]
    let reciprocal_std = (variance + epsilon).sqrt().recip();
    let normalized = centered * reciprocal_std.clone();
    let y = normalized.clone() * row::<B>(gamma) + row::<B>(beta);
    let state =
        LayerNormState { normalized: unwrap(normalized), reciprocal_std: unwrap(reciprocal_std) };
    (unwrap(y), state)
}

/// The gradients of the input, `gamma` and `beta`.
pub(crate) fn layer_norm_backward<B: Backend>(
    grad: FloatTensor<B>,
    state: LayerNormState<FloatTensor<B>>,
    gamma: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let grad = wrap::<B, 2>(grad);
    let normalized = wrap::<B, 2>(state.normalized);
    let grad_gamma = sum_rows::<B>(unwrap(grad.clone() * normalized.clone()));
    let grad_beta = sum_rows::<B>(unwrap(grad.clone()));
    let scaled = grad * row::<B>(gamma);
    let along = (scaled.clone() * normalized.clone()).mean_dim(1); // [tokens, 1]
    let centered = scaled.clone() - scaled.mean_dim(1) - normalized * along;
    [unwrap(centered * wrap(state.reciprocal_std)), grad_gamma, grad_beta]
}
