//! The fused operations of the Flex backend: rayon over rows or sequences, vectorised loops
//! compiled for several instruction sets and chosen at run time, the `gemm` crate for products.
//!
//! Sums over rows are split into chunks of a fixed size, never by the number of threads, so that their
//! order, and with it every bit of the result, is the same on any machine of one kind.

mod activation;
mod adam;
mod attention;
#[cfg(target_arch = "x86_64")]
mod bf16;
mod cross_entropy;
mod embedding;
mod first_attention;
mod head_products;
#[cfg(target_arch = "x86_64")]
mod layer;
mod layer_norm;
mod low_rank;
mod mask;
mod matrix;
mod memory;
mod multiply;
#[cfg(target_arch = "x86_64")]
mod panel;
mod product;
mod rows;
mod shared;
pub(crate) mod simd;
mod slices;
#[cfg(target_arch = "x86_64")]
mod tile;

pub use memory::keep_freed_memory;

use burn_flex::{Flex, FlexTensor};

use crate::{
    Activation, AdamState, AdamStep, BertOps, Dropout, LayerNormState, LayerRows, LayerWeights,
    OptimizerOps, Precision, Sequences, WaitingRow,
};

/// Rows of one task.
const ROWS: usize = 64;

impl BertOps for Flex {
    fn has_precision(precision: Precision) -> bool {
        product::has_precision(precision)
    }

    fn project(x: FlexTensor, weight: FlexTensor, precision: Precision) -> FlexTensor {
        product::project(x, weight, None, precision)
    }

    fn project_bias(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        precision: Precision,
    ) -> FlexTensor {
        product::project(x, weight, Some(bias), precision)
    }

    fn project_input_gradient(
        grad: FlexTensor,
        weight: FlexTensor,
        onto: Option<FlexTensor>,
        precision: Precision,
    ) -> FlexTensor {
        product::project_input_gradient(grad, weight, onto, precision)
    }

    fn project_weight_gradient(
        grad: FlexTensor,
        x: FlexTensor,
        precision: Precision,
    ) -> FlexTensor {
        product::project_weight_gradient(grad, x, precision)
    }

    #[cfg(target_arch = "x86_64")]
    fn layer(
        x: FlexTensor,
        weights: LayerWeights<FlexTensor, FlexTensor>,
        sequences: &Sequences,
        rows: LayerRows,
    ) -> Option<FlexTensor> {
        layer::is_available().then(|| layer::forward(x, weights, sequences, rows))
    }

    fn dropout_project(x: FlexTensor, weight: FlexTensor, dropout: Option<Dropout>) -> FlexTensor {
        low_rank::dropout_project(x, weight, dropout)
    }

    fn dropout_project_input_gradient(
        grad: FlexTensor,
        weight: FlexTensor,
        onto: Option<FlexTensor>,
        dropout: Option<Dropout>,
    ) -> FlexTensor {
        low_rank::dropout_project_input_gradient(grad, weight, onto, dropout)
    }

    fn dropout_project_weight_gradient(
        grad: FlexTensor,
        x: FlexTensor,
        dropout: Option<Dropout>,
    ) -> FlexTensor {
        low_rank::dropout_project_weight_gradient(grad, x, dropout)
    }

    fn embedding_sum(tables: [FlexTensor; 3], ids: [FlexTensor; 3]) -> FlexTensor {
        embedding::sum(tables, ids)
    }

    fn embedding_gradient(grad: FlexTensor, ids: FlexTensor, rows: usize) -> FlexTensor {
        embedding::gradient(grad, ids, rows)
    }

    fn cross_entropy(logits: FlexTensor, labels: FlexTensor) -> FlexTensor {
        cross_entropy::forward(logits, labels)
    }

    fn cross_entropy_backward(
        grad: FlexTensor,
        logits: FlexTensor,
        labels: FlexTensor,
    ) -> FlexTensor {
        cross_entropy::backward(grad, logits, labels)
    }

    fn sum_rows(x: FlexTensor) -> FlexTensor {
        product::sum_rows(x)
    }

    fn bias_activation(x: FlexTensor, bias: FlexTensor, activation: Activation) -> FlexTensor {
        activation::forward(x, bias, activation)
    }

    fn bias_activation_backward(
        grad: FlexTensor,
        x: FlexTensor,
        bias: FlexTensor,
        activation: Activation,
    ) -> [FlexTensor; 2] {
        activation::backward(grad, x, bias, activation)
    }

    fn dropout_add_layer_norm(
        x: FlexTensor,
        bias: FlexTensor,
        residual: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FlexTensor, LayerNormState<FlexTensor>) {
        layer_norm::dropout_add_layer_norm(x, bias, residual, gamma, beta, epsilon, dropout)
    }

    fn dropout_add_layer_norm_backward(
        grad: FlexTensor,
        state: LayerNormState<FlexTensor>,
        gamma: FlexTensor,
        dropout: Option<Dropout>,
    ) -> [FlexTensor; 5] {
        layer_norm::dropout_add_layer_norm_backward(grad, state, gamma, dropout)
    }

    fn layer_norm_dropout(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FlexTensor, LayerNormState<FlexTensor>) {
        let (y, state) = layer_norm::layer_norm(x, gamma, beta, epsilon);
        (mask::dropout(y, dropout), state)
    }

    fn layer_norm_dropout_backward(
        grad: FlexTensor,
        state: LayerNormState<FlexTensor>,
        gamma: FlexTensor,
        dropout: Option<Dropout>,
    ) -> [FlexTensor; 3] {
        let grad = mask::dropout(grad, dropout);
        let [_, _, x, gamma, beta] =
            layer_norm::dropout_add_layer_norm_backward(grad, state, gamma, None);
        [x, gamma, beta]
    }

    fn dropout(x: FlexTensor, dropout: Option<Dropout>) -> FlexTensor {
        mask::dropout(x, dropout)
    }

    fn varlen_attention(
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> (FlexTensor, FlexTensor) {
        attention::forward([query, key, value], sequences, heads, dropout)
    }

    fn varlen_attention_backward(
        grad: FlexTensor,
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        out: FlexTensor,
        state: FlexTensor,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> [FlexTensor; 3] {
        attention::backward(grad, [query, key, value], out, state, sequences, heads, dropout)
    }

    fn first_attention(
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> FlexTensor {
        first_attention::forward([query, key, value], sequences, heads, dropout)
    }

    fn first_attention_backward(
        grad: FlexTensor,
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> [FlexTensor; 3] {
        first_attention::backward(grad, [query, key, value], sequences, heads, dropout)
    }
}

impl OptimizerOps for Flex {
    fn sum_of_squares(x: FlexTensor) -> FlexTensor {
        adam::sum_of_squares(x)
    }

    fn adam(
        parameter: FlexTensor,
        grad: FlexTensor,
        state: Option<AdamState<FlexTensor>>,
        step: &AdamStep,
    ) -> (FlexTensor, AdamState<FlexTensor>) {
        adam::adam(parameter, grad, state, step)
    }

    fn rows_may_wait() -> bool {
        true
    }

    fn adam_catch_up(
        table: FlexTensor,
        state: Option<AdamState<FlexTensor>>,
        waiting: &[WaitingRow],
        steps: &[AdamStep],
    ) -> (FlexTensor, AdamState<FlexTensor>) {
        rows::adam_catch_up(table, state, waiting, steps)
    }

    fn put_rows(table: FlexTensor, rows: &[usize], values: FlexTensor) -> FlexTensor {
        rows::put_rows(table, rows, values)
    }
}
