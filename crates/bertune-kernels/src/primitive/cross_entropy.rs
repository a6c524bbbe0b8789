use burn_core::tensor::activation::{log_softmax, softmax};
use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::{FloatTensor, IntTensor};
use burn_core::tensor::{IndexingUpdateOp, Int, Tensor};

use super::{unwrap, wrap};

pub(crate) fn cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
) -> FloatTensor<B> {
    let logits = wrap::<B, 2>(logits);
    let [rows, _] = logits.dims();
    let labels = Tensor::<B, 1, Int>::from_primitive(labels).reshape([rows, 1]);
    unwrap(log_softmax(logits, 1).gather(1, labels).reshape([rows]).neg())
}

pub(crate) fn cross_entropy_backward<B: Backend>(
    grad: FloatTensor<B>,
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
) -> FloatTensor<B> {
    let (grad, logits) = (wrap::<B, 1>(grad), wrap::<B, 2>(logits));
    let [rows, _] = logits.dims();
    let grad = grad.reshape([rows, 1]);
    let labels = Tensor::<B, 1, Int>::from_primitive(labels).reshape([rows, 1]);
    let all = softmax(logits, 1) * grad.clone();
    unwrap(all.scatter(1, labels, grad.neg(), IndexingUpdateOp::Add))
}
