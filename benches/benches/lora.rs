//! What LoRA saves: one training step of a MiniLM-sized BERT with all of its parameters, and with
//! low-rank changes, as the preset has them and of queries and values, in turn, in f32 and in bf16. The
//! memory is the most that a step needs beyond the model, with the optimizer's state.
//!
//! `cargo bench -p bertune-benches --bench lora`
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bertune::backend::keep_freed_memory;
use bertune::kernels::Precision;
use bertune::train::{LoraConfig, Preset, TrainingConfig};
use bertune_benches::{Batch, SHAPES, Trainee, median};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const TOKENS: usize = 128;
const ROUNDS: u64 = 7;

/// A model, and what its steps took.
struct Measured {
    trainee: Trainee,
    /// What the model and, after the first step, the optimizer hold between two steps.
    held: f64,
    times: Vec<f64>,
    peaks: Vec<f64>,
}

impl Measured {
    fn new(config: &TrainingConfig) -> Self {
        let (_, minilm) = SHAPES[2];
        let before = MEMORY.current_usage_as_mb();
        let trainee = Trainee::new(minilm, config);
        let held = f64::from(MEMORY.current_usage_as_mb() - before);
        Self { trainee, held, times: Vec::new(), peaks: Vec::new() }
    }

    /// One step; the memory that it needs at its peak, with what is held between steps.
    fn step(&mut self, batch: &Batch) {
        let before = f64::from(MEMORY.current_usage_as_mb());
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        self.trainee.step(batch);
        self.times.push(began.elapsed().as_secs_f64() * 1000.0);
        self.peaks.push(f64::from(MEMORY.peak_usage_as_mb()) - before + self.held);
        self.held += f64::from(MEMORY.current_usage_as_mb()) - before;
    }

    /// Medians of time and memory, without the first step, which makes model and optimizer.
    fn medians(&self) -> (f64, f64) {
        (median(&self.times[1..]), median(&self.peaks[1..]))
    }
}

fn main() {
    keep_freed_memory();
    for (sequences, precision) in [(32, Precision::F32), (32, Precision::Bf16), (8, Precision::F32)]
    {
        compare(sequences, precision);
    }
}

fn compare(sequences: usize, precision: Precision) {
    let batch = Batch::new(&vec![TOKENS; sequences]);
    let whole = TrainingConfig { precision, ..TrainingConfig::default() };
    let with = |lora| TrainingConfig { lora, ..whole.clone() };
    let configs = [&whole, &with(Preset::Lora.config().lora), &with(Some(LoraConfig::default()))];
    let mut measured = configs.map(Measured::new);
    for _ in 0..ROUNDS {
        measured.iter_mut().for_each(|measured| measured.step(&batch));
    }
    println!("a training step, {sequences} x {TOKENS} tokens, MiniLM's shape, {precision:?}");
    let (whole_time, whole_peak) = measured[0].medians();
    for (name, measured) in
        ["all parameters", "preset lora", "LoRA on queries and values"].into_iter().zip(&measured)
    {
        let (time, peak) = measured.medians();
        println!(
            "{name:<26} {time:7.1} ms ({:.2} times)  {peak:7.1} MB ({:.2} times)",
            whole_time / time,
            whole_peak / peak
        );
    }
}
