//! What it saves to guess hidden tokens alone: forward and backward of masked language modelling of a
//! BERT with the usual vocabulary, with the scores of every seventh token, of two in five, and of all, in
//! turn. The memory is the most that a step needs beyond the model.
//!
//! `cargo bench -p bertune-benches --bench masked_lm`
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bertune::backend::keep_freed_memory;
use bertune::burn::tensor::{Int, Tensor};
use bertune::encoder::Initializer;
use bertune::head::BertForMaskedLM;
use bertune::kernels::{DropoutKey, ops};
use bertune::train::Gradients;
use bertune_benches::{B, Batch, SHAPES, VOCABULARY, config, median};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SEQUENCES: usize = 32;
const LENGTH: usize = 128;
const TOKENS: usize = SEQUENCES * LENGTH;
const ROUNDS: usize = 5;

fn main() {
    keep_freed_memory();
    let (name, shape) = SHAPES[1];
    let device = Default::default();
    let model = BertForMaskedLM::<B>::new(&config(shape), &Initializer::new(1, 0.02), &device);
    let batch = Batch::new(&[LENGTH; SEQUENCES]);
    let guessed = [TOKENS * 15 / 100, TOKENS * 40 / 100, TOKENS];
    let mut measured = guessed.map(|_| Vec::new());
    for _ in 0..=ROUNDS {
        for (count, measured) in guessed.iter().zip(&mut measured) {
            measured.push(step(&model, &batch, *count));
        }
    }
    println!(
        "forward and backward, {SEQUENCES} x {LENGTH} tokens, shape {name}, {VOCABULARY} words"
    );
    for (count, measured) in guessed.iter().zip(measured) {
        // The first makes what is kept.
        let (times, peaks): (Vec<f64>, Vec<f64>) = measured.into_iter().skip(1).unzip();
        println!("{count:>5} tokens guessed  {:7.1} ms  {:7.1} MB", median(&times), median(&peaks));
    }
}

/// Milliseconds of a step that guesses so many tokens, and the megabytes of its peak.
fn step(model: &BertForMaskedLM<B>, batch: &Batch, count: usize) -> (f64, f64) {
    let device = Default::default();
    let places: Vec<i32> = (0..count).map(|i| (i * TOKENS / count) as i32).collect();
    let places = Tensor::<B, 1, Int>::from_ints(places.as_slice(), &device);
    let before = MEMORY.current_usage_as_mb();
    MEMORY.reset_peak_usage();
    let began = Instant::now();
    let logits = model.forward(&batch.tokens, places.clone(), Some(DropoutKey::new(1, 1)));
    // Any word is as good as another here.
    let loss = ops::cross_entropy(logits, places).mean();
    let gradients = Gradients::new::<B, _>(model, loss.backward());
    let time = began.elapsed().as_secs_f64() * 1000.0;
    assert!(gradients.global_norm().is_finite(), "a step of this model has gradients");
    (time, f64::from(MEMORY.peak_usage_as_mb() - before))
}
