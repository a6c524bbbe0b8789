//! Training steps of a BERT, timed: our side of `benches/peers/step.py`.
//!
//! `step SHAPE SEQUENCES LENGTHS [STEPS [PRECISION]]`, where LENGTHS is a number or a range such as
//! 8-60, and PRECISION is f32 or bf16.
//! Prints one JSON object: the median of the steps in milliseconds, and the process's peak memory.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use anyhow::Result;
use bertune_benches::{Case, median, peak_megabytes, times_of_steps};

fn main() -> Result<()> {
    #[cfg(feature = "flex")]
    bertune::backend::keep_freed_memory();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let steps = if arguments.len() > 3 { arguments.remove(3).parse()? } else { 5 };
    let case = Case::parse(&arguments)?;
    let milliseconds = median(&times_of_steps(&case, steps)?);
    let (megabytes, tokens) = (peak_megabytes()?, case.tokens());
    println!(
        "{{\"milliseconds\": {milliseconds:.1}, \"megabytes\": {megabytes:.0}, \"tokens\": {tokens}}}"
    );
    Ok(())
}
