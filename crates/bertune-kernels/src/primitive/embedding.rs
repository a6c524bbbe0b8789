use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::{FloatTensor, IntTensor};
use burn_core::tensor::{Shape, TensorMetadata};

pub(crate) fn embedding_sum<B: Backend>(
    tables: [FloatTensor<B>; 3],
    ids: [IntTensor<B>; 3],
) -> FloatTensor<B> {
    let [words, positions, types] = tables;
    let [word_ids, position_ids, type_ids] = ids;
    let words = B::float_select(words, 0, word_ids);
    let sum = B::float_add(words, B::float_select(positions, 0, position_ids));
    B::float_add(sum, B::float_select(types, 0, type_ids))
}

pub(crate) fn embedding_gradient<B: Backend>(
    grad: FloatTensor<B>,
    ids: IntTensor<B>,
    rows: usize,
) -> FloatTensor<B> {
    let shape = Shape::new([rows, grad.shape()[1]]);
    let zeros = B::float_zeros(shape, &B::float_device(&grad), grad.dtype().into());
    B::float_select_add(zeros, 0, ids, grad)
}
