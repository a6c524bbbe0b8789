use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_encoder::PackedTokens;
use bertune_head::BertForMaskedLM;
use bertune_kernels::{BertOps, DropoutKey, ops};
use burn_core::tensor::activation::log_softmax;
use burn_core::tensor::backend::{AutodiffBackend, Backend};
use burn_core::tensor::{Int, Tensor, TensorData};

use crate::evaluate::on_device;
use crate::learn::learn;
use crate::scores::MaskedLmScores;
use crate::state::Inputs;
use crate::task::Task;
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
    /// How much it counts, beside the guess of each hidden token from its own state, that the
    /// sequence's pooled output guesses it too: what teaches the pooler, from 0, which leaves it
    /// untaught.
    pub pooled_loss: f64,
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
    if !(data.pooled_loss >= 0.0 && data.pooled_loss.is_finite()) {
        return Err(TrainError::PooledLoss { value: data.pooled_loss });
    }
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
        let loss = match self.pooled_loss > 0.0 {
            true => {
                let (tokens, places, labels) = on_device_masked(batch, &model.device());
                let (logits, pooled) = model.forward_pooled(&tokens, places, key);
                let own = ops::cross_entropy(logits, labels).sum();
                own + pooled_loss(pooled, batch) * self.pooled_loss
            }
            false => {
                let (logits, labels) = guesses(model, batch, key);
                ops::cross_entropy(logits, labels).sum()
            }
        };
        loss / step_weight.max(1.0)
    }

    fn chance(&self, model: &Self::Model, _: &PackedBatch, _: f64) -> Option<f64> {
        let [vocab_size, _] = model.bert.embeddings.word_embeddings.weight.lazy_shape().dims();
        Some((vocab_size as f64).ln() * (1.0 + self.pooled_loss))
    }

    fn reads(&self, _: &Self::Model, _: &[usize], name: &str) -> bool {
        self.pooled_loss > 0.0 || !name.starts_with("bert.pooler.")
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
    let (tokens, places, labels) = on_device_masked(batch, &model.device());
    (model.forward(&tokens, places, key), labels)
}

/// The sum of the losses of the hidden tokens where each sequence guesses its own from one vector.
///
/// # Shapes
///
/// `[sequences, vocabulary]` → `[1]`.
fn pooled_loss<B: Backend>(scores: Tensor<B, 2>, batch: &PackedBatch) -> Tensor<B, 1> {
    let [sequences, vocab_size] = scores.dims();
    let masked = batch.masked.indices.iter().zip(&batch.masked.labels);
    let cell = |(&place, &label): (&u32, &u32)| {
        let sequence = batch.cu_seqlens.partition_point(|&start| start <= place as usize) - 1;
        (sequence * vocab_size) as u32 + label
    };
    let cells: Vec<u32> = masked.map(cell).collect();
    let told = ids(&cells, &scores.device());
    log_softmax(scores, 1).reshape([sequences * vocab_size]).select(0, told).sum().neg()
}

/// A batch with the places and the labels of its hidden tokens.
///
/// # Shapes
///
/// `[tokens]`, `[masked]`, `[masked]`.
fn on_device_masked<B: Backend>(
    batch: &PackedBatch,
    device: &B::Device,
) -> (PackedTokens<B>, Tensor<B, 1, Int>, Tensor<B, 1, Int>) {
    let PackedBatch { masked, .. } = batch;
    (on_device(batch, device), ids(&masked.indices, device), ids(&masked.labels, device))
}

fn ids<B: Backend>(ids: &[u32], device: &B::Device) -> Tensor<B, 1, Int> {
    let numbers: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
    Tensor::from_data(TensorData::new(numbers, [ids.len()]), device)
}

#[cfg(test)]
mod tests {
    use bertune_data::MaskedTokens;
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn each_hidden_token_is_guessed_from_the_scores_of_its_own_sequence() {
        let scores =
            [[0.5, -1.0, 2.0, 0.0, 1.5], [1.0, 0.25, -0.5, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0, 4.0]];
        let device = &Default::default();
        let scores = Tensor::<Flex, 2>::from_floats(scores, device);
        // Sequences of 3, 1 and 4 tokens, of which the middle one hides none.
        let masked = MaskedTokens { indices: vec![0, 2, 4, 7], labels: vec![4, 1, 0, 3] };
        let batch = PackedBatch { cu_seqlens: vec![0, 3, 4, 8], masked, ..PackedBatch::default() };
        let loss = pooled_loss(scores.clone(), &batch).into_scalar();

        let of_tokens = scores.select(0, ids(&[0, 0, 2, 2], device));
        let expected = ops::cross_entropy(of_tokens, ids(&batch.masked.labels, device)).sum();
        assert!((loss - expected.into_scalar()).abs() < 1e-5, "{loss}");
    }
}
