//! Every fusion backend (Wgpu, Cuda and so on) keeps nearly all default bodies, and Burn fuses what
//! it can of them.

use burn_core::tensor::ops::{FloatTensor, IntTensor};
use burn_fusion::{Fusion, FusionBackend};

use crate::{BertOps, OptimizerOps, primitive};

impl<B: FusionBackend> BertOps for Fusion<B> {
    fn settle(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x.client.sync(|| ());
        x
    }

    fn embedding_gradient(
        grad: FloatTensor<Self>,
        ids: IntTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self> {
        primitive::embedding_gradient_in_groups::<Self>(grad, ids, rows)
    }
}

impl<B: FusionBackend> OptimizerOps for Fusion<B> {}
