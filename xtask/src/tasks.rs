//! The same fine-tuning, here and with PyTorch, on six tasks: whether the scores agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value};

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::process::{self, root};
use crate::python::Python;

/// What to compare on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds mrpc, cola_glue, rte_glue, stsb, trec and goemotions
    #[arg(long)]
    data: PathBuf,
    /// Only these of mrpc, cola, rte, stsb, trec and goemotions
    #[arg(long, value_delimiter = ',', value_parser = TASKS.each_ref().map(|task| task.name))]
    tasks: Vec<String>,
    /// How many seeds, from 1 on
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// The threads of each side
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A built `bertune`; it is built where left out
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Everything is written below this folder, which git ignores; what is there is not run again.
const FOLDER: &str = "runs/tasks";

struct Task {
    name: &'static str,
    kind: &'static str,
    /// What both sides are told.
    settings: &'static str,
    /// What `benches/peers/score.py` calls the scores that count.
    scores: &'static [&'static str],
}

const EPOCHS: &str = "3";

static TASKS: [Task; 6] = [
    Task { name: "mrpc", kind: "class", settings: "", scores: &["f1", "accuracy"] },
    Task { name: "cola", kind: "class", settings: "", scores: &["mcc"] },
    Task { name: "rte", kind: "class", settings: "", scores: &["accuracy"] },
    Task { name: "stsb", kind: "values", settings: "", scores: &["pearson", "spearman"] },
    Task { name: "trec", kind: "class", settings: "", scores: &["accuracy"] },
    Task {
        name: "goemotions",
        kind: "set",
        settings: "--learning-rate 3e-4 --head-learning-rate 3e-3",
        scores: &["micro_f1", "macro_f1"],
    },
];

/// The two sides of the comparison.
#[derive(Clone, Copy)]
enum Side {
    Bertune,
    PyTorch,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Bertune => "bertune",
            Self::PyTorch => "pytorch",
        }
    }
}

struct Bench {
    python: Python,
    model: PathBuf,
    program: PathBuf,
    folder: PathBuf,
    threads: String,
}

/// Runs what has not been run yet, and prints the table.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let cache = Cache::open()?;
    let bench = Bench {
        python: Python::bring(&cache)?,
        model: fetch::bring(&MINILM, &cache)?,
        program: program(selection.program.as_deref())?,
        folder: root().join(FOLDER),
        threads: selection.threads.to_string(),
    };
    let mut prepare = bench.python.command();
    prepare.arg("benches/peers/prepare_tasks.py").arg(&selection.data).arg(&bench.folder);
    prepare.args(selection.tasks().map(|task| task.name));
    process::run(&mut prepare)?;

    for seed in 1..=selection.seeds {
        for task in selection.tasks() {
            for side in [Side::Bertune, Side::PyTorch] {
                bench.scores(task, side, seed)?;
            }
        }
    }
    bench.print_table(selection)
}

impl Selection {
    fn tasks(&self) -> impl Iterator<Item = &'static Task> {
        let is_asked =
            |task: &&Task| self.tasks.is_empty() || self.tasks.iter().any(|name| name == task.name);
        TASKS.iter().filter(is_asked)
    }
}

/// The program that is given, or else built.
pub(crate) fn program(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(program) = given {
        return Ok(program.to_path_buf());
    }
    process::run(&mut process::cargo(["build", "--release", "--package", "bertune-cli"]))?;
    Ok(process::release("bertune"))
}

impl Bench {
    /// The scores of one run, from its file if it was run before.
    fn scores(&self, task: &Task, side: Side, seed: u64) -> Result<Map<String, Value>> {
        let folder = self.folder.join(task.name);
        let name = format!("{}-{seed}", side.name());
        let scored = folder.join(format!("{name}.json"));
        if !scored.exists() {
            let predictions = folder.join(format!("{name}.jsonl"));
            match side {
                Side::Bertune => self.train_ours(task, &folder, &predictions, seed)?,
                Side::PyTorch => self.train_theirs(task, &folder, &predictions, seed)?,
            }
            let mut score = self.python.command();
            score.arg("benches/peers/score.py").arg(folder.join("test.jsonl")).arg(&predictions);
            let scores = process::output_of(&mut score)?;
            println!("{} {name}: {}", task.name, scores.trim_end());
            fs::write(&scored, scores)?;
        }
        let json = fs::read_to_string(&scored)?;
        serde_json::from_str(&json).with_context(|| format!("{} is damaged", scored.display()))
    }

    fn train_ours(&self, task: &Task, folder: &Path, predictions: &Path, seed: u64) -> Result<()> {
        let model = folder.join(format!("model-{seed}"));
        let mut train = Command::new(&self.program);
        train.env("RAYON_NUM_THREADS", &self.threads);
        train.args(["train", "--quiet", "--overwrite", "--targets", task.kind]);
        // The other side decides at a half; by default, ours would be tuned on the validation examples.
        if task.kind == "set" {
            train.args(["--thresholds", "half"]);
        }
        // One evaluation, at the end: the model of the last epoch is kept, as on the other side.
        train.arg("--evaluate-every").arg(format!("{EPOCHS} epochs"));
        train.arg("--validation").arg(folder.join("test.jsonl")).arg("--output").arg(&model);
        self.with_recipe(&mut train, task, folder, seed);
        process::run(&mut train)?;

        let mut predict = Command::new(&self.program);
        predict.args(["predict", "--output-format", "jsonl", "--model"]).arg(&model);
        predict.arg("--file").arg(folder.join("test.jsonl")).arg("--output").arg(predictions);
        process::run(&mut predict)?;
        Ok(fs::remove_dir_all(&model)?)
    }

    fn train_theirs(&self, task: &Task, folder: &Path, out: &Path, seed: u64) -> Result<()> {
        let mut train = self.python.command();
        train.arg("benches/peers/fine_tune.py").args(["--kind", task.kind]);
        train.arg("--threads").arg(&self.threads);
        train.arg("--test").arg(folder.join("test.jsonl")).arg("--output").arg(out);
        self.with_recipe(&mut train, task, folder, seed);
        process::run(&mut train)
    }

    /// What both sides are told alike.
    fn with_recipe(&self, command: &mut Command, task: &Task, folder: &Path, seed: u64) {
        command.arg("--model").arg(&self.model).arg("--train").arg(folder.join("train.jsonl"));
        command.args(["--epochs", EPOCHS]).arg("--seed").arg(seed.to_string());
        command.args(task.settings.split_whitespace());
    }

    fn print_table(&self, selection: &Selection) -> Result<()> {
        println!("\n| task | score | bertune | PyTorch | difference | within one sd |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for task in selection.tasks() {
            for score in task.scores {
                let of = |side| self.values(task, side, score, selection.seeds);
                let (ours, theirs) = (of(Side::Bertune)?, of(Side::PyTorch)?);
                println!("| {} | {score} | {}", task.name, row(&ours, &theirs));
            }
        }
        Ok(())
    }

    fn values(&self, task: &Task, side: Side, score: &str, seeds: u64) -> Result<Vec<f64>> {
        let of = |seed| {
            let scores = self.scores(task, side, seed)?;
            let value = scores.get(score).and_then(Value::as_f64);
            value.with_context(|| format!("{} has no score {score}", task.name))
        };
        (1..=seeds).map(of).collect()
    }
}

/// The means with their standard deviations, and whether ours lies within one of theirs.
fn row(ours: &[f64], theirs: &[f64]) -> String {
    let ((our_mean, our_sd), (their_mean, their_sd)) = (mean_and_sd(ours), mean_and_sd(theirs));
    let difference = our_mean - their_mean;
    let within = if difference.abs() <= their_sd { "yes" } else { "no" };
    format!(
        "{our_mean:.4} ± {our_sd:.4} | {their_mean:.4} ± {their_sd:.4} | {difference:+.4} | \
         {within} |"
    )
}

/// The mean and the standard deviation of the sample.
pub(crate) fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_the_means_agree() {
        let theirs = [0.5, 0.6, 0.7];
        assert_eq!(
            row(&[0.6, 0.65, 0.7], &theirs),
            "0.6500 ± 0.0500 | 0.6000 ± 0.1000 | +0.0500 | yes |"
        );
        let far = row(&[0.1, 0.1, 0.1], &theirs);
        assert_eq!(far, "0.1000 ± 0.0000 | 0.6000 ± 0.1000 | -0.5000 | no |");
    }
}
