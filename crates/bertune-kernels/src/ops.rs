//! The operations of [`BertOps`] on [`Tensor`]s, as model code calls them.

use burn_core::tensor::{Int, Tensor};

use crate::primitive::{unwrap, wrap};
use crate::{
    Activation, BertOps, Dropout, LayerRows, LayerWeights, NormWeights, Precision, Sequences,
};

/// The same tensor, with nothing left to compute of it.
///
/// # Shapes
///
/// `[rows, columns]` → the same.
pub fn settled<B: BertOps>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    wrap(B::settle(unwrap(x)))
}

/// `x · weightᵀ`.
///
/// # Shapes
///
/// `x: [tokens, in]`, `weight: [out, in]` → `[tokens, out]`.
pub fn project<B: BertOps>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    precision: Precision,
) -> Tensor<B, 2> {
    wrap(B::project(unwrap(x), unwrap(weight), precision))
}

/// `x · weightᵀ + bias`.
///
/// # Shapes
///
/// `x: [tokens, in]`, `weight: [out, in]`, `bias: [out]` → `[tokens, out]`.
pub fn linear<B: BertOps>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    precision: Precision,
) -> Tensor<B, 2> {
    wrap(B::project_bias(unwrap(x), unwrap(weight), unwrap(bias), precision))
}

/// A whole layer in f32 and without dropout, where the backend has it in one piece; `None`
/// elsewhere, and where gradients are computed.
///
/// # Shapes
///
/// `[tokens, hidden]` → `[tokens, hidden]` or `[sequences, hidden]`.
pub fn layer<B: BertOps>(
    x: Tensor<B, 2>,
    weights: LayerWeights<Tensor<B, 2>, Tensor<B, 1>>,
    sequences: &Sequences,
    rows: LayerRows,
) -> Option<Tensor<B, 2>> {
    B::layer(unwrap(x), weights.map(unwrap, unwrap), sequences, rows).map(wrap)
}

/// `dropout(x) · weightᵀ`: the way down of a low-rank change of a linear map.
///
/// # Shapes
///
/// `x: [tokens, in]`, `weight: [rank, in]` → `[tokens, rank]`.
pub fn dropout_project<B: BertOps>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    wrap(B::dropout_project(unwrap(x), unwrap(weight), dropout))
}

/// `y + scale · x · weightᵀ`: the way up of a low-rank change of a linear map, whose output `y` is.
///
/// # Shapes
///
/// `y: [tokens, out]`, `x: [tokens, rank]`, `weight: [out, rank]` → `[tokens, out]`.
pub fn add_project<B: BertOps>(
    y: Tensor<B, 2>,
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    scale: f64,
) -> Tensor<B, 2> {
    wrap(B::add_project(unwrap(y), unwrap(x), unwrap(weight), scale))
}

/// The sum of three tables' rows for each token: of its id, its position and its type.
///
/// # Shapes
///
/// `tables: [ids, hidden]` each, `ids: [tokens]` each → `[tokens, hidden]`.
pub fn embedding_sum<B: BertOps>(
    tables: [Tensor<B, 2>; 3],
    ids: [Tensor<B, 1, Int>; 3],
) -> Tensor<B, 2> {
    wrap(B::embedding_sum(tables.map(unwrap), ids.map(Tensor::into_primitive)))
}

/// The cross-entropy of each row, in nats: `-log softmax(logits)[label]`.
///
/// # Shapes
///
/// `logits: [rows, classes]`, `labels: [rows]` → `[rows]`.
pub fn cross_entropy<B: BertOps>(logits: Tensor<B, 2>, labels: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    wrap(B::cross_entropy(unwrap(logits), labels.into_primitive()))
}

/// [`varlen_attention`] of each sequence's first token alone.
///
/// # Shapes
///
/// `query: [sequences, heads · dim]`, `key, value: [tokens, heads · dim]` →
/// `[sequences, heads · dim]`.
pub fn first_attention<B: BertOps>(
    query: Tensor<B, 2>,
    key: Tensor<B, 2>,
    value: Tensor<B, 2>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let [query, key, value] = [query, key, value].map(unwrap);
    wrap(B::first_attention(query, key, value, sequences, heads, dropout))
}

/// `activation(x + bias)`.
///
/// # Shapes
///
/// `x: [tokens, inner]`, `bias: [inner]` → `[tokens, inner]`.
pub fn bias_activation<B: BertOps>(
    x: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    activation: Activation,
) -> Tensor<B, 2> {
    wrap(B::bias_activation(unwrap(x), unwrap(bias), activation))
}

/// The scale and shift of a layer norm ([Ba et al., 2016](https://arxiv.org/abs/1607.06450)).
pub type LayerNormWeights<B> = NormWeights<Tensor<B, 1>>;

/// `layer_norm(dropout(x + bias) + residual)`: how each block of a post-norm layer ends.
///
/// # Shapes
///
/// `x, residual: [tokens, hidden]`, `bias: [hidden]` → `[tokens, hidden]`.
pub fn dropout_add_layer_norm<B: BertOps>(
    x: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    residual: Tensor<B, 2>,
    norm: LayerNormWeights<B>,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let LayerNormWeights { gamma, beta, epsilon } = norm;
    let [gamma, beta] = [gamma, beta].map(unwrap);
    let (x, bias, residual) = (unwrap(x), unwrap(bias), unwrap(residual));
    wrap(B::dropout_add_layer_norm(x, bias, residual, gamma, beta, epsilon, dropout).0)
}

/// `dropout(layer_norm(x))`: how the embeddings end.
///
/// # Shapes
///
/// `[tokens, hidden]` → `[tokens, hidden]`.
pub fn layer_norm_dropout<B: BertOps>(
    x: Tensor<B, 2>,
    norm: LayerNormWeights<B>,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let LayerNormWeights { gamma, beta, epsilon } = norm;
    wrap(B::layer_norm_dropout(unwrap(x), unwrap(gamma), unwrap(beta), epsilon, dropout).0)
}

/// Dropout with a mask that is a pure function of its key and each element's index.
///
/// # Shapes
///
/// `[rows, columns]` → the same.
pub fn dropout<B: BertOps>(x: Tensor<B, 2>, dropout: Option<Dropout>) -> Tensor<B, 2> {
    wrap(B::dropout(unwrap(x), dropout))
}

/// Scaled dot-product attention of each sequence over itself, with dropout on the
/// probabilities ([Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)).
///
/// # Shapes
///
/// `query, key, value: [tokens, heads · dim]` → `[tokens, heads · dim]`.
pub fn varlen_attention<B: BertOps>(
    query: Tensor<B, 2>,
    key: Tensor<B, 2>,
    value: Tensor<B, 2>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let [query, key, value] = [query, key, value].map(unwrap);
    wrap(B::varlen_attention(query, key, value, sequences, heads, dropout).0)
}
