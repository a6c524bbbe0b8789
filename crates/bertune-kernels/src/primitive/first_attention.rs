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
    let drop = |x| padding.drop_first(x, dropout);
    let [query, key, value] = padding.gradients(grad, [query, key, value], drop);
    let [key, value] = [key, value].map(|x| unwrap(padding.unpad(x)));
    [unwrap(padding.join(query)), key, value]
}
