//! Fine-tuning and predicting on real text, here and with PyTorch and ONNX Runtime, in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::machine;
use crate::page::{self, median};
use crate::peers::{Peers, number, said};
use crate::process::{self, root};

/// What to measure on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds sst2_6920, sst2_glue and mrpc
    #[arg(long)]
    data: PathBuf,
    /// Only these of sst2_6920, sst2_glue, mrpc and predict
    #[arg(long, value_delimiter = ',', value_parser = ["sst2_6920", "sst2_glue", "mrpc", PREDICT])]
    only: Vec<String>,
    /// How often each side runs, in turn; the medians count
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Steps of fine-tuning in a run that count, after three that do not
    #[arg(long, default_value_t = 8)]
    steps: usize,
    /// Sentences to predict
    #[arg(long, default_value_t = 10_000)]
    sentences: usize,
    /// Put the tables into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

const TASKS: [&str; 3] = ["sst2_6920", "sst2_glue", "mrpc"];
const PREDICT: &str = "predict";

/// Rows of a task that are tokenized and learned from.
const ROWS: usize = 4000;

/// How PyTorch makes batches, with what it costs it against our goal.
const BATCHINGS: [(&str, &str, f64); 3] = [
    ("fixed", "padding to 128", 6.0),
    ("dynamic", "dynamic padding", 2.0),
    ("grouped", "grouped by length", 1.4),
];

/// Everything is written below this folder, which git ignores.
const FOLDER: &str = "runs/text-bench";

/// Runs everything and prints the tables.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let bench = Bench::new(selection)?;
    let machine = format!(
        "{}, all-MiniLM-L6-v2, f32. Medians of {} runs of each side, in turn.",
        bench.peers.machine()?,
        selection.rounds
    );
    println!("{machine}");
    let mut parts = vec![machine];
    let tasks: Vec<_> = TASKS.into_iter().filter(|task| selection.asks(task)).collect();
    if !tasks.is_empty() {
        parts.push(bench.fine_tuning(&tasks, selection)?);
    }
    if selection.asks(PREDICT) {
        parts.push(bench.predicting(selection)?);
        parts.push(bench.single(selection)?);
    }
    if selection.write {
        page::write("text-bench", &parts.join("\n\n"))?;
    }
    Ok(())
}

impl Selection {
    fn asks(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }
}

struct Bench {
    peers: Peers,
    /// Whether MKL's full path is another than the one it takes by itself.
    unlocks_mkl: bool,
    model: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// Builds, and prepares the rows of the tasks.
    fn new(selection: &Selection) -> Result<Self> {
        let cache = Cache::open()?;
        let (peers, model) = (Peers::bring(&cache)?, fetch::bring(&MINILM, &cache)?);
        let packages = ["--package", "bertune-benches", "--package", "bertune-cli"];
        let mut build = process::cargo(["build", "--release"]);
        process::run(build.args(packages).args(["--bin", "real_text", "--bin", "bertune"]))?;
        let folder = root().join(FOLDER);
        let mut prepare = peers.as_installed();
        prepare.arg("benches/peers/prepare_tasks.py").arg(&selection.data).arg(&folder);
        process::run(prepare.args(TASKS))?;
        for task in TASKS {
            keep_lines(&folder.join(task).join("train.jsonl"), ROWS, &rows(&folder, task))?;
        }
        let sentences = folder.join("sst2_glue").join("train.jsonl");
        keep_lines(&sentences, selection.sentences, &rows(&folder, PREDICT))?;
        let unlocks_mkl = !machine::processor()?.contains("Intel");
        Ok(Self { peers, unlocks_mkl, model, folder })
    }

    /// PyTorch's ways: as installed, and with MKL at full speed where that is another.
    fn ways(&self) -> Vec<Command> {
        let full = self.unlocks_mkl.then(|| self.peers.with_full_mkl());
        [self.peers.as_installed()].into_iter().chain(full).collect()
    }

    /// What the ways are, for people.
    fn ways_said(&self) -> &'static str {
        match self.unlocks_mkl {
            true => "PyTorch's figures are as installed, then with MKL at full speed",
            false => "MKL takes its full path on this processor by itself",
        }
    }

    fn fine_tuning(&self, tasks: &[&str], selection: &Selection) -> Result<String> {
        let goals = BATCHINGS.map(|(_, name, goal)| format!("{goal} × {name}")).join(", ");
        let mut lines = vec![
            format!(
                "Fine-tuning in batches of 32, at most 128 tokens, examples a second; {}. \
                 The ratios are against the faster of PyTorch's; the goals are {goals}. The host's \
                 share is tokenizing once and making batches, of the time of an epoch.",
                self.ways_said()
            ),
            String::new(),
            "| task | bertune | to 128 | dynamic | grouped | against to 128 | dynamic | grouped | \
             peak memory | of dynamic's | host's share | of dynamic's |"
                .to_owned(),
            format!("|{}", " --- |".repeat(12)),
        ];
        lines.iter().for_each(|line| println!("{line}"));
        for task in tasks {
            let line = self.task(task, selection)?;
            println!("{line}");
            lines.push(line);
        }
        Ok(lines.join("\n"))
    }

    /// One row of the table.
    fn task(&self, task: &str, selection: &Selection) -> Result<String> {
        let steps = selection.steps.to_string();
        let rows = rows(&self.folder, task);
        let (mut ours, mut theirs) = (Vec::new(), vec![Vec::new(); self.ways().len()]);
        for _ in 0..selection.rounds {
            let mut command = Command::new(process::release("real_text"));
            command.arg("train").arg(&self.model).arg(&rows).arg(&steps);
            ours.push(said(&mut command)?);
            for (mut command, runs) in self.ways().into_iter().zip(&mut theirs) {
                command.arg("benches/peers/real_text.py").arg("train").arg(&self.model);
                runs.push(said(command.arg(&rows).args(["--steps", &steps]))?);
            }
        }
        fine_tuning_row(task, &ours, &theirs)
    }

    fn predicting(&self, selection: &Selection) -> Result<String> {
        let (rows, model) = (rows(&self.folder, PREDICT), self.classifier()?);
        let mut sides: Vec<(&str, Vec<Value>)> = vec![("bertune", vec![])];
        sides.push(("PyTorch", vec![]));
        if self.unlocks_mkl {
            sides.push(("PyTorch, full MKL", vec![]));
        }
        sides.push(("ONNX Runtime", vec![]));
        for _ in 0..selection.rounds {
            for (side, runs) in &mut sides {
                let mut command = match *side {
                    "bertune" => Command::new(process::release("real_text")),
                    "PyTorch, full MKL" => self.peers.with_full_mkl(),
                    _ => self.peers.as_installed(),
                };
                if *side != "bertune" {
                    command.arg("benches/peers/real_text.py");
                }
                command.arg("predict").arg(&model).arg(&rows);
                if *side == "ONNX Runtime" {
                    command.args(["--engine", "onnx"]);
                }
                runs.push(said(&mut command)?);
            }
        }
        let table = prediction_table(&sides)?;
        let text = format!(
            "Predicting {} sentences of SST-2, from text to probabilities; the others sort them by \
             length and pad batches of 64 to their longest. The goals are 1.5 × PyTorch and 1.0 × \
             ONNX Runtime; {}.\n\n{table}",
            selection.sentences,
            self.ways_said()
        );
        println!("\n{text}");
        Ok(text)
    }

    /// One prediction by a process that has to start.
    fn single(&self, selection: &Selection) -> Result<String> {
        let model = self.classifier()?;
        let ours = || {
            let mut command = Command::new(process::release("bertune"));
            command.arg("predict").arg("--model").arg(&model).arg("a good film");
            command
        };
        let theirs = || {
            let pipeline = "import sys; from transformers import pipeline; \
                            print(pipeline('text-classification', sys.argv[1])('a good film'))";
            let mut command = self.peers.as_installed();
            command.args(["-c", pipeline]).arg(&model);
            command
        };
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..selection.rounds {
            for _ in 0..5 {
                our_times.push(milliseconds(&mut ours())?);
            }
            their_times.push(milliseconds(&mut theirs())?);
        }
        let text = format!(
            "One prediction from the command line, start of the process included: {:.0} ms with \
             `bertune predict`, {:.0} ms with transformers' pipeline. The goal is 250 ms.",
            median(&our_times).context("no run")?,
            median(&their_times).context("no run")?
        );
        println!("\n{text}");
        Ok(text)
    }

    /// A classifier of sentences, of whatever quality.
    fn classifier(&self) -> Result<PathBuf> {
        let folder = self.folder.join("classifier");
        if !folder.join("model.safetensors").exists() {
            let mut train = Command::new(process::release("bertune"));
            train.args(["train", "--quiet", "--max-steps", "2"]).arg("--model").arg(&self.model);
            train.arg("--train").arg(rows(&self.folder, "sst2_glue")).arg("--output").arg(&folder);
            process::run(&mut train)?;
        }
        Ok(folder)
    }
}

/// The file of a task's rows.
fn rows(folder: &Path, task: &str) -> PathBuf {
    folder.join(format!("{task}.jsonl"))
}

/// Copies the first lines of a file.
fn keep_lines(from: &Path, lines: usize, to: &Path) -> Result<()> {
    let text =
        fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
    let kept: String = text.split_inclusive('\n').take(lines).collect();
    fs::write(to, kept).with_context(|| format!("cannot write {}", to.display()))
}

fn milliseconds(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    process::output_of(command)?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// The median of a number over runs; `path` leads to it.
fn of_runs(runs: &[Value], path: &[&str]) -> Result<f64> {
    let value = |run: &Value| {
        let (name, folders) = path.split_last().context("a name")?;
        number(folders.iter().fold(run, |run, name| &run[*name]), name)
    };
    let values: Vec<f64> = runs.iter().map(value).collect::<Result<_>>()?;
    median(&values).context("no run")
}

fn fine_tuning_row(task: &str, ours: &[Value], theirs: &[Vec<Value>]) -> Result<String> {
    let our_speed = of_runs(ours, &["examples_per_s"])?;
    let (mut speeds, mut ratios) = (Vec::new(), Vec::new());
    for (batching, ..) in BATCHINGS {
        let of_way = |runs: &Vec<Value>| of_runs(runs, &[batching, "examples_per_s"]);
        let found: Vec<f64> = theirs.iter().map(of_way).collect::<Result<_>>()?;
        let best = found.iter().copied().fold(0.0, f64::max);
        speeds.push(found.iter().map(|speed| format!("{speed:.0}")).collect::<Vec<_>>().join(", "));
        ratios.push(format!("{:.2} ×", our_speed / best));
    }
    let last = theirs.last().context("PyTorch runs")?;
    Ok(format!(
        "| {task} | {our_speed:.0} | {} | {} | {:.0} MB | {:.2} | {:.1} % | {:.1} % |",
        speeds.join(" | "),
        ratios.join(" | "),
        of_runs(ours, &["megabytes"])?,
        of_runs(ours, &["megabytes"])? / of_runs(last, &["dynamic", "megabytes"])?,
        100.0 * of_runs(ours, &["host_share"])?,
        100.0 * of_runs(last, &["dynamic", "host_share"])?
    ))
}

fn prediction_table(sides: &[(&str, Vec<Value>)]) -> Result<String> {
    let mut lines = vec![
        "| | sentences a second | bertune against it | peak memory | tokenizing |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    let speed = |runs: &[Value]| of_runs(runs, &["examples_per_s"]);
    for (side, runs) in sides {
        lines.push(format!(
            "| {side} | {:.0} | {:.2} × | {:.0} MB | {:.2} s |",
            speed(runs)?,
            speed(&sides[0].1)? / speed(runs)?,
            of_runs(runs, &["megabytes"])?,
            of_runs(runs, &["tokenizing_s"])?
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_compares_with_the_faster_of_pytorch() {
        let of =
            |speed: f64| json!({"examples_per_s": speed, "megabytes": 200, "host_share": 0.02});
        let theirs = |speed: f64| json!({"fixed": of(speed), "dynamic": of(2.0 * speed), "grouped": of(4.0 * speed)});
        let ours = [json!({"examples_per_s": 80.0, "megabytes": 100, "host_share": 0.01})];
        let row = fine_tuning_row("mrpc", &ours, &[vec![theirs(5.0)], vec![theirs(10.0)]]);
        assert_eq!(
            row.ok().as_deref(),
            Some(
                "| mrpc | 80 | 5, 10 | 10, 20 | 20, 40 | 8.00 × | 4.00 × | 2.00 × | 100 MB | 0.50 \
                 | 1.0 % | 2.0 % |"
            )
        );
    }
}
