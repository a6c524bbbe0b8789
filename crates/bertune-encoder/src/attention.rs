use bertune_kernels::{BertOps, Dropout, DropoutKey, Sequences, ops};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{BertConfig, Initializer, LayerNorm, Linear};

/// Multi-head self-attention: each token looks at the tokens of its own sequence.
#[derive(Module, Debug)]
pub struct BertSelfAttention<B: Backend> {
    /// The projection to queries.
    pub query: Linear<B>,
    /// The projection to keys.
    pub key: Linear<B>,
    /// The projection to values.
    pub value: Linear<B>,
    pub(crate) heads: usize,
    dropout_probability: f64,
}

impl<B: Backend> BertSelfAttention<B> {
    fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let hidden = config.hidden_size;
        let linear = |name| Linear::new(hidden, hidden, &init.at(name), device);
        Self {
            query: linear("query"),
            key: linear("key"),
            value: linear("value"),
            heads: config.num_attention_heads,
            dropout_probability: config.attention_probs_dropout_prob,
        }
    }
}

impl<B: BertOps> BertSelfAttention<B> {
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[tokens, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        sequences: &Sequences,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let dropout = key.and_then(|key| Dropout::new(self.dropout_probability, key));
        let keys = low_rank_keys(key);
        let query = self.query.forward_with(x.clone(), keys[0]);
        let (key, value) = self.keys_and_values(x, keys);
        ops::varlen_attention(query, key, value, sequences, self.heads, dropout)
    }
}

impl<B: BertOps> BertSelfAttention<B> {
    /// The rows of [`forward`](Self::forward) that are `firsts`, the first tokens' states.
    ///
    /// # Shapes
    ///
    /// `firsts: [sequences, hidden]`, `x: [tokens, hidden]` → `[sequences, hidden]`.
    fn forward_firsts(
        &self,
        firsts: Tensor<B, 2>,
        x: Tensor<B, 2>,
        sequences: &Sequences,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let dropout = key.and_then(|key| Dropout::new(self.dropout_probability, key));
        let keys = low_rank_keys(key);
        let query = self.query.forward_with(firsts, keys[0]);
        let (key, value) = self.keys_and_values(x, keys);
        ops::first_attention(query, key, value, sequences, self.heads, dropout)
    }

    fn keys_and_values(
        &self,
        x: Tensor<B, 2>,
        keys: [Option<DropoutKey>; 3],
    ) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let [_, for_key, for_value] = keys;
        (self.key.forward_with(x.clone(), for_key), self.value.forward_with(x, for_value))
    }
}

/// The dropout keys of the low-rank changes of queries, keys and values: sites of this one.
fn low_rank_keys(key: Option<DropoutKey>) -> [Option<DropoutKey>; 3] {
    [0, 1, 2].map(|map| key.map(|key| key.site(0, map)))
}

/// How the attention block ends: `layer_norm(dropout(dense(x)) + residual)`.
#[derive(Module, Debug)]
pub struct BertSelfOutput<B: Backend> {
    /// The projection of all heads together.
    pub dense: Linear<B>,
    /// The norm of the sum.
    pub layer_norm: LayerNorm<B>,
    dropout_probability: f64,
}

impl<B: Backend> BertSelfOutput<B> {
    /// The end of a block whose inside is `inner` wide.
    pub(crate) fn new(
        config: &BertConfig,
        inner: usize,
        init: &Initializer,
        device: &B::Device,
    ) -> Self {
        let hidden = config.hidden_size;
        Self {
            dense: Linear::new(inner, hidden, &init.at("dense"), device),
            layer_norm: LayerNorm::new(hidden, config.layer_norm_eps, init, device),
            dropout_probability: config.hidden_dropout_prob,
        }
    }
}

impl<B: BertOps> BertSelfOutput<B> {
    /// # Shapes
    ///
    /// `x: [tokens, inner]`, `residual: [tokens, hidden]` → `[tokens, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let dropout = key.and_then(|key| Dropout::new(self.dropout_probability, key));
        let x = self.dense.without_bias(x, key.map(|key| key.site(0, 0)));
        let norm = self.layer_norm.weights();
        ops::dropout_add_layer_norm(x, self.dense.bias.val(), residual, norm, dropout)
    }
}

/// The attention block of a layer.
#[derive(Module, Debug)]
pub struct BertAttention<B: Backend> {
    /// `attention.self` in checkpoints.
    pub self_attention: BertSelfAttention<B>,
    /// The block's end.
    pub output: BertSelfOutput<B>,
}

impl<B: Backend> BertAttention<B> {
    pub(crate) fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        Self {
            self_attention: BertSelfAttention::new(config, &init.at("self"), device),
            output: BertSelfOutput::new(config, config.hidden_size, &init.at("output"), device),
        }
    }
}

impl<B: BertOps> BertAttention<B> {
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[tokens, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        sequences: &Sequences,
        keys: [Option<DropoutKey>; 2],
    ) -> Tensor<B, 2> {
        let attended = self.self_attention.forward(x.clone(), sequences, keys[0]);
        self.output.forward(attended, x, keys[1])
    }

    /// The rows of [`forward`](Self::forward) that are `firsts`, the first tokens' states.
    ///
    /// # Shapes
    ///
    /// `firsts: [sequences, hidden]`, `x: [tokens, hidden]` → `[sequences, hidden]`.
    pub fn forward_firsts(
        &self,
        firsts: Tensor<B, 2>,
        x: Tensor<B, 2>,
        sequences: &Sequences,
        keys: [Option<DropoutKey>; 2],
    ) -> Tensor<B, 2> {
        let attended = self.self_attention.forward_firsts(firsts.clone(), x, sequences, keys[0]);
        self.output.forward(attended, firsts, keys[1])
    }
}
