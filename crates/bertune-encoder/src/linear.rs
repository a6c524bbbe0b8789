use bertune_kernels::{BertOps, DropoutKey, LinearWeights, Precision, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Int, Tensor, TensorData, backend::Backend};

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

    /// The map whose outputs are those of this one that have these numbers, in this order.
    ///
    /// # Panics
    ///
    /// If there are no outputs of such numbers.
    pub fn with_outputs(self, outputs: &[usize]) -> Self {
        let numbers: Vec<i32> = outputs.iter().map(|&output| output as i32).collect();
        let data = TensorData::new(numbers, [outputs.len()]);
        let rows = Tensor::from_data(data, &self.weight.lazy_device());
        Self { weight: rows_of(self.weight, rows.clone()), bias: rows_of(self.bias, rows), ..self }
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

/// Some rows of a parameter, as the same parameter.
fn rows_of<B: Backend, const D: usize>(
    parameter: Param<Tensor<B, D>>,
    rows: Tensor<B, 1, Int>,
) -> Param<Tensor<B, D>> {
    // Without the graph: what is loaded begins one.
    let numbers = parameter.val().detach().set_require_grad(false);
    let (id, chosen) = (parameter.id, numbers.select(0, rows));
    parameter.transform_for_load(chosen, id)
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
