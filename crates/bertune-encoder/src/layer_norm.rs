use bertune_kernels::{BertOps, ops::LayerNormWeights};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::Initializer;

/// The scale and shift of a layer norm; the computing is part of larger operations.
#[derive(Module, Debug)]
pub struct LayerNorm<B: Backend> {
    /// The scale, `[hidden]`.
    pub weight: Param<Tensor<B, 1>>,
    /// The shift, `[hidden]`.
    pub bias: Param<Tensor<B, 1>>,
    epsilon: f64,
}

impl<B: Backend> LayerNorm<B> {
    /// The identity's scale and shift.
    pub fn new(hidden: usize, epsilon: f64, init: &Initializer, device: &B::Device) -> Self {
        Self { weight: init.ones([hidden], device), bias: init.zeros([hidden], device), epsilon }
    }
}

impl<B: BertOps> LayerNorm<B> {
    /// What the fused operations take.
    pub fn weights(&self) -> LayerNormWeights<B> {
        LayerNormWeights { gamma: self.weight.val(), beta: self.bias.val(), epsilon: self.epsilon }
    }
}
