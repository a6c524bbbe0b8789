//! The default bodies of [`BertOps`](crate::BertOps): Burn primitives only, so that they run on
//! every backend.

mod activation;
mod adam;
mod attention;
mod cross_entropy;
mod dropout;
mod embedding;
mod first_attention;
#[cfg(any(feature = "fusion", test))]
mod grouped_embedding;
mod layer_norm;
mod linear;
mod momentum;
mod rows;
mod sums;

pub(crate) use activation::{bias_activation, bias_activation_backward};
pub(crate) use adam::adam;
pub(crate) use attention::{varlen_attention, varlen_attention_backward};
pub(crate) use cross_entropy::{cross_entropy, cross_entropy_backward};
pub(crate) use dropout::dropout;
pub(crate) use embedding::{embedding_gradient, embedding_sum};
pub(crate) use first_attention::{first_attention, first_attention_backward};
#[cfg(any(feature = "fusion", test))]
pub(crate) use grouped_embedding::embedding_gradient_in_groups;
pub(crate) use layer_norm::{
    dropout_add_layer_norm, dropout_add_layer_norm_backward, layer_norm, layer_norm_backward,
};
pub(crate) use linear::{project, project_bias};
pub(crate) use momentum::{lion, sgd};
pub(crate) use rows::{adam_catch_up, put_rows};
pub(crate) use sums::{sum_of_squares, sum_rows};

use burn_core::tensor::{
    Tensor, TensorMetadata, TensorPrimitive, backend::Backend, ops::FloatTensor,
};

/// A primitive as a tensor of `D` dimensions.
pub(crate) fn wrap<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// The primitive of a tensor.
pub(crate) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// A vector as one row, to broadcast over all rows.
pub(crate) fn row<B: Backend>(vector: FloatTensor<B>) -> Tensor<B, 2> {
    wrap::<B, 1>(vector).unsqueeze()
}

/// A tensor as a vector.
pub(crate) fn flat<B: Backend>(x: FloatTensor<B>) -> Tensor<B, 1> {
    let elements = x.shape().num_elements();
    wrap(B::float_reshape(x, [elements].into()))
}
