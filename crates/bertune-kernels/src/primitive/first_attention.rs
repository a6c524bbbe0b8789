use burn_core::tensor::{Tensor, backend::Backend, ops::FloatTensor};

use super::attention::Padding;
use super::{unwrap, wrap};
use crate::{Dropout, Sequences};

pub(crate) fn first_attention<B: Backend>(
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> FloatTensor<B> {
    let key = wrap::<B, 2>(key);
    let padding = Padding::new(&key, sequences, heads);
    let query = padding.split(wrap(query));
    let [key, value] = [key, wrap(value)].map(|x| padding.pad(x));
    let probabilities = padding.probabilities(query, key);
    let dropped = padding.drop_first(probabilities, dropout);
    unwrap(padding.join(dropped.matmul(value)))
}

pub(crate) fn first_attention_backward<B: Backend>(
    grad: FloatTensor<B>,
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> [FloatTensor<B>; 3] {
    let key = wrap::<B, 2>(key);
    let padding = Padding::new(&key, sequences, heads);
    let [query, grad] = [wrap(query), wrap(grad)].map(|x: Tensor<B, 2>| padding.split(x));
    let [key, value] = [key, wrap(value)].map(|x| padding.pad(x));
    let probabilities = padding.probabilities(query.clone(), key.clone());
    let dropped = padding.drop_first(probabilities.clone(), dropout);
    let grad_value = dropped.swap_dims(2, 3).matmul(grad.clone());
    let grad_probabilities = padding.drop_first(grad.matmul(value.swap_dims(2, 3)), dropout);
    let expected = (grad_probabilities.clone() * probabilities.clone()).sum_dim(3);
    let grad_scores = probabilities * (grad_probabilities - expected) * padding.scale();
    let grad_query = grad_scores.clone().matmul(key);
    let grad_key = grad_scores.swap_dims(2, 3).matmul(query);
    let [grad_key, grad_value] = [grad_key, grad_value].map(|x| unwrap(padding.unpad(x)));
    [unwrap(padding.join(grad_query)), grad_key, grad_value]
}
