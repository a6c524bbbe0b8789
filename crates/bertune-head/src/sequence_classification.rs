use std::path::Path;

use bertune_checkpoint::{Checkpoint, CheckpointError, LoadReport, LoadRules, load_module};
use bertune_encoder::{BertModel, ConfigError, Initializer, Linear, PackedTokens};
use bertune_kernels::{BertOps, Dropout, DropoutKey, Precision, ops};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{Adaptation, DecisionError, LabelNames, Pooling, SequenceClassificationConfig};

/// The dropout site of the classifier: a layer number that no encoder layer has.
const CLASSIFIER: u32 = u32::MAX;

/// BERT with dropout and a linear classifier on its pooled output.
#[derive(Module, Debug)]
pub struct BertForSequenceClassification<B: Backend> {
    /// The encoder.
    pub bert: BertModel<B>,
    /// The classifier.
    pub classifier: Linear<B>,
    pub(crate) dropout_probability: f64,
    #[module(skip)]
    pub(crate) pooling: Pooling,
}

/// Why a checkpoint does not give a classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The folder or one of its files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The architecture it names.
    #[error("{folder}: {source}")]
    Config {
        /// The checkpoint's folder.
        folder: std::path::PathBuf,
        /// What is wrong.
        source: ConfigError,
    },
    /// The temperature or the thresholds that its `config.json` has.
    #[error("{folder}/config.json: {source}")]
    Decisions {
        /// The checkpoint's folder.
        folder: std::path::PathBuf,
        /// What is wrong.
        source: DecisionError,
    },
    /// A masked language model whose last map is not the table of its word embeddings.
    #[error(
        "{folder}/config.json: tie_word_embeddings is false; only masked language models whose \
         head is tied to the word embeddings are supported"
    )]
    Untied {
        /// The checkpoint's folder.
        folder: std::path::PathBuf,
    },
    /// An adapter is to be put on another base than its own.
    #[error(
        "{}: this adapter belongs to a base with the hash {expected}, but {} has {found}; give its \
         own base",
        adapter.display(), base.display()
    )]
    OtherBase {
        /// The adapter's folder.
        adapter: std::path::PathBuf,
        /// The base's folder.
        base: std::path::PathBuf,
        /// The hash of the adapter's base.
        expected: String,
        /// The hash of the base that was given.
        found: String,
    },
    /// An adapter belongs to a base that computes something else with its weights.
    #[error(
        "{} was trained on a base whose {key} is {expected}, and that of {} is {found}; name the base \
         that it was trained on",
        adapter.display(), base.display()
    )]
    OtherArchitecture {
        /// The adapter's folder.
        adapter: std::path::PathBuf,
        /// The base's folder.
        base: std::path::PathBuf,
        /// The key of `config.json`.
        key: &'static str,
        /// Its value where the adapter was trained.
        expected: String,
        /// Its value in the base that was given.
        found: String,
    },
    /// More layers are to begin anew than there are.
    #[error(
        "reinit_layers is {asked}, but the model has {layers} layer{}",
        if *layers == 1 { "" } else { "s" }
    )]
    ReinitLayers {
        /// The number asked for.
        asked: usize,
        /// The number there is.
        layers: usize,
    },
    /// A dropout probability is none.
    #[error("{key} is {value}, but must be at least 0 and below 1")]
    Dropout {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
    },
}

/// A classifier from a checkpoint.
#[derive(Debug)]
pub struct Loaded<B: Backend> {
    /// The model.
    pub model: BertForSequenceClassification<B>,
    /// Its architecture and classes.
    pub config: SequenceClassificationConfig,
    /// Where each parameter came from.
    pub report: LoadReport,
}

impl<B: Backend> Loaded<B> {
    /// Whether the classifier is the checkpoint's own.
    pub fn keeps_classifier(&self) -> bool {
        !self.report.initialised.iter().any(|name| name.starts_with("classifier."))
    }
}

impl<B: Backend> BertForSequenceClassification<B> {
    /// A model with new weights.
    pub fn new(
        config: &SequenceClassificationConfig,
        init: &Initializer,
        device: &B::Device,
    ) -> Self {
        let (hidden, classes) = (config.bert.hidden_size, config.classes());
        Self {
            bert: BertModel::new(&config.bert, init, device),
            classifier: Linear::new(hidden, classes, &init.at("classifier"), device),
            dropout_probability: config.dropout_probability(),
            pooling: config.pooling,
        }
    }

    /// A fine-tuned classifier as its folder has it: every parameter must be there.
    ///
    /// # Errors
    ///
    /// If the folder is no BERT classifier, or is damaged.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Loaded<B>, HeadError> {
        let config = read_config(checkpoint)?;
        Self::load(checkpoint, config, &Initializer::new(0, 0.02), &LoadRules::all(), device)
    }

    /// A pretrained encoder with a classifier as `adaptation` wants it, which keeps the folder's
    /// own classifier if it has those very labels, whatever their order, and else begins anew.
    ///
    /// # Errors
    ///
    /// If the folder is no BERT, or is damaged, or lacks a tensor of the encoder, or if
    /// `adaptation` asks for more layers than there are or for no probability.
    pub fn from_pretrained(
        checkpoint: &Checkpoint,
        adaptation: Adaptation,
        device: &B::Device,
    ) -> Result<Loaded<B>, HeadError> {
        let pretrained = read_config(checkpoint)?;
        let own_outputs = adaptation.own_outputs(&pretrained);
        let new_layers = adaptation.new_layers(pretrained.bert.num_hidden_layers)?;
        let mut replaced: Vec<&str> = new_layers.iter().map(String::as_str).collect();
        let rules = if own_outputs.is_some() {
            LoadRules::initialising(&["bert.pooler", "classifier"])
        } else {
            replaced.push("classifier");
            LoadRules::initialising(&["bert.pooler"])
        };
        let init = Initializer::new(adaptation.seed, pretrained.bert.initializer_range);
        let config = adaptation.apply(pretrained)?;
        let mut loaded =
            Self::load(checkpoint, config, &init, &rules.replacing(&replaced), device)?;
        if let Some(outputs) = own_outputs.filter(|_| loaded.keeps_classifier()) {
            loaded.model.classifier = loaded.model.classifier.with_outputs(&outputs);
        }
        Ok(loaded)
    }

    /// A classifier of the folder's architecture whose weights are all new, the encoder's too:
    /// what a pretrained one is to be compared with. The folder's numbers are not read.
    ///
    /// # Errors
    ///
    /// If the folder is no BERT, or if `adaptation` asks for no probability.
    pub fn from_scratch(
        checkpoint: &Checkpoint,
        adaptation: Adaptation,
        device: &B::Device,
    ) -> Result<Loaded<B>, HeadError> {
        let pretrained = read_config(checkpoint)?;
        let init = Initializer::new(adaptation.seed, pretrained.bert.initializer_range);
        let config = adaptation.apply(pretrained)?;
        let all = ["bert.embeddings", "bert.encoder", "bert.pooler", "classifier"];
        let rules = LoadRules::all().replacing(&all);
        Self::load(checkpoint, config, &init, &rules, device)
    }

    /// The model with products of this precision in its layers; the classifier's stay f32.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { bert: self.bert.with_precision(precision), ..self }
    }

    /// The device of the parameters.
    pub fn device(&self) -> B::Device {
        self.classifier.weight.lazy_device()
    }

    /// Whether the scores depend on the parameter of this Hugging Face name: they do not on the
    /// pooler where the mean is read.
    pub fn reads(&self, name: &str) -> bool {
        self.pooling.reads(name)
    }

    /// Which vector the classifier reads.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    fn load(
        checkpoint: &Checkpoint,
        config: SequenceClassificationConfig,
        init: &Initializer,
        rules: &LoadRules,
        device: &B::Device,
    ) -> Result<Loaded<B>, HeadError> {
        let model = Self::new(&config, init, device);
        let (model, report) = load_module::<B, _>(model, checkpoint, rules, device)?;
        Ok(Loaded { model, config, report })
    }
}

/// The architecture of a checkpoint, checked.
pub(crate) fn read_config(
    checkpoint: &Checkpoint,
) -> Result<SequenceClassificationConfig, HeadError> {
    let mut config: SequenceClassificationConfig = checkpoint.config()?;
    if let Some(classes) = stated_classes(checkpoint)
        && classes != config.classes()
    {
        config.labels = Some(LabelNames::numbered(classes));
    }
    check_config(&config, checkpoint.folder())?;
    Ok(config)
}

pub(crate) fn check_config(
    config: &SequenceClassificationConfig,
    folder: &Path,
) -> Result<(), HeadError> {
    let folder = || folder.to_path_buf();
    config.bert.validate().map_err(|source| HeadError::Config { folder: folder(), source })?;
    let decisions = config.decisions.validate(config.classes());
    decisions.map_err(|source| HeadError::Decisions { folder: folder(), source })
}

/// `num_labels`, which old checkpoints have beside two default names: where they disagree,
/// transformers takes the number, and so do we.
fn stated_classes(checkpoint: &Checkpoint) -> Option<usize> {
    let classes = checkpoint.config_json().get("num_labels")?.as_u64()?;
    usize::try_from(classes).ok().filter(|classes| (1..=1 << 20).contains(classes))
}

impl<B: BertOps> BertForSequenceClassification<B> {
    /// The score of each class; dropout is active if there is a key.
    ///
    /// Of an example in windows, the classifier reads the mean of their pooled vectors, so that
    /// without dropout its scores are the mean of its windows' scores.
    ///
    /// # Shapes
    ///
    /// `[tokens]` → `[examples, classes]`.
    pub fn forward(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> Tensor<B, 2> {
        let Self { bert, classifier, dropout_probability, pooling } = self;
        Head { classifier, dropout_probability: *dropout_probability, pooling: *pooling }
            .forward(bert, tokens, key)
    }
}

/// What stands on an encoder.
pub(crate) struct Head<'a, B: Backend> {
    pub(crate) classifier: &'a Linear<B>,
    pub(crate) dropout_probability: f64,
    pub(crate) pooling: Pooling,
}

impl<B: BertOps> Head<'_, B> {
    /// The scores, as [`BertForSequenceClassification::forward`] gives them.
    pub(crate) fn forward(
        &self,
        bert: &BertModel<B>,
        tokens: &PackedTokens<B>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let pooled = match self.pooling {
            Pooling::Pooler => bert.pooled_output(tokens, key),
            Pooling::Mean => tokens.mean_of_each(bert.last_hidden_state(tokens, key)),
        };
        let pooled = tokens.mean_of_windows(pooled);
        let site = key.map(|key| key.site(CLASSIFIER, 0));
        let dropout = site.and_then(|key| Dropout::new(self.dropout_probability, key));
        self.classifier.forward(ops::dropout(pooled, dropout))
    }
}
