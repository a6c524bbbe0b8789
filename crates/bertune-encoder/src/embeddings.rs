use bertune_kernels::{BertOps, Dropout, DropoutKey, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{BertConfig, Initializer, LayerNorm, PackedTokens};

/// A table with one row for each id.
#[derive(Module, Debug)]
pub struct Embedding<B: Backend> {
    /// `[ids, hidden]`.
    pub weight: Param<Tensor<B, 2>>,
}

impl<B: Backend> Embedding<B> {
    /// Normal rows.
    pub fn new(ids: usize, hidden: usize, init: &Initializer, device: &B::Device) -> Self {
        Self { weight: init.normal([ids, hidden], device) }
    }
}

/// The sum of word, position and token-type embeddings, normalised, with dropout.
#[derive(Module, Debug)]
pub struct BertEmbeddings<B: Backend> {
    /// One row for each token of the vocabulary.
    pub word_embeddings: Embedding<B>,
    /// One row for each position.
    pub position_embeddings: Embedding<B>,
    /// One row for each token type.
    pub token_type_embeddings: Embedding<B>,
    /// The norm of the sum.
    pub layer_norm: LayerNorm<B>,
    dropout_probability: f64,
}

impl<B: Backend> BertEmbeddings<B> {
    /// New embeddings.
    pub fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let table = |ids, name| Embedding::new(ids, config.hidden_size, &init.at(name), device);
        Self {
            word_embeddings: table(config.vocab_size, "word_embeddings"),
            position_embeddings: table(config.max_position_embeddings, "position_embeddings"),
            token_type_embeddings: table(config.type_vocab_size, "token_type_embeddings"),
            layer_norm: LayerNorm::new(config.hidden_size, config.layer_norm_eps, init, device),
            dropout_probability: config.hidden_dropout_prob,
        }
    }
}

impl<B: BertOps> BertEmbeddings<B> {
    /// # Shapes
    ///
    /// `[tokens]` → `[tokens, hidden]`.
    pub fn forward(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let tables =
            [&self.word_embeddings, &self.position_embeddings, &self.token_type_embeddings];
        let ids = [&tokens.input_ids, &tokens.position_ids, &tokens.token_type_ids];
        let tables = tables.map(|table| table.weight.val());
        let sum = ops::embedding_sum(tables, ids.map(Tensor::clone));
        let dropout = key.and_then(|key| Dropout::new(self.dropout_probability, key));
        ops::layer_norm_dropout(sum, self.layer_norm.weights(), dropout)
    }
}
