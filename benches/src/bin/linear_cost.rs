//! Steps of growing batches, timed: `linear_cost SHAPE TOKENS LENGTHS STEPS`.
//!
//! SHAPE is one of `SHAPES`; TOKENS and LENGTHS are numbers with commas between them. Prints one JSON
//! object a line for each length and number of tokens: the median of the steps, in milliseconds.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use anyhow::{Context, Result, bail};
use bertune::backend::keep_freed_memory;
use bertune::train::TrainingConfig;
use bertune_benches::{Batch, SHAPES, Trainee, median};

fn main() -> Result<()> {
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, tokens, lengths, steps] = &arguments[..] else {
        bail!("say linear_cost SHAPE TOKENS LENGTHS STEPS");
    };
    let shape = SHAPES.iter().find(|(name, _)| name == shape).context("no such shape")?;
    let mut trainee = Trainee::new(shape.1, &TrainingConfig::default());
    for length in numbers(lengths)? {
        for tokens in numbers(tokens)? {
            let milliseconds = time(&mut trainee, tokens, length, steps.parse()?);
            println!(
                "{{\"tokens\": {tokens}, \"length\": {length}, \"milliseconds\": {milliseconds:.3}}}"
            );
        }
    }
    Ok(())
}

fn numbers(list: &str) -> Result<Vec<usize>> {
    Ok(list.split(',').map(str::parse).collect::<Result<_, _>>()?)
}

/// The median of some steps after one that does not count.
fn time(trainee: &mut Trainee, tokens: usize, length: usize, steps: usize) -> f64 {
    let batch = Batch::new(&vec![length; tokens / length]);
    trainee.step(&batch);
    let times: Vec<f64> = (0..steps)
        .map(|_| {
            let began = Instant::now();
            trainee.step(&batch);
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    median(&times)
}
