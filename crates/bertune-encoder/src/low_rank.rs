use bertune_kernels::{BertOps, Dropout, DropoutKey, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::Initializer;

/// What a linear map learns in place of its weight: a change `scale · B · A` of low rank ([Hu et
/// al., 2021](https://arxiv.org/abs/2106.09685)), with dropout of its own on what it reads.
///
/// B is zero at first, so that the map is at first what it was.
#[derive(Module, Debug)]
pub struct LowRank<B: Backend> {
    /// A, the way down.
    pub lora_a: Factor<B>,
    /// B, the way up.
    pub lora_b: Factor<B>,
    scale: f64,
    dropout_probability: f64,
}

/// One of the two factors.
#[derive(Module, Debug)]
pub struct Factor<B: Backend> {
    /// `[rank, in]` of A, `[out, rank]` of B.
    pub weight: Param<Tensor<B, 2>>,
}

/// The size of a low-rank change, and how it takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRankConfig {
    /// The rank.
    pub rank: usize,
    /// What the product of the factors is multiplied with.
    pub scale: f64,
    /// The dropout probability of what the change reads.
    pub dropout: f64,
}

impl<B: Backend> LowRank<B> {
    /// A change that is nothing yet, of a map from `input` to `output` numbers. A is uniform up to
    /// `1 / √input`, as of a new linear map of PyTorch and in peft.
    pub fn new(
        config: LowRankConfig,
        [output, input]: [usize; 2],
        init: &Initializer,
        device: &B::Device,
    ) -> Self {
        let LowRankConfig { rank, scale, dropout } = config;
        let bound = 1.0 / (input as f64).sqrt();
        let lora_a = init.at("lora_A").uniform([rank, input], bound, device);
        Self {
            lora_a: Factor { weight: lora_a },
            lora_b: Factor { weight: init.zeros([output, rank], device) },
            scale,
            dropout_probability: dropout,
        }
    }

    /// The change of the weight, `scale · B · A`.
    ///
    /// # Shapes
    ///
    /// `[out, in]`.
    pub fn change(&self) -> Tensor<B, 2> {
        self.lora_b.weight.val().matmul(self.lora_a.weight.val()).mul_scalar(self.scale)
    }
}

impl<B: BertOps> LowRank<B> {
    /// `y`, the map's output for `x`, changed; dropout is active if there is a key.
    ///
    /// # Shapes
    ///
    /// `y: [rows, out]`, `x: [rows, in]` → `[rows, out]`.
    pub(crate) fn add_to(
        &self,
        y: Tensor<B, 2>,
        x: Tensor<B, 2>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let dropout = key.and_then(|key| Dropout::new(self.dropout_probability, key));
        let down = ops::dropout_project(x, self.lora_a.weight.val(), dropout); // [rows, rank]
        ops::add_project(y, down, self.lora_b.weight.val(), self.scale)
    }
}
