use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch, Targets};
use bertune_encoder::PackedTokens;
use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use bertune_metrics::{
    ClassificationScores, ConfusionMatrix, MultiLabelScores, RegressionScores, Rows,
    predicted_classes, softmax,
};
use burn_core::tensor::backend::Backend;

use crate::Scores;

/// How a model does on labelled examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss: cross-entropy or binary cross-entropy in nats, or the squared error;
    /// without weights and smoothing.
    pub loss: f64,
    /// The scores.
    pub scores: Scores,
    /// Which classes were taken for which, where each example has one.
    pub confusion: Option<ConfusionMatrix>,
    /// What the model gave each class of each example, before softmax or sigmoid, or the numbers
    /// it predicted; rows of as many as there are classes.
    pub logits: Vec<f64>,
}

/// Measures a model, without dropout and without a graph.
///
/// # Panics
///
/// If the data set is empty or has no labels.
pub fn evaluate<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> Evaluation {
    let (logits, width) = logits(model, dataset, batch_size);
    Evaluation::new(logits, width, dataset.targets(), None)
}

/// What a model gives each class of each example, in their order, and the number of classes.
pub fn logits<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> (Vec<f64>, usize) {
    let device = &model.device();
    let plan = BatchPlan::by_length(dataset, batch_size);
    let (mut logits, mut width) = (Vec::new(), 1);
    for batch in Prefetch::new(dataset, plan.epoch(0)) {
        let rows = model.forward(&on_device(&batch, device), None);
        width = rows.dims()[1];
        logits.resize(dataset.len() * width, 0.0);
        let rows: Vec<f64> = rows.into_data().iter::<f64>().collect();
        for (&example, row) in batch.example_ids.iter().zip(rows.chunks_exact(width)) {
            logits[example * width..][..width].copy_from_slice(row);
        }
    }
    (logits, width)
}

impl Evaluation {
    /// Scores what a model gave; sets of classes by the thresholds, of which 0.5 is the usual.
    ///
    /// # Panics
    ///
    /// If there are no targets, or not as many as rows.
    pub fn new(
        logits: Vec<f64>,
        width: usize,
        targets: &Targets,
        thresholds: Option<&[f64]>,
    ) -> Self {
        let rows = Rows::new(&logits, width);
        let (loss, scores, confusion) = match targets {
            Targets::Classes(labels) => {
                let probabilities = softmax(rows, 1.0);
                let probabilities = Rows::new(&probabilities, width);
                let scores = ClassificationScores::new(labels, probabilities);
                let matrix = ConfusionMatrix::new(labels, &predicted_classes(rows), width);
                let loss = mean(
                    labels
                        .iter()
                        .zip(rows.iter())
                        .map(|(&label, row)| log_sum_exp(row) - row[label]),
                );
                (loss, Scores::Classification(scores), Some(matrix))
            }
            Targets::Sets { values, .. } => {
                let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
                let labels: Vec<bool> = values.iter().map(|&value| value > 0.5).collect();
                let half = vec![0.5; width];
                let thresholds = thresholds.unwrap_or(&half);
                let labels_of = Rows::new(&labels, width);
                let probabilities = Rows::new(&probabilities, width);
                let scores = MultiLabelScores::new(labels_of, probabilities, thresholds);
                let loss = mean(
                    labels
                        .iter()
                        .zip(&logits)
                        .map(|(&label, &logit)| softplus(if label { -logit } else { logit })),
                );
                (loss, Scores::MultiLabel(scores), None)
            }
            Targets::Values { values, .. } => {
                let targets: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
                let scores = RegressionScores::new(Rows::new(&targets, width), rows);
                let loss = mean(logits.iter().zip(&targets).map(|(x, y)| (x - y) * (x - y)));
                (loss, Scores::Regression(scores), None)
            }
            Targets::None => unreachable!("examples without labels cannot be measured"),
        };
        Self { loss, scores, confusion, logits }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn log_sum_exp(row: &[f64]) -> f64 {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + row.iter().map(|logit| (logit - highest).exp()).sum::<f64>().ln()
}

/// `log(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The probability that a logit stands for, `1 / (1 + e^-x)`.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// The tokens of a batch on their device.
pub(crate) fn on_device<B: Backend>(batch: &PackedBatch, device: &B::Device) -> PackedTokens<B> {
    let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, .. } = batch;
    PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, device)
}

#[cfg(test)]
mod tests {
    use bertune_metrics::MetricName;

    use super::*;

    fn check(
        logits: &[f64],
        width: usize,
        targets: &Targets,
        loss: f64,
        score: MetricName,
        value: f64,
    ) {
        let evaluation = Evaluation::new(logits.to_vec(), width, targets, None);
        assert!((evaluation.loss - loss).abs() < 1e-12, "{evaluation:?}");
        assert_eq!(evaluation.scores.get(score), Some(value));
    }

    /// Losses from PyTorch 2.15 in float64: `cross_entropy`, `binary_cross_entropy_with_logits`,
    /// `mse_loss`.
    #[test]
    fn each_problem_has_its_loss_and_scores() {
        let labels = Targets::Classes(vec![0, 1]);
        let loss = (2.0f64.ln() + (1.0 + (-3f64).exp()).ln()) / 2.0;
        check(&[0.5, 0.5, -1.0, 2.0], 2, &labels, loss, MetricName::Accuracy, 1.0);
        let sets = Targets::Sets { values: vec![1.0, 0.0, 0.0, 0.0], classes: 2 };
        let loss = (4.0 * 2.0f64.ln()) / 4.0;
        check(&[0.0; 4], 2, &sets, loss, MetricName::SubsetAccuracy, 0.0);
        let numbers = Targets::Values { values: vec![1.0, 4.0], width: 1 };
        check(&[2.0, 2.0], 1, &numbers, 2.5, MetricName::Mae, 1.5);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let labels = Targets::Classes(vec![1]);
        let evaluation = Evaluation::new(vec![1000.0, -1000.0], 2, &labels, None);
        assert_eq!(evaluation.loss, 2000.0);
        let sets = Targets::Sets { values: vec![1.0], classes: 1 };
        assert_eq!(Evaluation::new(vec![-1000.0], 1, &sets, None).loss, 1000.0);
    }
}
