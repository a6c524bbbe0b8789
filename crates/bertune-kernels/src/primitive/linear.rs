use burn_core::tensor::{TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{row, unwrap, wrap};

pub(crate) fn project<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
    if x.shape()[0] == 1 {
        return project_row::<B>(x, weight);
    }
    B::float_matmul(x, B::float_swap_dims(weight, 0, 1))
}

/// The projection of a single row without a matrix product: Burn 0.21's fusion on WGPU computes
/// that product wrongly when the row was selected from a matrix, as `[CLS]` is.
fn project_row<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
    let products = wrap::<B, 2>(weight) * wrap::<B, 2>(x); // [out, in]
    unwrap(products.sum_dim(1).swap_dims(0, 1)) // [1, out]
}

pub(crate) fn project_bias<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    unwrap(wrap::<B, 2>(project::<B>(x, weight)) + row::<B>(bias))
}
