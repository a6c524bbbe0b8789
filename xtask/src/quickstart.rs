//! The README's first command: from nothing to a text classifier.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::process::{self, cargo};

/// Where the fine-tuned folder goes.
const OUTPUT: &str = "runs/support";

/// The settings of the run, as flags of `bertune train`.
const SETTINGS: &str =
    "--epochs 6 --batch-size 16 --learning-rate 1e-4 --head-learning-rate 1e-3 --seed 1";

/// What the new classifier is asked in the end.
const SENTENCES: [&str; 3] = [
    "I was charged twice for the same order, please give me one of them back",
    "the app closes itself as soon as I open the settings page",
    "Could you tell me where my parcel is? It should have come on Monday",
];

/// Brings a real BERT, fine-tunes it on `data/support`, evaluates, predicts.
pub(crate) fn run() -> Result<()> {
    println!("1. Bring a pretrained BERT: all-MiniLM-L6-v2");
    let model = fetch::bring(&MINILM, &Cache::open()?)?;

    println!("\n2. Fine-tune it on data/support; the first time, this builds the program");
    train(&model)?;

    println!("\n3. Evaluate it on messages that it has not seen");
    process::run(&mut bertune(["evaluate", "--model", OUTPUT, "--data", "data/support/test.csv"]))?;

    println!("\n4. Ask it");
    process::run(bertune(["predict", "--model", OUTPUT]).args(SENTENCES))?;
    say_what_next();
    Ok(())
}

fn train(model: &Path) -> Result<()> {
    let mut command = bertune(["train", "--model"]);
    command.arg(model);
    for part in ["train", "validation", "test"] {
        command.arg(format!("--{part}")).arg(format!("data/support/{part}.csv"));
    }
    command.args(SETTINGS.split(' '));
    process::run(command.args(["--output", OUTPUT, "--overwrite"]))
}

/// The program as a newcomer would run it: built if need be, then run.
pub(crate) fn bertune<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = cargo(["run", "--release", "--package", "bertune-cli", "--"]);
    command.args(arguments);
    command
}

fn say_what_next() {
    println!(
        "\nThe fine-tuned folder is {OUTPUT}. Try next:\n\
         - your own sentence:\n  \
           cargo run --release -p bertune-cli -- predict --model {OUTPUT} \"where is my refund?\"\n\
         - your own texts: a CSV file with the columns text and label in place of data/support\n\
         - Python: transformers.pipeline(\"text-classification\", model=\"{OUTPUT}\")"
    );
}
