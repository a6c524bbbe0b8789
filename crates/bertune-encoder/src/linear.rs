use bertune_kernels::{BertOps, LinearWeights, Precision, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::Initializer;

/// A linear map as checkpoints hold it: `y = x · weightᵀ + bias`.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub bias: Param<Tensor<B, 1>>,
    /// What the factors of the product are rounded to.
    #[module(skip)]
    pub precision: Precision,
}

impl<B: Backend> Linear<B> {
    /// A map from `input` to `output` numbers, with normal weights and no bias at first.
    pub fn new(input: usize, output: usize, init: &Initializer, device: &B::Device) -> Self {
        Self {
            weight: init.normal([output, input], device),
            bias: init.zeros([output], device),
            precision: Precision::F32,
        }
    }
}

impl<B: BertOps> Linear<B> {
    /// # Shapes
    ///
    /// `[rows, in]` → `[rows, out]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        ops::linear(x, self.weight.val(), self.bias.val(), self.precision)
    }

    /// What the fused operations take.
    pub fn weights(&self) -> LinearWeights<Tensor<B, 2>, Tensor<B, 1>> {
        LinearWeights { weight: self.weight.val(), bias: self.bias.val() }
    }

    /// The product alone, for an operation that adds the bias itself.
    ///
    /// # Shapes
    ///
    /// `[rows, in]` → `[rows, out]`.
    pub fn without_bias(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        ops::project(x, self.weight.val(), self.precision)
    }
}
