use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::{FloatTensor, IntTensor};

use crate::{
    AdamState, AdamStep, Dropout, LayerRows, LayerWeights, LionStep, Precision, Sequences, SgdStep,
    WaitingRow, primitive,
};

/// The activation inside BERT's feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · Φ(x)` with the exact error function ([Hendrycks and Gimpel, 2016](https://arxiv.org/abs/1606.08415)).
    Gelu,
    /// GELU approximated with the hyperbolic tangent (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// What the backward of a layer norm needs from its forward.
#[derive(Clone, Debug)]
pub struct LayerNormState<T> {
    /// The normalised rows before scale and shift, `[tokens, hidden]`.
    pub normalized: T,
    /// One over the standard deviation of each row, `[tokens, 1]`.
    pub reciprocal_std: T,
}

/// The operations of BERT that are worth fusing.
///
/// Each comes as a forward and a backward. Default bodies use Burn primitives, so that
/// `impl BertOps for MyBackend {}` is enough; a backend overrides those that pay.
/// `Autodiff<B>` joins forward and backward into one node of the graph.
///
/// Tensors are Burn's primitives here: use the functions of [`ops`](crate::ops) in model code.
pub trait BertOps: Backend {
    /// Whether this backend, on this machine, multiplies by this precision; where it does not,
    /// products that are asked for in it are of f32.
    fn has_precision(precision: Precision) -> bool {
        precision == Precision::F32
    }

    /// The same tensor, with nothing left to compute of it: a backend that fuses operations does not
    /// fuse those before with those after.
    fn settle(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x
    }

    /// `x · weightᵀ`.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, in]`, `weight: [out, in]` as in checkpoints → `[tokens, out]`.
    fn project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        _precision: Precision,
    ) -> FloatTensor<Self> {
        primitive::project::<Self>(x, weight)
    }

    /// `x · weightᵀ + bias`.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, in]`, `weight: [out, in]`, `bias: [out]` → `[tokens, out]`.
    fn project_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        _precision: Precision,
    ) -> FloatTensor<Self> {
        primitive::project_bias::<Self>(x, weight, bias)
    }

    /// The gradient of `x` in [`project`](Self::project) and [`project_bias`](Self::project_bias),
    /// added to the gradient that `x` has from elsewhere, if it has one.
    ///
    /// # Shapes
    ///
    /// `grad: [tokens, out]`, `weight: [out, in]`, `onto: [tokens, in]` → `[tokens, in]`.
    fn project_input_gradient(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        onto: Option<FloatTensor<Self>>,
        _precision: Precision,
    ) -> FloatTensor<Self> {
        let gradient = Self::float_matmul(grad, weight);
        match onto {
            Some(onto) => Self::float_add(onto, gradient),
            None => gradient,
        }
    }

    /// The gradient of `weight` in [`project`](Self::project) and [`project_bias`](Self::project_bias).
    ///
    /// # Shapes
    ///
    /// `grad: [tokens, out]`, `x: [tokens, in]` → `[out, in]`.
    fn project_weight_gradient(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        _precision: Precision,
    ) -> FloatTensor<Self> {
        Self::float_matmul(Self::float_swap_dims(grad, 0, 1), x)
    }

    /// A whole layer in f32 and without dropout, of all tokens or of each sequence's first, where
    /// this backend has it in one piece and nothing of it is kept for a backward; `None` elsewhere,
    /// where it is composed of the other operations.
    ///
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[tokens, hidden]` or `[sequences, hidden]`.
    fn layer(
        _x: FloatTensor<Self>,
        _weights: LayerWeights<FloatTensor<Self>, FloatTensor<Self>>,
        _sequences: &Sequences,
        _rows: LayerRows,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// `dropout(x) · weightᵀ`: the way down of a low-rank change of a linear map ([Hu et al.,
    /// 2021](https://arxiv.org/abs/2106.09685)). The product of f32 in every precision: it is small.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, in]`, `weight: [rank, in]` → `[tokens, rank]`.
    fn dropout_project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        Self::project(Self::dropout(x, dropout), weight, Precision::F32)
    }

    /// The gradient of `x` in [`dropout_project`](Self::dropout_project), added to the gradient that
    /// `x` has from elsewhere, if it has one.
    ///
    /// # Shapes
    ///
    /// `grad: [tokens, rank]`, `weight: [rank, in]`, `onto: [tokens, in]` → `[tokens, in]`.
    fn dropout_project_input_gradient(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        onto: Option<FloatTensor<Self>>,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let (onto_product, onto) = if dropout.is_none() { (onto, None) } else { (None, onto) };
        let gradient = Self::project_input_gradient(grad, weight, onto_product, Precision::F32);
        let gradient = Self::dropout(gradient, dropout);
        match onto {
            Some(onto) => Self::float_add(onto, gradient),
            None => gradient,
        }
    }

    /// The gradient of `weight` in [`dropout_project`](Self::dropout_project).
    ///
    /// # Shapes
    ///
    /// `grad: [tokens, rank]`, `x: [tokens, in]` → `[rank, in]`.
    fn dropout_project_weight_gradient(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        Self::project_weight_gradient(grad, Self::dropout(x, dropout), Precision::F32)
    }

    /// `y + scale · x · weightᵀ`: the way up of a low-rank change of a linear map, whose output `y`
    /// is. The product of f32 in every precision.
    ///
    /// # Shapes
    ///
    /// `y: [tokens, out]`, `x: [tokens, rank]`, `weight: [out, rank]` → `[tokens, out]`.
    fn add_project(
        y: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        let x = Self::float_mul_scalar(x, scale.into());
        let across = Self::float_swap_dims(weight, 0, 1);
        Self::project_input_gradient(x, across, Some(y), Precision::F32)
    }

    /// The sum of three tables' rows for each token: of its id, its position and its type.
    ///
    /// # Shapes
    ///
    /// `tables: [ids, hidden]` each, `ids: [tokens]` each → `[tokens, hidden]`.
    fn embedding_sum(
        tables: [FloatTensor<Self>; 3],
        ids: [IntTensor<Self>; 3],
    ) -> FloatTensor<Self> {
        primitive::embedding_sum::<Self>(tables, ids)
    }

    /// The gradient of a table in [`embedding_sum`](Self::embedding_sum), which has `rows` rows.
    ///
    /// # Shapes
    ///
    /// `grad: [tokens, hidden]`, `ids: [tokens]` → `[rows, hidden]`.
    fn embedding_gradient(
        grad: FloatTensor<Self>,
        ids: IntTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self> {
        primitive::embedding_gradient::<Self>(grad, ids, rows)
    }

    /// The sum of all rows: the gradient of a bias.
    ///
    /// # Shapes
    ///
    /// `[tokens, out]` → `[out]`.
    fn sum_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
        primitive::sum_rows::<Self>(x)
    }

    /// `activation(x + bias)`.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, inner]`, `bias: [inner]` → `[tokens, inner]`.
    fn bias_activation(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        primitive::bias_activation::<Self>(x, bias, activation)
    }

    /// The gradients of `x` and `bias` in [`bias_activation`](Self::bias_activation).
    fn bias_activation_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> [FloatTensor<Self>; 2] {
        primitive::bias_activation_backward::<Self>(grad, x, bias, activation)
    }

    /// `layer_norm(dropout(x + bias) + residual)`, with what its backward needs.
    ///
    /// # Shapes
    ///
    /// `x, residual: [tokens, hidden]`, `bias, gamma, beta: [hidden]` → `[tokens, hidden]`.
    fn dropout_add_layer_norm(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, LayerNormState<FloatTensor<Self>>) {
        primitive::dropout_add_layer_norm::<Self>(x, bias, residual, gamma, beta, epsilon, dropout)
    }

    /// The gradients of `x`, `bias`, `residual`, `gamma` and `beta` in
    /// [`dropout_add_layer_norm`](Self::dropout_add_layer_norm).
    fn dropout_add_layer_norm_backward(
        grad: FloatTensor<Self>,
        state: LayerNormState<FloatTensor<Self>>,
        gamma: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 5] {
        primitive::dropout_add_layer_norm_backward::<Self>(grad, state, gamma, dropout)
    }

    /// `dropout(layer_norm(x))`, with what its backward needs.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, hidden]`, `gamma, beta: [hidden]` → `[tokens, hidden]`.
    fn layer_norm_dropout(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, LayerNormState<FloatTensor<Self>>) {
        let (y, state) = primitive::layer_norm::<Self>(x, gamma, beta, epsilon);
        (Self::dropout(y, dropout), state)
    }

    /// The gradients of `x`, `gamma` and `beta` in
    /// [`layer_norm_dropout`](Self::layer_norm_dropout).
    fn layer_norm_dropout_backward(
        grad: FloatTensor<Self>,
        state: LayerNormState<FloatTensor<Self>>,
        gamma: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 3] {
        let grad = Self::dropout(grad, dropout);
        primitive::layer_norm_backward::<Self>(grad, state, gamma)
    }

    /// Dropout of a matrix; its own backward, for the mask depends on the key alone.
    ///
    /// # Shapes
    ///
    /// `[rows, columns]` → the same.
    fn dropout(x: FloatTensor<Self>, dropout: Option<Dropout>) -> FloatTensor<Self> {
        primitive::dropout::<Self>(x, dropout)
    }

    /// Scaled dot-product attention of each sequence over itself, with dropout on the
    /// probabilities ([Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)), and a state
    /// for the backward that only this backend understands.
    ///
    /// # Shapes
    ///
    /// `query, key, value: [tokens, heads · dim]` → `[tokens, heads · dim]`.
    fn varlen_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let out = primitive::varlen_attention::<Self>(query, key, value, sequences, heads, dropout);
        (out.clone(), out)
    }

    /// The gradients of `query`, `key` and `value` in
    /// [`varlen_attention`](Self::varlen_attention), from its output and state.
    fn varlen_attention_backward(
        grad: FloatTensor<Self>,
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        _out: FloatTensor<Self>,
        _state: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 3] {
        primitive::varlen_attention_backward::<Self>(
            grad, query, key, value, sequences, heads, dropout,
        )
    }

    /// Scaled dot-product attention of each sequence's first token over the sequence: the rows that
    /// [`varlen_attention`](Self::varlen_attention) gives these tokens, with the same dropout.
    ///
    /// # Shapes
    ///
    /// `query: [sequences, heads · dim]`, `key, value: [tokens, heads · dim]` →
    /// `[sequences, heads · dim]`.
    fn first_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        primitive::first_attention::<Self>(query, key, value, sequences, heads, dropout)
    }

    /// The gradients of `query`, `key` and `value` in
    /// [`first_attention`](Self::first_attention).
    fn first_attention_backward(
        grad: FloatTensor<Self>,
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 3] {
        primitive::first_attention_backward::<Self>(
            grad, query, key, value, sequences, heads, dropout,
        )
    }

    /// The cross-entropy of each row, in nats: `-log softmax(logits)[label]`.
    ///
    /// # Shapes
    ///
    /// `logits: [rows, classes]`, `labels: [rows]` → `[rows]`.
    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>) -> FloatTensor<Self> {
        primitive::cross_entropy::<Self>(logits, labels)
    }

    /// The gradient of `logits` in [`cross_entropy`](Self::cross_entropy).
    ///
    /// # Shapes
    ///
    /// `grad: [rows]`, `logits: [rows, classes]`, `labels: [rows]` → `[rows, classes]`.
    fn cross_entropy_backward(
        grad: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        primitive::cross_entropy_backward::<Self>(grad, logits, labels)
    }

    /// The sum of the squares of all elements, of shape `[1]`, for the global norm.
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        primitive::sum_of_squares::<Self>(x)
    }

    /// One Adam or AdamW update of one parameter: the new parameter and the new moments.
    ///
    /// `state` is `None` at the first step of this parameter.
    fn adam(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        state: Option<AdamState<FloatTensor<Self>>>,
        step: &AdamStep,
    ) -> (FloatTensor<Self>, AdamState<FloatTensor<Self>>) {
        primitive::adam::<Self>(parameter, grad, state, step)
    }

    /// Whether rows of a table that have no gradient are better left waiting than updated at every
    /// step: whether [`adam_catch_up`](Self::adam_catch_up) and [`put_rows`](Self::put_rows) cost as
    /// little as the rows that they touch.
    fn rows_may_wait() -> bool {
        false
    }

    /// Updates rows of a table by the [`adam`](Self::adam) steps that each has missed, in which it had
    /// no gradient, bit for bit as if it had not waited.
    ///
    /// `state` is `None` where the table has not been updated at all.
    ///
    /// # Shapes
    ///
    /// `table: [rows, width]`, and the moments too; `waiting` names different rows.
    fn adam_catch_up(
        table: FloatTensor<Self>,
        state: Option<AdamState<FloatTensor<Self>>>,
        waiting: &[WaitingRow],
        steps: &[AdamStep],
    ) -> (FloatTensor<Self>, AdamState<FloatTensor<Self>>) {
        primitive::adam_catch_up::<Self>(table, state, waiting, steps)
    }

    /// The table with other values in some rows.
    ///
    /// # Shapes
    ///
    /// `table: [rows, width]`, `values: [n, width]` for `n` different rows → `[rows, width]`.
    fn put_rows(
        table: FloatTensor<Self>,
        rows: &[usize],
        values: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        primitive::put_rows::<Self>(table, rows, values)
    }

    /// One update of gradient descent with momentum: the new parameter and the new momentum.
    ///
    /// `momentum` is `None` at the first step of this parameter.
    fn sgd(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        momentum: Option<FloatTensor<Self>>,
        step: &SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        primitive::sgd::<Self>(parameter, grad, momentum, step)
    }

    /// One Lion update: the new parameter and the new momentum.
    ///
    /// `momentum` is `None` at the first step of this parameter.
    fn lion(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        momentum: Option<FloatTensor<Self>>,
        step: &LionStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        primitive::lion::<Self>(parameter, grad, momentum, step)
    }
}
