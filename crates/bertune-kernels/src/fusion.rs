//! Every fusion backend (Wgpu, Cuda and so on) keeps the default bodies, and Burn fuses what it
//! can of them.

use burn_core::tensor::ops::FloatTensor;
use burn_fusion::{Fusion, FusionBackend};

use crate::{BertOps, OptimizerOps};

impl<B: FusionBackend> BertOps for Fusion<B> {
    fn settle(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x.client.sync(|| ());
        x
    }
}

impl<B: FusionBackend> OptimizerOps for Fusion<B> {}
