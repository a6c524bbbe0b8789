//! Where the time and the memory of a training step go.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{machine, page, process};

/// Which step.
#[derive(Args)]
pub(crate) struct Selection {
    /// tiny, mini, minilm or base
    #[arg(long, default_value = "minilm")]
    shape: String,
    /// Sequences of the step
    #[arg(long, default_value = "32")]
    sequences: String,
    /// Their tokens, a number or a range such as 8-60
    #[arg(long, default_value = "128")]
    lengths: String,
    /// f32 or bf16
    #[arg(long, default_value = "f32")]
    precision: String,
    /// Put the tables into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// Builds and runs `benches/src/bin/profile.rs`.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let mut build = process::cargo(["build", "--release", "--package", "bertune-benches"]);
    process::run(build.args(["--bin", "profile"]))?;
    let Selection { shape, sequences, lengths, precision, write } = selection;
    let mut profile = Command::new(process::release("profile"));
    let said = process::output_of(profile.args([shape, sequences, lengths, precision]))?;
    let case = format!("{shape} {sequences} × {lengths} {precision}");
    let text = format!("{}; {case}, {}", machine::described()?, said.trim_end());
    println!("{text}");
    if *write { page::write("profile", &text) } else { Ok(()) }
}
