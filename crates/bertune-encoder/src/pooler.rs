use bertune_kernels::{BertOps, DropoutKey};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{BertConfig, Initializer, Linear};

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
    /// The vectors of sequences from the states of their first tokens.
    ///
    /// # Shapes
    ///
    /// `[sequences, hidden]` → `[sequences, hidden]`.
    pub fn forward(&self, firsts: Tensor<B, 2>) -> Tensor<B, 2> {
        self.forward_with(firsts, None)
    }

    /// [`forward`](Self::forward) with dropout in the low-rank change, if there is one and a key.
    pub(crate) fn forward_with(
        &self,
        firsts: Tensor<B, 2>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        self.dense.forward_with(firsts, key).tanh()
    }
}
