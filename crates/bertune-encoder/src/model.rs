use bertune_kernels::{BertOps, DropoutKey, Precision};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Int, Tensor, backend::Backend};

use crate::layer::LINEAR_MAPS;
use crate::{BertConfig, BertEmbeddings, BertLayer, BertPooler, Initializer, Linear, PackedTokens};

/// The dropout site of the pooler's low-rank change: a layer number that no encoder layer has.
const POOLER: u32 = u32::MAX - 1;

/// BERT without a head.
///
/// Dropout is active where a key is given: a training step passes a new one each time,
/// everything else `None`.
#[derive(Module, Debug)]
pub struct BertModel<B: Backend> {
    /// The embeddings.
    pub embeddings: BertEmbeddings<B>,
    /// The layers.
    pub encoder: BertEncoder<B>,
    /// The pooler.
    pub pooler: BertPooler<B>,
}

/// The stack of layers.
#[derive(Module, Debug)]
pub struct BertEncoder<B: Backend> {
    /// The layers, from the embeddings upwards.
    pub layer: Vec<BertLayer<B>>,
}

/// What BERT makes of a batch.
#[derive(Clone, Debug)]
pub struct BertModelOutput<B: Backend> {
    /// The last layer's states, `[tokens, hidden]`.
    pub last_hidden_state: Tensor<B, 2>,
    /// Each sequence in one vector, `[sequences, hidden]`.
    pub pooled_output: Tensor<B, 2>,
}

impl<B: Backend> BertModel<B> {
    /// A model with new weights, which [`load_module`](bertune_checkpoint::load_module) replaces.
    pub fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let init = init.at("bert");
        let layer = |i| BertLayer::new(config, &init.at(&format!("layer.{i}")), device);
        Self {
            embeddings: BertEmbeddings::new(config, &init.at("embeddings"), device),
            encoder: BertEncoder { layer: (0..config.num_hidden_layers).map(layer).collect() },
            pooler: BertPooler::new(config, &init.at("pooler"), device),
        }
    }

    /// The model with products of this precision in its layers; the pooler's stay f32.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        let maps = self.encoder.layer.iter_mut().flat_map(BertLayer::linear_maps);
        maps.for_each(|map| map.precision = precision);
        self
    }

    /// The linear maps of the layers and of the pooler by their Hugging Face names, such as
    /// `bert.encoder.layer.0.attention.self.query`.
    pub fn linear_maps(&mut self) -> Vec<(String, &mut Linear<B>)> {
        let layers = self.encoder.layer.iter_mut().enumerate();
        let mut maps: Vec<_> = layers
            .flat_map(|(i, layer)| {
                LINEAR_MAPS
                    .into_iter()
                    .zip(layer.linear_maps())
                    .map(move |(name, map)| (format!("bert.encoder.layer.{i}.{name}"), map))
            })
            .collect();
        maps.push(("bert.pooler.dense".to_owned(), &mut self.pooler.dense));
        maps
    }
}

impl<B: BertOps> BertModel<B> {
    /// The last states and the pooled output.
    pub fn forward(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> BertModelOutput<B> {
        let last_hidden_state = self.last_hidden_state(tokens, key);
        let firsts = tokens.first_of_each(last_hidden_state.clone());
        let pooled_output = self.pool(firsts, key);
        BertModelOutput { last_hidden_state, pooled_output }
    }

    /// Each sequence in one vector, `forward`'s `pooled_output` without dropout, at less work: of the
    /// last layer only the first tokens' states are computed.
    ///
    /// # Shapes
    ///
    /// `[tokens]` → `[sequences, hidden]`.
    pub fn pooled_output(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let embedded = self.embed(tokens, key);
        let Some((last, below)) = self.encoder.layer.split_last() else {
            return self.pool(tokens.first_of_each(embedded), key);
        };
        let x = self.layers(below, embedded, tokens, key);
        let number = below.len() as u32 + 1;
        self.pool(last.forward_firsts(x, tokens, number, key), key)
    }

    /// The pooled output of sequences whose first tokens have these states.
    ///
    /// # Shapes
    ///
    /// `[sequences, hidden]` → `[sequences, hidden]`.
    pub fn pool(&self, firsts: Tensor<B, 2>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        self.pooler.forward_with(firsts, key.map(|key| key.site(POOLER, 0)))
    }

    /// The last layer's states.
    ///
    /// # Shapes
    ///
    /// `[tokens]` → `[tokens, hidden]`.
    pub fn last_hidden_state(
        &self,
        tokens: &PackedTokens<B>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        self.layers(&self.encoder.layer, self.embed(tokens, key), tokens, key)
    }

    /// Some rows of [`last_hidden_state`](Self::last_hidden_state): what a masked language model
    /// reads, at less work. Without dropout they are equal.
    ///
    /// # Shapes
    ///
    /// `[tokens]`, `rows: [n]` → `[n, hidden]`.
    pub fn last_hidden_state_at(
        &self,
        tokens: &PackedTokens<B>,
        rows: Tensor<B, 1, Int>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let embedded = self.embed(tokens, key);
        let Some((last, below)) = self.encoder.layer.split_last() else {
            return embedded.select(0, rows);
        };
        let x = self.layers(below, embedded, tokens, key);
        last.forward_rows(x, rows, &tokens.sequences, below.len() as u32 + 1, key)
    }

    /// The embeddings' output and every layer's, `num_hidden_layers + 1` in all.
    ///
    /// # Shapes
    ///
    /// `[tokens]` → `[tokens, hidden]` each.
    pub fn hidden_states(
        &self,
        tokens: &PackedTokens<B>,
        key: Option<DropoutKey>,
    ) -> Vec<Tensor<B, 2>> {
        let mut states = vec![self.embed(tokens, key)];
        for (layer, i) in self.encoder.layer.iter().zip(1..) {
            let below = states[states.len() - 1].clone();
            states.push(layer.forward(below, &tokens.sequences, i, key));
        }
        states
    }

    /// What the lowest layers make of the embeddings.
    fn layers(
        &self,
        layers: &[BertLayer<B>],
        embedded: Tensor<B, 2>,
        tokens: &PackedTokens<B>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let layers = layers.iter().zip(1..);
        layers.fold(embedded, |x, (layer, i)| layer.forward(x, &tokens.sequences, i, key))
    }

    fn embed(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        self.embeddings.forward(tokens, key.map(|key| key.site(0, 0)))
    }
}
