use bertune_checkpoint::{Checkpoint, LoadReport, LoadRules, load_module};
use bertune_encoder::{BertModel, Initializer, Linear, PackedTokens};
use bertune_kernels::{BertOps, DropoutKey, Precision};
use burn_core as burn;
use burn_core::module::Module;
use burn_core::tensor::{Tensor, backend::Backend};

use crate::sequence_classification::{Head, read_config};
use crate::{
    Adaptation, BertForSequenceClassification, HeadError, Pooling, SequenceClassificationConfig,
};

/// One BERT, its pooler too, with a classifier for each of several tasks: hard parameter sharing
/// ([Caruana, 1997](https://doi.org/10.1023/A:1007379606734)).
///
/// Its parameters are `bert.…` and, for the task number `i`, `classifier.i.weight` and
/// `classifier.i.bias`.
#[derive(Module, Debug)]
pub struct BertForTasks<B: Backend> {
    /// The encoder that all tasks share.
    pub bert: BertModel<B>,
    /// The classifier of each task.
    pub classifier: Vec<Linear<B>>,
    dropout_probability: f64,
    #[module(skip)]
    pooling: Pooling,
}

/// A model of several tasks from a checkpoint.
#[derive(Debug)]
pub struct LoadedTasks<B: Backend> {
    /// The model.
    pub model: BertForTasks<B>,
    /// The architecture and classes of each task.
    pub configs: Vec<SequenceClassificationConfig>,
    /// Where each parameter came from.
    pub report: LoadReport,
    /// Whether each task's classifier is the checkpoint's own.
    pub keeps_classifier: Vec<bool>,
}

/// The classifier of a checkpoint, by its name there.
#[derive(Module, Debug)]
struct OwnClassifier<B: Backend> {
    classifier: Linear<B>,
}

impl<B: Backend> BertForTasks<B> {
    /// A model with new weights. What is the encoder's is taken from the first configuration, and so
    /// are dropout and pooling.
    ///
    /// # Panics
    ///
    /// If there is no task.
    pub fn new(
        configs: &[SequenceClassificationConfig],
        init: &Initializer,
        device: &B::Device,
    ) -> Self {
        assert!(!configs.is_empty(), "there is at least one task");
        let first = &configs[0];
        let classifier = |(i, config): (usize, &SequenceClassificationConfig)| {
            let init = init.at(&format!("classifier.{i}"));
            Linear::new(first.bert.hidden_size, config.classes(), &init, device)
        };
        Self {
            bert: BertModel::new(&first.bert, init, device),
            classifier: configs.iter().enumerate().map(classifier).collect(),
            dropout_probability: first.dropout_probability(),
            pooling: first.pooling,
        }
    }

    /// A pretrained encoder with a classifier for each of the adaptations, which are to differ in
    /// their labels alone. A task that has the very labels of the folder's own classifier begins with
    /// a copy of it, the others anew.
    ///
    /// # Errors
    ///
    /// As [`BertForSequenceClassification::from_pretrained`].
    ///
    /// # Panics
    ///
    /// If there is no adaptation.
    pub fn from_pretrained(
        checkpoint: &Checkpoint,
        adaptations: Vec<Adaptation>,
        device: &B::Device,
    ) -> Result<LoadedTasks<B>, HeadError> {
        let pretrained = read_config(checkpoint)?;
        assert!(!adaptations.is_empty(), "there is at least one task");
        let first = &adaptations[0];
        let init = Initializer::new(first.seed, pretrained.bert.initializer_range);
        let mut replaced = first.new_layers(pretrained.bert.num_hidden_layers)?;
        replaced.push("classifier".to_owned());
        let replaced: Vec<&str> = replaced.iter().map(String::as_str).collect();
        let rules = LoadRules::initialising(&["bert.pooler"]).replacing(&replaced);
        let own_outputs = adaptations.iter().map(|task| task.own_outputs(&pretrained));
        let own_outputs: Vec<Option<Vec<usize>>> = own_outputs.collect();
        let configs = adaptations.into_iter().map(|task| task.apply(pretrained.clone()));
        let configs = configs.collect::<Result<Vec<_>, _>>()?;
        let model = Self::new(&configs, &init, device);
        let (mut model, mut report) = load_module::<B, _>(model, checkpoint, &rules, device)?;
        let mut keeps_classifier = Vec::new();
        for (task, outputs) in own_outputs.iter().enumerate() {
            let takes = |outputs: &Vec<usize>| {
                model.take_classifier((task, outputs), checkpoint, &mut report, device)
            };
            keeps_classifier.push(outputs.as_ref().map_or(Ok(false), takes)?);
        }
        Ok(LoadedTasks { model, configs, report, keeps_classifier })
    }

    /// Gives a task these outputs of the checkpoint's own classifier, and says whether there is one.
    fn take_classifier(
        &mut self,
        (task, outputs): (usize, &[usize]),
        checkpoint: &Checkpoint,
        report: &mut LoadReport,
        device: &B::Device,
    ) -> Result<bool, HeadError> {
        let own = OwnClassifier { classifier: self.classifier[task].clone() };
        let rules = LoadRules::initialising(&["classifier"]);
        let (own, found) = load_module::<B, _>(own, checkpoint, &rules, device)?;
        if !found.initialised.is_empty() {
            return Ok(false);
        }
        self.classifier[task] = own.classifier.with_outputs(outputs);
        let new = format!("classifier.{task}.");
        report.initialised.retain(|name| !name.starts_with(&new));
        let (used, ignored) = report.ignored.drain(..).partition(|name| found.used.contains(name));
        report.used.extend::<Vec<_>>(used);
        report.ignored = ignored;
        Ok(true)
    }

    /// A task's model by itself, with the encoder that all share.
    ///
    /// # Panics
    ///
    /// If there is no task of this number.
    pub fn task(&self, task: usize) -> BertForSequenceClassification<B> {
        BertForSequenceClassification {
            bert: self.bert.clone(),
            classifier: self.classifier[task].clone(),
            dropout_probability: self.dropout_probability,
            pooling: self.pooling,
        }
    }

    /// The model with products of this precision in its layers; the classifiers' stay f32.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { bert: self.bert.with_precision(precision), ..self }
    }

    /// The device of the parameters.
    pub fn device(&self) -> B::Device {
        self.bert.pooler.dense.weight.lazy_device()
    }

    /// Whether a task's scores depend on the parameter of this Hugging Face name.
    pub fn reads(&self, task: usize, name: &str) -> bool {
        let is_own = name.starts_with(&format!("classifier.{task}."));
        self.pooling.reads(name) && (is_own || !name.starts_with("classifier."))
    }
}

impl<B: BertOps> BertForTasks<B> {
    /// A task's score of each class; dropout is active if there is a key.
    ///
    /// # Shapes
    ///
    /// `[tokens]` → `[examples, classes]`.
    ///
    /// # Panics
    ///
    /// If there is no task of this number.
    pub fn forward(
        &self,
        task: usize,
        tokens: &PackedTokens<B>,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 2> {
        let Self { bert, classifier, dropout_probability, pooling } = self;
        let classifier = &classifier[task];
        Head { classifier, dropout_probability: *dropout_probability, pooling: *pooling }
            .forward(bert, tokens, key)
    }
}
