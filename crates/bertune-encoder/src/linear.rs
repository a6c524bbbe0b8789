use bertune_kernels::{BertOps, DropoutKey, LinearWeights, Precision, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{Initializer, LowRank, LowRankConfig};

/// A linear map as checkpoints hold it: `y = x · weightᵀ + bias`, with or without a
/// [low-rank change](LowRank).
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub bias: Param<Tensor<B, 1>>,
    /// What is added to the weight.
    pub low_rank: Option<LowRank<B>>,
    /// What the factors of the product by the weight are rounded to.
    #[module(skip)]
    pub precision: Precision,
}

impl<B: Backend> Linear<B> {
    /// A map from `input` to `output` numbers, with normal weights and no bias at first.
    pub fn new(input: usize, output: usize, init: &Initializer, device: &B::Device) -> Self {
        Self {
            weight: init.normal([output, input], device),
            bias: init.zeros([output], device),
            low_rank: None,
            precision: Precision::F32,
        }
    }

    /// The shape of the weight, `[out, in]`.
    pub fn shape(&self) -> [usize; 2] {
        self.weight.lazy_shape().dims()
    }

    /// Gives the map a low-rank change that is nothing yet, in place of one that it has.
    pub fn adapt(&mut self, config: LowRankConfig, init: &Initializer, device: &B::Device) {
        self.low_rank = Some(LowRank::new(config, self.shape(), init, device));
    }

    /// Makes the low-rank change, if there is one, part of the weight.
    pub fn merge(&mut self) {
        if let Some(low_rank) = self.low_rank.take() {
            self.weight = self.weight.clone().map(|weight| weight + low_rank.change());
        }
    }
}

impl<B: BertOps> Linear<B> {
    /// # Shapes
    ///
    /// `[rows, in]` → `[rows, out]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.forward_with(x, None)
    }

    /// [`forward`](Self::forward) with dropout in the low-rank change, if there is one and a key.
    ///
    /// # Shapes
    ///
    /// `[rows, in]` → `[rows, out]`.
    pub fn forward_with(&self, x: Tensor<B, 2>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let y = ops::linear(x.clone(), self.weight.val(), self.bias.val(), self.precision);
        self.changed(y, x, key)
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
    pub fn without_bias(&self, x: Tensor<B, 2>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let y = ops::project(x.clone(), self.weight.val(), self.precision);
        self.changed(y, x, key)
    }

    fn changed(&self, y: Tensor<B, 2>, x: Tensor<B, 2>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        match &self.low_rank {
            Some(low_rank) => low_rank.add_to(y, x, key),
            None => y,
        }
    }
}
