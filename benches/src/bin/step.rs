//! One training step of a BERT, timed: our side of `benches/peers/step.py`.
//!
//! `step SHAPE SEQUENCES LENGTHS [STEPS [PRECISION]]`, where LENGTHS is a number or a range such as
//! 8-60, and PRECISION is f32 or bf16.
//! Prints one JSON object: the median of the steps in milliseconds, and the process's peak memory.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use anyhow::{Context, Result};
use bertune::BertOps;
use bertune::backend::{Flex, keep_freed_memory};
use bertune::kernels::Precision;
use bertune::train::TrainingConfig;
use bertune_benches::{Batch, SHAPES, Trainee, median, peak_megabytes};

/// Steps before the first that counts: they make the optimizer's state and warm the caches.
const WARM_UP: usize = 2;

fn main() -> Result<()> {
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, sequences, lengths, rest @ ..] = &arguments[..] else {
        anyhow::bail!("say SHAPE SEQUENCES LENGTHS [STEPS [PRECISION]]");
    };
    let shape = SHAPES.iter().find(|(shape, _)| shape == name);
    let (_, shape) = shape.context("the shapes are tiny, mini, minilm and base")?;
    let lengths = lengths_of(sequences.parse()?, lengths)?;
    let steps: usize = rest.first().map_or(Ok(5), |steps| steps.parse())?;
    let precision = match rest.get(1).map(String::as_str) {
        None | Some("f32") => Precision::F32,
        Some("bf16") => Precision::Bf16,
        Some(other) => anyhow::bail!("'{other}' is neither f32 nor bf16"),
    };
    anyhow::ensure!(Flex::has_precision(precision), "this processor multiplies no {precision:?}");

    let batch = Batch::new(&lengths);
    let mut trainee =
        Trainee::new(*shape, &TrainingConfig { precision, ..TrainingConfig::default() });
    let mut times = Vec::new();
    for _ in 0..WARM_UP + steps {
        let began = Instant::now();
        trainee.step(&batch);
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let (milliseconds, megabytes) = (median(&times[WARM_UP..]), peak_megabytes()?);
    println!(
        "{{\"milliseconds\": {milliseconds:.1}, \"megabytes\": {megabytes:.0}, \"tokens\": {}}}",
        lengths.iter().sum::<usize>()
    );
    Ok(())
}

/// Lengths that walk through a range; `benches/peers/step.py` has the same.
fn lengths_of(sequences: usize, lengths: &str) -> Result<Vec<usize>> {
    let (low, high) = lengths.split_once('-').unwrap_or((lengths, lengths));
    let (low, high): (usize, usize) = (low.parse()?, high.parse()?);
    Ok((0..sequences).map(|i| low + i * 7919 % (high - low + 1)).collect())
}
