use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_head::BertForMaskedLM;
use bertune_kernels::{BertOps, DropoutKey, ops};
use burn_core::tensor::backend::{AutodiffBackend, Backend};
use burn_core::tensor::{Int, Tensor, TensorData};

use crate::evaluate::on_device;
use crate::learn::{Task, learn};
use crate::scores::MaskedLmScores;
use crate::state::Inputs;
use crate::training_data::{check_tokens, fingerprint};
use crate::{
    ClassWeightRule, ClassWeights, Evaluation, History, Learned, Run, Sampling, Scores, TrainError,
    TrainingConfig,
};

/// A finished run of [`pretrain`].
pub type Pretrained<B> = Learned<B, BertForMaskedLM<B>>;

/// Text with [hidden tokens](Dataset::masked).
#[derive(Clone, Copy, Debug)]
pub struct PretrainingData<'a> {
    /// What the model learns from.
    pub train: &'a Dataset,
    /// What it is measured on.
    pub validation: &'a Dataset,
}

/// Teaches a masked language model to guess the hidden tokens of text, and returns its best state:
/// the one with the lowest loss on the validation text.
///
/// All of training is as in [`fine_tune`](crate::fine_tune): schedule, groups, accumulation,
/// resuming, early stopping.
///
/// # Errors
///
/// If the configuration or the text does not fit, if no token of the validation text is hidden, if
/// the loss or a gradient is not finite, or if the best model or the state could not be kept.
pub fn pretrain<B>(
    model: BertForMaskedLM<B>,
    data: PretrainingData<'_>,
    config: &TrainingConfig,
    run: Run<'_, B, BertForMaskedLM<B>>,
) -> Result<Pretrained<B>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    config.validate()?;
    check_settings(config)?;
    for (split, dataset) in [("training", data.train), ("validation", data.validation)] {
        check_tokens(split, dataset, &model.bert)?;
    }
    if !hides_any(data.validation) {
        return Err(TrainError::NothingHidden);
    }
    let inputs = Inputs {
        train: fingerprint(data.train, &[]),
        validation: fingerprint(data.validation, &[]),
    };
    let history = History::new(config, None, data.train.len(), data.validation.len());
    learn(&data, model.with_precision(config.precision), (history, inputs), run)
}

/// Whether a token of a text is to be guessed.
fn hides_any(dataset: &Dataset) -> bool {
    let hides = |example| !PackedBatch::pack(dataset, &[example]).masked.labels.is_empty();
    (0..dataset.len()).any(hides)
}

/// Refuses what has a meaning for labels alone.
fn check_settings(config: &TrainingConfig) -> Result<(), TrainError> {
    if config.lora.is_some() {
        return Err(TrainError::LoraInPretraining);
    }
    let of_labels = [
        ("label_smoothing", config.label_smoothing > 0.0),
        ("focal_gamma", config.focal_gamma > 0.0),
        ("class_weights", config.class_weights != ClassWeights::Rule(ClassWeightRule::None)),
        ("sampling", config.sampling != Sampling::Shuffled),
        ("calibrate", config.calibrate),
        ("metric", config.metric.is_some()),
    ];
    match of_labels.into_iter().find(|(_, is_set)| *is_set) {
        Some((key, _)) => Err(TrainError::SettingOfLabels { key }),
        None => Ok(()),
    }
}

impl<B> Task<B> for PretrainingData<'_>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    type Model = BertForMaskedLM<B>;

    fn examples(&self) -> &Dataset {
        self.train
    }

    /// The number of hidden tokens.
    fn weight(&self, parts: &[PackedBatch]) -> f64 {
        parts.iter().map(|part| part.masked.labels.len()).sum::<usize>() as f64
    }

    fn loss(
        &self,
        model: &Self::Model,
        batch: &PackedBatch,
        step_weight: f64,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 1> {
        let (logits, labels) = guesses(model, batch, key);
        ops::cross_entropy(logits, labels).sum() / step_weight.max(1.0)
    }

    fn chance(&self, model: &Self::Model, _: &PackedBatch, _: f64) -> Option<f64> {
        let [vocab_size, _] = model.bert.embeddings.word_embeddings.weight.lazy_shape().dims();
        Some((vocab_size as f64).ln())
    }

    fn reads(&self, _: &Self::Model, _: &[usize], name: &str) -> bool {
        !name.starts_with("bert.pooler.")
    }

    fn evaluate(&self, model: &BertForMaskedLM<B::InnerBackend>, batch_size: usize) -> Evaluation {
        evaluate_masked_lm(model, self.validation, batch_size)
    }
}

/// Measures a masked language model by its guesses of hidden tokens, without dropout and without a
/// graph.
pub fn evaluate_masked_lm<B: BertOps>(
    model: &BertForMaskedLM<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> Evaluation {
    let plan = BatchPlan::by_length(dataset, batch_size);
    let (mut loss, mut right, mut masked) = (0.0, 0.0, 0.0);
    for batch in Prefetch::new(dataset, plan.epoch(0)) {
        let (logits, labels) = guesses(model, &batch, None);
        let guessed = logits.clone().argmax(1).reshape([batch.masked.labels.len()]);
        let losses = ops::cross_entropy(logits, labels.clone());
        loss += losses.into_data().iter::<f64>().sum::<f64>();
        right += guessed.equal(labels).int().into_data().iter::<f64>().sum::<f64>();
        masked += batch.masked.labels.len() as f64;
    }
    let loss = loss / masked.max(1.0);
    let scores =
        MaskedLmScores { masked_accuracy: right / masked.max(1.0), perplexity: loss.exp() };
    Evaluation { loss, scores: Scores::MaskedLm(scores), confusion: None, logits: Vec::new() }
}

/// The scores of all tokens where some are hidden, and those that are.
///
/// # Shapes
///
/// `[masked, vocabulary]` and `[masked]`.
fn guesses<B: BertOps>(
    model: &BertForMaskedLM<B>,
    batch: &PackedBatch,
    key: Option<DropoutKey>,
) -> (Tensor<B, 2>, Tensor<B, 1, Int>) {
    let device = &model.device();
    let places = ids(&batch.masked.indices, device);
    let logits = model.forward(&on_device(batch, device), places, key);
    (logits, ids(&batch.masked.labels, device))
}

fn ids<B: Backend>(ids: &[u32], device: &B::Device) -> Tensor<B, 1, Int> {
    let numbers: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
    Tensor::from_data(TensorData::new(numbers, [ids.len()]), device)
}
