//! On a machine with an NVIDIA GPU: the CUDA tests, then a short training with its speed.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::process::{self, cargo, root};

const CUDA: [&str; 3] = ["--no-default-features", "--features", "cuda"];

const TRAIN: &str = "data/support/train.csv";

const EPOCHS: usize = 3;

/// Runs the tests and the training.
pub(crate) fn run() -> Result<()> {
    say_which_gpu()?;
    process::run(cargo(["test", "-p", "bertune"]).args(CUDA).args(["--test", "cuda"]))?;

    let model = fetch::bring(&MINILM, &Cache::open()?)?;
    process::run(cargo(["build", "--release", "-p", "bertune-cli"]).args(CUDA))?;

    let mut command = cargo(["run", "--quiet", "--release", "-p", "bertune-cli"]);
    command.args(CUDA).args(["--", "train", "--device", "cuda", "--train", TRAIN, "--model"]);
    command.arg(model).arg("--epochs").arg(EPOCHS.to_string());
    let start = Instant::now();
    process::run(command.args(["--output", "runs/support-cuda", "--overwrite"]))?;
    say_speed(start.elapsed().as_secs_f64())
}

fn say_which_gpu() -> Result<()> {
    let mut query = Command::new("nvidia-smi");
    query.args(["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]);
    match process::output_of(&mut query) {
        Ok(gpus) => println!("{}", gpus.trim_end()),
        Err(why) => bail!("there is no NVIDIA GPU here to test on: {why:#}"),
    }
    Ok(())
}

/// Of the whole program, start-up and evaluation included: a lower bound.
fn say_speed(seconds: f64) -> Result<()> {
    let table =
        fs::read_to_string(root().join(TRAIN)).with_context(|| format!("cannot read {TRAIN}"))?;
    let examples = table.lines().count().saturating_sub(1) * EPOCHS;
    println!(
        "\n{examples} examples in {seconds:.1} s with start-up and evaluation: {:.0} examples/s",
        examples as f64 / seconds
    );
    Ok(())
}
