use bertune_checkpoint::{Checkpoint, LoadReport, LoadRules, load_module};
use bertune_encoder::{
    BertConfig, BertModel, HiddenAct, Initializer, LayerNorm, Linear, PackedTokens,
};
use bertune_kernels::{Activation, BertOps, DropoutKey, Precision, ops};
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Int, Tensor, backend::Backend};

use crate::HeadError;

/// BERT that guesses hidden tokens: transformers' class of that name ([Devlin et al.,
/// 2019](https://arxiv.org/abs/1810.04805), 3.1). Its last map is the table of word embeddings.
#[derive(Module, Debug)]
pub struct BertForMaskedLM<B: Backend> {
    /// The encoder; only [`forward_pooled`](BertForMaskedLM::forward_pooled) reads its pooler.
    pub bert: BertModel<B>,
    /// The head.
    pub cls: MaskedLmHead<B>,
}

/// What stands on the encoder, `cls` in checkpoints.
#[derive(Module, Debug)]
pub struct MaskedLmHead<B: Backend> {
    /// The part of it that guesses.
    pub predictions: MaskedLmPredictions<B>,
}

/// A state's way to the scores of all tokens.
#[derive(Module, Debug)]
pub struct MaskedLmPredictions<B: Backend> {
    /// What comes before the table of words.
    pub transform: MaskedLmTransform<B>,
    /// `[vocabulary]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    precision: Precision,
}

/// `layer_norm(activation(dense(x)))`.
#[derive(Module, Debug)]
pub struct MaskedLmTransform<B: Backend> {
    /// The projection.
    pub dense: Linear<B>,
    /// The norm.
    pub layer_norm: LayerNorm<B>,
    #[module(skip)]
    hidden_act: HiddenAct,
}

/// A masked language model from a checkpoint.
#[derive(Debug)]
pub struct LoadedMaskedLm<B: Backend> {
    /// The model.
    pub model: BertForMaskedLM<B>,
    /// Its architecture.
    pub config: BertConfig,
    /// Where each parameter came from.
    pub report: LoadReport,
}

impl<B: Backend> BertForMaskedLM<B> {
    /// A model with new weights.
    pub fn new(config: &BertConfig, init: &Initializer, device: &B::Device) -> Self {
        let hidden = config.hidden_size;
        let head = init.at("cls");
        let transform = MaskedLmTransform {
            dense: Linear::new(hidden, hidden, &head.at("dense"), device),
            layer_norm: LayerNorm::new(hidden, config.layer_norm_eps, &head, device),
            hidden_act: config.hidden_act,
        };
        let bias = head.zeros([config.vocab_size], device);
        let predictions = MaskedLmPredictions { transform, bias, precision: Precision::F32 };
        Self { bert: BertModel::new(config, init, device), cls: MaskedLmHead { predictions } }
    }

    /// A masked language model as its folder has it; only a pooler may be missing.
    ///
    /// # Errors
    ///
    /// If the folder is no BERT with such a head, or is damaged.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<LoadedMaskedLm<B>, HeadError> {
        Self::load(checkpoint, &LoadRules::initialising(&["bert.pooler"]), 0, device)
    }

    /// A pretrained encoder that is to go on learning: where the folder has no such head, it begins
    /// anew.
    ///
    /// # Errors
    ///
    /// If the folder is no BERT, or is damaged, or lacks a tensor of the encoder.
    pub fn from_pretrained(
        checkpoint: &Checkpoint,
        seed: u64,
        device: &B::Device,
    ) -> Result<LoadedMaskedLm<B>, HeadError> {
        Self::load(checkpoint, &LoadRules::initialising(&["bert.pooler", "cls"]), seed, device)
    }

    /// The model with products of this precision.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.bert = self.bert.with_precision(precision);
        self.cls.predictions.precision = precision;
        self.cls.predictions.transform.dense.precision = precision;
        self
    }

    /// The device of the parameters.
    pub fn device(&self) -> B::Device {
        self.cls.predictions.bias.lazy_device()
    }

    fn load(
        checkpoint: &Checkpoint,
        rules: &LoadRules,
        seed: u64,
        device: &B::Device,
    ) -> Result<LoadedMaskedLm<B>, HeadError> {
        let config: BertConfig = checkpoint.config()?;
        let folder = checkpoint.folder().to_path_buf();
        config.validate().map_err(|source| HeadError::Config { folder, source })?;
        check_tied(checkpoint)?;
        let init = Initializer::new(seed, config.initializer_range);
        let model = Self::new(&config, &init, device);
        let (model, report) = load_module::<B, _>(model, checkpoint, rules, device)?;
        Ok(LoadedMaskedLm { model, config, report })
    }
}

/// Refuses a head with a table of its own, in whose place the word embeddings would be read.
fn check_tied(checkpoint: &Checkpoint) -> Result<(), HeadError> {
    let is_tied = checkpoint.config_json().get("tie_word_embeddings");
    match is_tied.and_then(serde_json::Value::as_bool) {
        Some(false) => Err(HeadError::Untied { folder: checkpoint.folder().to_path_buf() }),
        _ => Ok(()),
    }
}

impl<B: BertOps> BertForMaskedLM<B> {
    /// The scores of all tokens of the vocabulary at some places; dropout is active if there is a
    /// key. Nothing a vocabulary wide is computed anywhere else.
    ///
    /// # Shapes
    ///
    /// `[tokens]`, `places: [n]` → `[n, vocabulary]`.
    pub fn forward(
        &self,
        tokens: &PackedTokens<B>,
        places: Tensor<B, 1, Int>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        self.scores(self.bert.last_hidden_state_at(tokens, places, key))
    }

    /// [`forward`](Self::forward), and besides what the pooled output of each sequence makes of all
    /// tokens: the sequence's words, as one vector tells them.
    ///
    /// # Shapes
    ///
    /// `[tokens]`, `places: [n]` → `[n, vocabulary]`, `[sequences, vocabulary]`.
    pub fn forward_pooled(
        &self,
        tokens: &PackedTokens<B>,
        places: Tensor<B, 1, Int>,
        key: Option<DropoutKey>,
    ) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let [count] = places.dims();
        let rows = Tensor::cat(vec![places, tokens.firsts()], 0);
        let states = self.bert.last_hidden_state_at(tokens, rows, key);
        let firsts = states.clone().narrow(0, count, tokens.sequences.len());
        let pooled = self.bert.pool(firsts, key);
        (self.scores(states.narrow(0, 0, count)), self.scores(pooled))
    }

    /// The scores of all tokens of the vocabulary for some states.
    fn scores(&self, states: Tensor<B, 2>) -> Tensor<B, 2> {
        let MaskedLmPredictions { transform, bias, precision } = &self.cls.predictions;
        let words = self.bert.embeddings.word_embeddings.weight.val();
        ops::linear(transform.forward(states), words, bias.val(), *precision)
    }
}

impl<B: BertOps> MaskedLmTransform<B> {
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let activation = Activation::from(self.hidden_act);
        let x = ops::bias_activation(
            self.dense.without_bias(x, None),
            self.dense.bias.val(),
            activation,
        );
        ops::layer_norm_dropout(x, self.layer_norm.weights(), None)
    }
}
