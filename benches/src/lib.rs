//! What the benchmarks of bertune share: models of known shapes with new weights, batches of random
//! tokens, and training steps, all on the [default backend](DefaultBackend).
#![expect(clippy::unwrap_used, reason = "benchmarks")]

mod case;
#[cfg(feature = "flex")]
mod machine;
#[cfg(feature = "flex")]
mod part;
mod steps;

pub use case::Case;
#[cfg(feature = "flex")]
pub use machine::Machine;
#[cfg(feature = "flex")]
pub use part::{Part, parts};
pub use steps::times_of_steps;

use anyhow::{Context, Result};
use bertune::backend::{Autodiff, DefaultBackend};
use bertune::burn::tensor::{Int, Tensor};
use bertune::encoder::{BertConfig, Initializer, PackedTokens};
use bertune::head::{
    BertForSequenceClassification, LabelNames, SequenceClassificationConfig, cross_entropy,
};
use bertune::kernels::DropoutKey;
use bertune::train::{Gradients, Optimizer, ParameterGroups, Scales, TrainingConfig, adapt};

/// What is trained on.
pub type B = Autodiff<DefaultBackend>;

/// The shapes that are measured, with their usual names.
pub const SHAPES: [(&str, [usize; 4]); 4] = [
    ("tiny", [128, 2, 2, 512]),
    ("mini", [256, 4, 4, 1024]),
    ("minilm", [384, 6, 12, 1536]),
    ("base", [768, 12, 12, 3072]),
];

/// Words of every shape.
pub const VOCABULARY: usize = 30_522;

/// A BERT of hidden size, layers, heads and inner size, with the usual vocabulary.
pub fn config([hidden, layers, heads, inner]: [usize; 4]) -> BertConfig {
    BertConfig {
        vocab_size: VOCABULARY,
        hidden_size: hidden,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        intermediate_size: inner,
        ..BertConfig::default()
    }
}

/// Random tokens in sequences of these lengths, and a label for each.
pub struct Batch {
    /// The tokens.
    pub tokens: PackedTokens<B>,
    /// The labels, `[sequences]`.
    pub labels: Tensor<B, 1, Int>,
}

impl Batch {
    /// The same batch for the same lengths.
    pub fn new(lengths: &[usize]) -> Self {
        let device = Default::default();
        let count: usize = lengths.iter().sum();
        let ids = ids(count, 0);
        let positions: Vec<u32> = lengths.iter().flat_map(|&length| 0..length as u32).collect();
        let mut ends = vec![0];
        lengths.iter().for_each(|length| ends.push(ends[ends.len() - 1] + length));
        let tokens = PackedTokens::new(&ids, &vec![0; count], &positions, &ends, &device);
        let labels: Vec<i32> = (0..lengths.len() as i32).map(|i| i % 2).collect();
        Self { tokens, labels: Tensor::from_ints(labels.as_slice(), &device) }
    }
}

/// A model with its optimizer, between two steps.
pub struct Trainee {
    model: Option<BertForSequenceClassification<B>>,
    optimizer: Optimizer<DefaultBackend>,
    steps: u64,
}

/// A classifier of this shape with new weights and two classes.
pub fn classifier(shape: [usize; 4]) -> BertForSequenceClassification<B> {
    let config = SequenceClassificationConfig::new(config(shape), LabelNames::numbered(2));
    let init = Initializer::new(1, 0.02);
    BertForSequenceClassification::new(&config, &init, &Default::default())
}

/// Batches of different words in turn; then the same words come again.
const BATCHES: usize = 4;

/// The id of each of so many tokens of a batch: up to 30,000 they differ, and as long as all batches
/// together have no more, so do those of different batches.
fn ids(count: usize, batch: usize) -> Vec<u32> {
    let tokens = batch * count..(batch + 1) * count;
    tokens.map(|i| (i * 7919 % 30_000 + 100) as u32).collect()
}

impl Trainee {
    /// A new model of this shape, with two classes.
    pub fn new(shape: [usize; 4], training: &TrainingConfig) -> Self {
        let model = adapt(classifier(shape), training).unwrap();
        let groups = ParameterGroups::new(&model, training, 1).unwrap();
        let model = Some(groups.freeze(model.with_precision(training.precision), 0));
        Self { model, optimizer: Optimizer::new(groups, training), steps: 0 }
    }

    /// One step: forward with dropout, backward, clipping, update of all rows.
    pub fn step(&mut self, batch: &Batch) {
        let model = self.model.take().unwrap();
        self.steps += 1;
        let logits = model.forward(&batch.tokens, Some(DropoutKey::new(1, self.steps)));
        let loss = cross_entropy(logits, batch.labels.clone()).mean();
        let gradients = Gradients::new::<B, _>(&model, loss.backward());
        let gradient = 1.0 / gradients.global_norm().max(1.0);
        self.model = Some(self.optimizer.step(model, gradients, Scales { rate: 1.0, gradient }));
    }
}

/// The middle value, the upper of two.
///
/// # Panics
///
/// If there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The most memory that the process had at any time, as Linux tells it.
///
/// # Errors
///
/// Where Linux does not tell it.
pub fn peak_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmHWM in /proc/self/status")?.parse::<f64>()? / 1024.0)
}
