//! What freezing the lower half saves: one training step of a MiniLM-sized BERT with all of its
//! parameters, and with its embeddings and lower three of six layers frozen, in turn.
//!
//! `cargo bench -p bertune-benches --bench freezing`
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bertune::backend::keep_freed_memory;
use bertune::train::TrainingConfig;
use bertune_benches::{Batch, SHAPES, Trainee, median};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SEQUENCES: usize = 32;
const TOKENS: usize = 64;
const ROUNDS: u64 = 9;

/// A model, and what its steps took.
struct Measured {
    trainee: Trainee,
    times: Vec<f64>,
    peaks: Vec<f64>,
}

impl Measured {
    fn new(config: &TrainingConfig) -> Self {
        let (_, minilm) = SHAPES[2];
        Self { trainee: Trainee::new(minilm, config), times: Vec::new(), peaks: Vec::new() }
    }

    /// One step; the memory that it needs at its peak, beyond what was there before it.
    fn step(&mut self, batch: &Batch) {
        let before = MEMORY.current_usage_as_mb();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        self.trainee.step(batch);
        self.times.push(began.elapsed().as_secs_f64() * 1000.0);
        self.peaks.push(f64::from(MEMORY.peak_usage_as_mb() - before));
    }

    /// Medians of time and memory, without the first step, which makes the optimizer's state.
    fn medians(&self) -> (f64, f64) {
        (median(&self.times[1..]), median(&self.peaks[1..]))
    }
}

fn main() {
    keep_freed_memory();
    let batch = Batch::new(&[TOKENS; SEQUENCES]);
    let whole = TrainingConfig::default();
    let half =
        TrainingConfig { freeze_embeddings: true, freeze_layers: 3, ..TrainingConfig::default() };
    let (mut whole, mut half) = (Measured::new(&whole), Measured::new(&half));
    for _ in 0..ROUNDS {
        whole.step(&batch);
        half.step(&batch);
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
