//! What freezing the lower half saves: one training step of a MiniLM-sized BERT with all of its
//! parameters, and with its embeddings and lower three of six layers frozen, in turn.
//!
//! `cargo bench -p bertune-benches --bench freezing`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bertune::backend::{Autodiff, Flex, keep_freed_memory};
use bertune::burn::tensor::{Int, Tensor};
use bertune::encoder::{BertConfig, Initializer, PackedTokens};
use bertune::head::{
    BertForSequenceClassification, LabelNames, SequenceClassificationConfig, cross_entropy,
};
use bertune::kernels::DropoutKey;
use bertune::train::{Gradients, Optimizer, ParameterGroups, Scales, TrainingConfig};
use peak_alloc::PeakAlloc;

type B = Autodiff<Flex>;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SEQUENCES: usize = 32;
const TOKENS: usize = 64;
const ROUNDS: u64 = 9;

/// A model with its optimizer, between two steps.
struct Trainee {
    model: Option<BertForSequenceClassification<B>>,
    optimizer: Optimizer<Flex>,
    times: Vec<f64>,
    peaks: Vec<f32>,
}

impl Trainee {
    fn new(config: &TrainingConfig) -> Self {
        let bert = BertConfig {
            vocab_size: 30_522,
            hidden_size: 384,
            num_hidden_layers: 6,
            num_attention_heads: 12,
            intermediate_size: 1536,
            ..BertConfig::default()
        };
        let shape = SequenceClassificationConfig::new(bert, LabelNames::numbered(2));
        let init = Initializer::new(1, 0.02);
        let model = BertForSequenceClassification::new(&shape, &init, &Default::default());
        let groups = ParameterGroups::new(&model, config, 1).unwrap();
        let model = Some(groups.freeze(model, 0));
        let optimizer = Optimizer::new(groups, config);
        Self { model, optimizer, times: Vec::new(), peaks: Vec::new() }
    }

    /// One step; the memory that it needs at its peak, beyond what was there before it.
    fn step(&mut self, tokens: &PackedTokens<B>, labels: &Tensor<B, 1, Int>, step: u64) {
        let model = self.model.take().unwrap();
        let before = MEMORY.current_usage_as_mb();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        let logits = model.forward(tokens, Some(DropoutKey::new(1, step)));
        let loss = cross_entropy(logits, labels.clone()).mean();
        let gradients = Gradients::new::<B, _>(&model, loss.backward());
        let gradient = 1.0 / gradients.global_norm().max(1.0);
        let model = self.optimizer.step(model, gradients, Scales { rate: 1.0, gradient });
        self.times.push(began.elapsed().as_secs_f64() * 1000.0);
        self.peaks.push(MEMORY.peak_usage_as_mb() - before);
        self.model = Some(model);
    }

    /// Medians of time and memory, without the first step, which makes the optimizer's state.
    fn medians(&self) -> (f64, f64) {
        let peaks: Vec<f64> = self.peaks.iter().map(|&peak| f64::from(peak)).collect();
        (median(&self.times[1..]), median(&peaks[1..]))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    keep_freed_memory();
    let device = Default::default();
    let ids: Vec<u32> = (0..SEQUENCES * TOKENS).map(|i| (i * 7919 % 30_000 + 100) as u32).collect();
    let positions: Vec<u32> = (0..SEQUENCES * TOKENS).map(|i| (i % TOKENS) as u32).collect();
    let ends: Vec<usize> = (0..=SEQUENCES).map(|i| i * TOKENS).collect();
    let types = vec![0; ids.len()];
    let tokens = PackedTokens::new(&ids, &types, &positions, &ends, &device);
    let labels: Vec<i32> = (0..SEQUENCES as i32).map(|i| i % 2).collect();
    let labels = Tensor::<B, 1, Int>::from_ints(labels.as_slice(), &device);

    let whole = TrainingConfig::default();
    let half =
        TrainingConfig { freeze_embeddings: true, freeze_layers: 3, ..TrainingConfig::default() };
    let (mut whole, mut half) = (Trainee::new(&whole), Trainee::new(&half));
    for step in 0..ROUNDS {
        whole.step(&tokens, &labels, step);
        half.step(&tokens, &labels, step);
    }
    let ((whole_time, whole_peak), (half_time, half_peak)) = (whole.medians(), half.medians());
    println!("a training step, {SEQUENCES} x {TOKENS} tokens, MiniLM's shape, medians of {ROUNDS}");
    println!("all parameters     {whole_time:7.1} ms  {whole_peak:7.1} MB above the model");
    println!("lower half frozen  {half_time:7.1} ms  {half_peak:7.1} MB above the model");
    println!(
        "ratio              {:7.2}     {:7.2}",
        whole_time / half_time,
        whole_peak / half_peak
    );
}
