use bertune_data::{Dataset, Targets};
use bertune_encoder::BertModel;
use bertune_head::BertForSequenceClassification;
use burn_core::tensor::backend::Backend;
use sha2::{Digest, Sha256};

use crate::objective::problem_type;
use crate::problem_settings::check_metric;
use crate::state::Inputs;
use crate::{History, Sources, TrainError, TrainingConfig};

/// Labelled, tokenized examples.
#[derive(Clone, Copy, Debug)]
pub struct TrainingData<'a> {
    /// What the model learns from.
    pub train: &'a Dataset,
    /// What it is measured on.
    pub validation: &'a Dataset,
    /// The names of the classes, in the order of their numbers.
    pub label_names: &'a [String],
    /// Which of the training examples are of other tasks or domains, if any are.
    pub sources: Option<&'a Sources>,
}

impl TrainingData<'_> {
    /// Checks that there are examples with labels that the model has, and that it can embed every
    /// token of them.
    pub(crate) fn validate<B: Backend>(
        &self,
        model: &BertForSequenceClassification<B>,
    ) -> Result<(), TrainError> {
        for (split, dataset) in [("training", self.train), ("validation", self.validation)] {
            check_tokens(split, dataset, &model.bert)?;
            self.check_targets(split, dataset, model)?;
        }
        Ok(())
    }

    /// Checks that there is one target for each of the model's outputs, and that all are of a kind.
    fn check_targets<B: Backend>(
        &self,
        split: &'static str,
        dataset: &Dataset,
        model: &BertForSequenceClassification<B>,
    ) -> Result<(), TrainError> {
        let [outputs, _] = model.classifier.weight.lazy_shape().dims();
        let targets = dataset.targets();
        let fits = match targets {
            Targets::None => false,
            Targets::Classes(labels) => labels.iter().all(|&label| label < outputs),
            Targets::Sets { classes: width, .. } | Targets::Values { width, .. } => {
                *width == outputs
            }
        };
        let is_as_in_training = problem_type(targets) == problem_type(self.train.targets());
        match fits && is_as_in_training && self.label_names.len() == outputs {
            true => Ok(()),
            false => Err(TrainError::Targets { split, outputs }),
        }
    }

    /// The record of a run on these examples that has not begun.
    pub(crate) fn history(&self, config: &TrainingConfig) -> Result<History, TrainError> {
        let problem_type = problem_type(self.train.targets());
        check_metric(config, problem_type)?;
        let (train, validation) = (self.train.len(), self.validation.len());
        let source_examples = self.sources.map_or(0, |sources| train - sources.target_examples());
        let history = History::new(config, Some(problem_type), train, validation);
        Ok(History { source_examples, ..history })
    }

    /// What a run that is resumed must find unchanged.
    pub(crate) fn inputs(&self) -> Inputs {
        let sources = self.sources.map_or_else(String::new, Sources::fingerprint);
        let train = fingerprint(self.train, self.label_names) + &sources;
        Inputs { train, validation: fingerprint(self.validation, self.label_names) }
    }
}

/// Checks that there are examples, and that a model can embed every token of them.
pub(crate) fn check_tokens<B: Backend>(
    split: &'static str,
    dataset: &Dataset,
    model: &BertModel<B>,
) -> Result<(), TrainError> {
    let embeddings = &model.embeddings;
    let [vocab_size, _] = embeddings.word_embeddings.weight.lazy_shape().dims();
    let [positions, _] = embeddings.position_embeddings.weight.lazy_shape().dims();
    if dataset.is_empty() {
        return Err(TrainError::Empty { split });
    }
    for sequence in (0..dataset.len()).flat_map(|example| dataset.sequences(example)) {
        let tokens = sequence.input_ids.len();
        if tokens > positions {
            return Err(TrainError::TooLong { tokens, positions });
        }
        let unknown = sequence.input_ids.iter().find(|&&id| id as usize >= vocab_size);
        if let Some(&id) = unknown {
            return Err(TrainError::Vocabulary { id, vocab_size });
        }
    }
    Ok(())
}

/// A hash of all tokens, labels with their names, and weights.
pub(crate) fn fingerprint(dataset: &Dataset, label_names: &[String]) -> String {
    let mut hash = Sha256::new();
    for name in label_names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    hash.update(dataset.token_digest());
    match dataset.targets() {
        Targets::None => {}
        Targets::Classes(labels) => {
            labels.iter().for_each(|&label| hash.update((label as u64).to_le_bytes()));
        }
        Targets::Sets { values, .. } | Targets::Values { values, .. } => {
            values.iter().for_each(|value| hash.update(value.to_le_bytes()));
        }
    }
    for weight in dataset.weights().unwrap_or_default() {
        hash.update(weight.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
