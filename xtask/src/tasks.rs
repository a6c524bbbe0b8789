//! The same fine-tuning, here and with PyTorch, on seven tasks: whether the scores agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use bertune_metrics::SeedSummary;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::process::{self, root};
use crate::python::Python;

/// What to compare on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds sst2_6920, mrpc, cola_glue, rte_glue, stsb, trec and goemotions
    #[arg(long, value_parser = process::existing)]
    data: PathBuf,
    /// Only these of sst2_6920, mrpc, cola, rte, stsb, trec and goemotions
    #[arg(long, value_delimiter = ',', value_parser = TASKS.each_ref().map(|task| task.name))]
    tasks: Vec<String>,
    /// Which is compared with which
    #[arg(long, value_delimiter = ',', default_value = "bertune,pytorch")]
    sides: Vec<Side>,
    /// How many seeds, from 1 on
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..))]
    seeds: u64,
    /// The threads of each side
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A built `bertune`; it is built where left out
    #[arg(long, value_parser = process::existing)]
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

/// What the preset lora has: changes that begin at zero take longer.
const LORA_EPOCHS: &str = "4";

/// What can share an encoder.
const TOGETHER: [&str; 3] = ["rte", "mrpc", "stsb"];

static TASKS: [Task; 7] = [
    Task { name: "sst2_6920", kind: "class", settings: "", scores: &["accuracy"] },
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

/// One side of a comparison: a program and how it trains.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Side {
    /// bertune in f32
    Bertune,
    /// bertune in bf16
    Bf16,
    /// bertune by its preset lora, 4 epochs
    Lora,
    /// bertune with one encoder for rte, mrpc and stsb
    Together,
    /// PyTorch in f32
    #[value(name = "pytorch")]
    PyTorch,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Bertune => "bertune",
            Self::Bf16 => "bf16",
            Self::Lora => "lora",
            Self::Together => "together",
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
    let &[one, other] = selection.sides.as_slice() else {
        bail!("name two sides, such as bf16,pytorch");
    };
    selection.check()?;
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
            for side in [one, other] {
                bench.scores(task, side, seed)?;
            }
        }
    }
    bench.print_table(selection, [one, other])
}

impl Selection {
    fn check(&self) -> Result<()> {
        let together = self.sides.contains(&Side::Together);
        match self.tasks().find(|task| together && !TOGETHER.contains(&task.name)) {
            Some(task) => bail!("{} learns alone; say --tasks {}", task.name, TOGETHER.join(",")),
            None => Ok(()),
        }
    }

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
                Side::Bertune => self.train_ours(task, EPOCHS, &[], seed, &predictions)?,
                Side::Bf16 => {
                    let flags = ["--precision", "bf16"];
                    self.train_ours(task, EPOCHS, &flags, seed, &predictions)?;
                }
                Side::Lora => {
                    let flags = ["--preset", "lora"];
                    self.train_ours(task, LORA_EPOCHS, &flags, seed, &predictions)?;
                }
                Side::Together => {
                    let models = self.train_together(seed)?;
                    self.predict(task, &models.join(task.name), &predictions)?;
                }
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

    fn train_ours(
        &self,
        task: &Task,
        epochs: &str,
        flags: &[&str],
        seed: u64,
        predictions: &Path,
    ) -> Result<()> {
        let folder = self.folder.join(task.name);
        let model = folder.join(format!("model-{seed}"));
        let mut train = self.ours();
        train.args(["train", "--quiet", "--overwrite", "--targets", task.kind]);
        // The other side decides at a half; by default, ours would be tuned on the validation examples.
        if task.kind == "set" {
            train.args(["--thresholds", "half"]);
        }
        // One evaluation, at the end: the model of the last epoch is kept, as on the other side.
        train.arg("--evaluate-every").arg(format!("{epochs} epochs"));
        train.arg("--validation").arg(folder.join("test.jsonl")).arg("--output").arg(&model);
        self.with_recipe(train.args(["--epochs", epochs]), task, &folder, seed);
        process::run(train.args(flags))?;
        self.predict(task, &model, predictions)?;
        Ok(fs::remove_dir_all(&model)?)
    }

    /// One encoder for several tasks, by the recipe of one; the folder that has a model of each.
    fn train_together(&self, seed: u64) -> Result<PathBuf> {
        let models = self.folder.join(format!("together-{seed}"));
        if models.exists() {
            return Ok(models);
        }
        // One that is stopped leaves models too.
        let part = self.folder.join(format!("together-{seed}-part"));
        let mut settings = format!(
            "model = {:?}\noutput = {part:?}\n[training]\nepochs = {EPOCHS}\n\
             evaluate_every = \"{EPOCHS} epochs\"\n",
            self.model
        );
        for task in TASKS.iter().filter(|task| TOGETHER.contains(&task.name)) {
            let file = |split| self.folder.join(task.name).join(format!("{split}.jsonl"));
            settings.push_str(&format!(
                "[[tasks]]\nname = {:?}\ntrain = {:?}\nvalidation = {:?}\n\
                 data = {{ targets = {:?} }}\n",
                task.name,
                file("train"),
                file("test"),
                task.kind
            ));
        }
        let path = self.folder.join("together.toml");
        fs::write(&path, settings)?;
        let mut train = self.ours();
        train.args(["train-tasks", "--quiet", "--overwrite", "--seed", &seed.to_string()]);
        process::run(train.arg(path))?;
        fs::rename(part, &models)?;
        Ok(models)
    }

    fn predict(&self, task: &Task, model: &Path, predictions: &Path) -> Result<()> {
        let mut predict = self.ours();
        predict.args(["predict", "--output-format", "jsonl", "--model"]).arg(model);
        predict.arg("--file").arg(self.folder.join(task.name).join("test.jsonl"));
        process::run(predict.arg("--output").arg(predictions))
    }

    /// Our program, with so many threads.
    fn ours(&self) -> Command {
        let mut ours = Command::new(&self.program);
        ours.env("RAYON_NUM_THREADS", &self.threads);
        ours
    }

    fn train_theirs(&self, task: &Task, folder: &Path, out: &Path, seed: u64) -> Result<()> {
        let mut train = self.python.command();
        train.arg("benches/peers/fine_tune.py").args(["--kind", task.kind]);
        train.arg("--threads").arg(&self.threads);
        train.arg("--test").arg(folder.join("test.jsonl")).arg("--output").arg(out);
        self.with_recipe(train.args(["--epochs", EPOCHS]), task, folder, seed);
        process::run(&mut train)
    }

    /// What both sides are told alike.
    fn with_recipe(&self, command: &mut Command, task: &Task, folder: &Path, seed: u64) {
        command.arg("--model").arg(&self.model).arg("--train").arg(folder.join("train.jsonl"));
        command.arg("--seed").arg(seed.to_string());
        command.args(task.settings.split_whitespace());
    }

    fn print_table(&self, selection: &Selection, sides: [Side; 2]) -> Result<()> {
        let names = sides.map(Side::name).join(" | ");
        println!("\n| task | score | {names} | difference | its 95 % interval | within one sd |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for task in selection.tasks() {
            for score in task.scores {
                let of = |side| self.values(task, side, score, selection.seeds);
                let [one, other] = sides;
                println!("| {} | {score} | {}", task.name, row(&of(one)?, &of(other)?)?);
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

/// The means with their standard deviations, their difference with Student's interval of what the seeds
/// differ by, and whether it is within the second's standard deviation.
fn row(one: &[f64], other: &[f64]) -> Result<String> {
    let differences: Vec<_> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    let difference = SeedSummary::new(&differences).context("a score of each seed")?;
    let interval = difference.interval.context("two seeds or more")?;
    let deviation = SeedSummary::new(other).and_then(|other| other.standard_deviation);
    let is_within = deviation.is_some_and(|deviation| difference.mean.abs() <= deviation);
    Ok(format!(
        "{} | {} | {:+.4} | {:+.4} to {:+.4} | {} |",
        mean_and_sd(one)?,
        mean_and_sd(other)?,
        difference.mean,
        interval.low,
        interval.high,
        if is_within { "yes" } else { "no" }
    ))
}

/// The mean and the standard deviation of the sample.
pub(crate) fn mean_and_sd(scores: &[f64]) -> Result<String> {
    let summary = SeedSummary::new(scores).context("a score of each seed")?;
    let deviation = summary.standard_deviation.context("two seeds or more")?;
    Ok(format!("{:.4} ± {deviation:.4}", summary.mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_the_means_agree() {
        let theirs = [0.5, 0.6, 0.7];
        assert_eq!(
            row(&[0.6, 0.65, 0.7], &theirs).unwrap(),
            "0.6500 ± 0.0500 | 0.6000 ± 0.1000 | +0.0500 | -0.0742 to +0.1742 | yes |"
        );
        let far = row(&[0.1, 0.1, 0.1], &theirs).unwrap();
        assert_eq!(far, "0.1000 ± 0.0000 | 0.6000 ± 0.1000 | -0.5000 | -0.7484 to -0.2516 | no |");
    }
}
