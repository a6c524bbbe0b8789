use bertune_kernels::{
    Activation, BertOps, DropoutKey, LayerRows, LayerWeights, Precision, Sequences, ops,
};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Int, Tensor, backend::Backend};

use crate::attention::{BertAttention, BertSelfAttention, BertSelfOutput};
use crate::{BertConfig, HiddenAct, Initializer, Linear, PackedTokens};

/// The first half of the feed-forward block.
#[derive(Module, Debug)]
pub struct BertIntermediate<B: Backend> {
    /// The projection to the inner width.
    pub dense: Linear<B>,
}

/// The second half of the feed-forward block, which ends as the attention block does.
pub type BertOutput<B> = BertSelfOutput<B>;

/// One layer: attention and feed-forward, each followed by a norm (post-norm).
#[derive(Module, Debug)]
pub struct BertLayer<B: Backend> {
    /// The attention block.
    pub attention: BertAttention<B>,
    /// The feed-forward block's first half.
    pub intermediate: BertIntermediate<B>,
    /// The feed-forward block's second half.
    pub output: BertOutput<B>,
    #[module(skip)]
    hidden_act: HiddenAct,
}

impl<B: Backend> BertLayer<B> {
    pub(crate) fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let dense = Linear::new(hidden, inner, &init.at("intermediate"), device);
        Self {
            attention: BertAttention::new(config, &init.at("attention"), device),
            intermediate: BertIntermediate { dense },
            output: BertSelfOutput::new(config, inner, &init.at("output"), device),
            hidden_act: config.hidden_act,
        }
    }
}

/// The names of a layer's linear maps in it, as checkpoints have them.
pub(crate) const LINEAR_MAPS: [&str; 6] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
];

impl<B: Backend> BertLayer<B> {
    /// The layer's linear maps, in the order of [`LINEAR_MAPS`].
    pub(crate) fn linear_maps(&mut self) -> [&mut Linear<B>; 6] {
        let Self { attention, intermediate, output, .. } = self;
        let inputs = &mut attention.self_attention;
        [
            &mut inputs.query,
            &mut inputs.key,
            &mut inputs.value,
            &mut attention.output.dense,
            &mut intermediate.dense,
            &mut output.dense,
        ]
    }
}

impl<B: BertOps> BertLayer<B> {
    /// The layer's output; dropout is drawn from the sites 0 to 2 of `layer` if there is a key.
    ///
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[tokens, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        sequences: &Sequences,
        layer: u32,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        if key.is_none()
            && let Some(states) = self.in_one_piece(&x, sequences, LayerRows::All)
        {
            return states;
        }
        let keys = Self::keys(layer, key);
        let x = self.attention.forward(x, sequences, [keys[0], keys[1]]);
        self.feed_forward(x, keys[2])
    }

    /// The rows of [`forward`](Self::forward) that are the first tokens': all that a classifier
    /// reads of the last layer, at a fraction of its work. Dropout is drawn anew for these rows.
    ///
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[sequences, hidden]`.
    pub fn forward_firsts(
        &self,
        x: Tensor<B, 2>,
        tokens: &PackedTokens<B>,
        layer: u32,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        if key.is_none()
            && let Some(states) = self.in_one_piece(&x, &tokens.sequences, LayerRows::Firsts)
        {
            return states;
        }
        let keys = Self::keys(layer, key);
        // Burn 0.21's fusion computes wrong queries, keys or values where the rows are not settled.
        let firsts = ops::settled(tokens.first_of_each(x.clone()));
        let x = self.attention.forward_firsts(firsts, x, &tokens.sequences, [keys[0], keys[1]]);
        self.feed_forward(x, keys[2])
    }

    /// Some rows of [`forward`](Self::forward), without the work that the others need after
    /// attention. Dropout there is drawn anew for these rows.
    ///
    /// # Shapes
    ///
    /// `x: [tokens, hidden]`, `rows: [n]` → `[n, hidden]`.
    pub fn forward_rows(
        &self,
        x: Tensor<B, 2>,
        rows: Tensor<B, 1, Int>,
        sequences: &Sequences,
        layer: u32,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let keys = Self::keys(layer, key);
        let x = self.attention.forward(x, sequences, [keys[0], keys[1]]);
        self.feed_forward(ops::settled(x.select(0, rows)), keys[2])
    }

    /// The keys of a layer's three sites.
    fn keys(layer: u32, key: Option<DropoutKey>) -> [Option<DropoutKey>; 3] {
        [0, 1, 2].map(|site| key.map(|key| key.site(layer, site)))
    }

    /// The layer without dropout, where the backend has it in one piece.
    fn in_one_piece(
        &self,
        x: &Tensor<B, 2>,
        sequences: &Sequences,
        rows: LayerRows,
    ) -> Option<Tensor<B, 2>> {
        let precision = self.intermediate.dense.precision;
        let is_f32 = precision == Precision::F32 || !B::has_precision(precision);
        let is_plain = is_f32 && !self.has_low_rank_change();
        is_plain.then(|| ops::layer(x.clone(), self.weights(), sequences, rows)).flatten()
    }

    fn has_low_rank_change(&self) -> bool {
        let Self { attention, intermediate, output, .. } = self;
        let BertSelfAttention { query, key, value, .. } = &attention.self_attention;
        let ends = [&attention.output.dense, &intermediate.dense, &output.dense];
        [query, key, value].iter().chain(&ends).any(|map| map.low_rank.is_some())
    }

    fn weights(&self) -> LayerWeights<Tensor<B, 2>, Tensor<B, 1>> {
        let Self { attention, intermediate, output, .. } = self;
        let inputs = &attention.self_attention;
        LayerWeights {
            inputs: [&inputs.query, &inputs.key, &inputs.value].map(Linear::weights),
            attention_output: attention.output.dense.weights(),
            attention_norm: attention.output.layer_norm.weights(),
            intermediate: intermediate.dense.weights(),
            output: output.dense.weights(),
            output_norm: output.layer_norm.weights(),
            heads: inputs.heads,
            activation: Activation::from(self.hidden_act),
        }
    }

    fn feed_forward(&self, x: Tensor<B, 2>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let dense = &self.intermediate.dense;
        let inner = dense.without_bias(x.clone(), key.map(|key| key.site(0, 1)));
        let inner =
            ops::bias_activation(inner, dense.bias.val(), Activation::from(self.hidden_act));
        self.output.forward(inner, x, key)
    }
}
