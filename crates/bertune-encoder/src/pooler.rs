use bertune_kernels::BertOps;
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{BertConfig, Initializer, Linear, PackedTokens};

/// `tanh(dense([CLS]))`: the sequence in one vector.
#[derive(Module, Debug)]
pub struct BertPooler<B: Backend> {
    /// The projection of `[CLS]`.
    pub dense: Linear<B>,
}

impl<B: Backend> BertPooler<B> {
    pub(crate) fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let hidden = config.hidden_size;
        Self { dense: Linear::new(hidden, hidden, &init.at("dense"), device) }
    }
}

impl<B: BertOps> BertPooler<B> {
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[sequences, hidden]`.
    pub fn forward(&self, hidden_states: Tensor<B, 2>, tokens: &PackedTokens<B>) -> Tensor<B, 2> {
        self.dense.forward(tokens.first_of_each(hidden_states)).tanh()
    }
}
