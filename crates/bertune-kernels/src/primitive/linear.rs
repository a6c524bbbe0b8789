use burn_core::tensor::{backend::Backend, ops::FloatTensor};

use super::{row, unwrap, wrap};

pub(crate) fn project<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
    B::float_matmul(x, B::float_swap_dims(weight, 0, 1))
}

pub(crate) fn project_bias<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    unwrap(wrap::<B, 2>(project::<B>(x, weight)) + row::<B>(bias))
}

pub(crate) fn sum_rows<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x);
    let [_, columns] = x.dims();
    unwrap(x.sum_dim(0).reshape([columns]))
}
