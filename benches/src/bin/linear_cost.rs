//! Steps of growing batches, timed: `linear_cost SHAPE TOKENS LENGTHS STEPS`.
//!
//! SHAPE is one of `SHAPES`; TOKENS and LENGTHS are numbers with commas between them. Prints one JSON
//! object a line for each length and number of tokens: the median of the steps, in milliseconds.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use anyhow::{Context, Result, bail};
use bertune::backend::keep_freed_memory;
use bertune::kernels::Precision;
use bertune_benches::{Case, SHAPES, median, times_of_steps};

fn main() -> Result<()> {
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, tokens, lengths, steps] = &arguments[..] else {
        bail!("say linear_cost SHAPE TOKENS LENGTHS STEPS");
    };
    let shape = SHAPES.iter().find(|(name, _)| name == shape).context("no such shape")?;
    for length in numbers(lengths)? {
        for tokens in numbers(tokens)? {
            let lengths = vec![length; tokens / length];
            let case = Case { shape: shape.1, lengths, precision: Precision::F32 };
            let milliseconds = median(&times_of_steps(&case, steps.parse()?)?);
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
