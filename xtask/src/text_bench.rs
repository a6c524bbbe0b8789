//! Fine-tuning and predicting on real text, here and with PyTorch and ONNX Runtime, in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::page::{self, median};
use crate::peers::{FULL_SPEED, Peers, against, memory, number, said};
use crate::process::{self, root};

/// What to measure on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds sst2_6920, sst2_glue and mrpc
    #[arg(long, value_parser = process::existing)]
    data: PathBuf,
    /// Only these of sst2_6920, sst2_glue, mrpc and predict
    #[arg(long, value_delimiter = ',', value_parser = ["sst2_6920", "sst2_glue", "mrpc", PREDICT])]
    only: Vec<String>,
    /// How often each side runs, in turn; the medians count
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Steps of PyTorch's fine-tuning in a run that count, after three that do not
    #[arg(long, default_value_t = 12)]
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

/// Where the tables stand in the page: by the commands that write one alone.
const FINE_TUNING: &str = "text-bench --only sst2_6920,sst2_glue,mrpc";
const PREDICTING: &str = "text-bench --only predict";

/// Rows of a task that are tokenized and learned from.
const ROWS: usize = 4000;

const SCRIPT: &str = "benches/peers/real_text.py";

/// Steps of ours that count: more than PyTorch's, for they are quick, and chance alone chooses
/// their batches.
const OUR_STEPS: &str = "40";

/// How PyTorch pads batches, and how many times faster we are to be: than as installed, and than at
/// full speed.
const BATCHINGS: [(&str, [f64; 2]); 3] =
    [("fixed", [9.0, 6.0]), ("dynamic", [3.0, 2.0]), ("grouped", [2.0, 1.4])];

/// Who predicts, and how many times faster we are to be.
const SIDES: [(&str, Option<f64>); 4] = [
    ("bertune", None),
    ("PyTorch", Some(3.0)),
    ("PyTorch at full speed", Some(1.5)),
    ("ONNX Runtime", Some(1.0)),
];

/// Everything is written below this folder, which git ignores.
const FOLDER: &str = "runs/text-bench";

/// Runs everything and prints the tables.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let tasks: Vec<_> = TASKS.into_iter().filter(|task| selection.asks(task)).collect();
    let whole = tasks.is_empty() || tasks.len() == TASKS.len();
    ensure!(whole || !selection.write, "--write takes all tasks of fine-tuning or none");
    let bench = Bench::new(selection)?;
    let machine = format!(
        "{}, all-MiniLM-L6-v2, f32. Medians of {} runs of each side, in turn. {FULL_SPEED}. Where \
         there are two figures, they are of PyTorch as installed and at full speed.",
        bench.peers.machine()?,
        selection.rounds
    );
    println!("{machine}");
    let write = |mark, parts: &[&str]| match selection.write {
        true => page::write(mark, &parts.join("\n\n")),
        false => Ok(()),
    };
    if !tasks.is_empty() {
        write(FINE_TUNING, &[&machine, &bench.fine_tuning(&tasks, selection)?])?;
    }
    if selection.asks(PREDICT) {
        let (many, one) = (bench.predicting(selection)?, bench.single(selection)?);
        write(PREDICTING, &[&machine, &many, &one])?;
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
    model: PathBuf,
    folder: PathBuf,
    /// How many there are to predict.
    sentences: usize,
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
        let mut prepare = peers.python();
        prepare.arg("benches/peers/prepare_tasks.py").arg(&selection.data).arg(&folder);
        process::run(prepare.args(TASKS))?;
        for task in TASKS {
            keep_lines(&folder.join(task).join("train.jsonl"), ROWS, &rows(&folder, task))?;
        }
        let sentences = folder.join("sst2_glue").join("train.jsonl");
        let sentences = keep_lines(&sentences, selection.sentences, &rows(&folder, PREDICT))?;
        Ok(Self { peers, model, folder, sentences })
    }

    fn fine_tuning(&self, tasks: &[&str], selection: &Selection) -> Result<String> {
        let mut lines = vec![
            format!(
                "Fine-tuning on the first {ROWS} rows of a task, in batches of 32, at most 128 \
                 tokens; examples a second. PyTorch's {} steps that count take batches from all \
                 over the order of their padded tokens; the last column has the mean of these \
                 against the epoch's, for the three ways of padding. Memory and the host's share \
                 are beside those of dynamic padding as installed. The host's share is tokenizing \
                 once and making batches, of the time of an epoch; its goal is 3 %.",
                selection.steps
            ),
            String::new(),
            "| task | bertune | to 128 | dynamic | grouped | against to 128 (goal) | dynamic \
             (goal) | grouped (goal) | peak memory | host's share | of dynamic's | sample |"
                .to_owned(),
            format!("|{}", " --- |".repeat(12)),
        ];
        println!();
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
        let mut ours = Vec::new();
        let mut theirs: [[Vec<Value>; 2]; 3] = Default::default();
        for _ in 0..selection.rounds {
            let mut command = self.peers.ours("real_text");
            command.arg("train").arg(&self.model).arg(&rows).arg(OUR_STEPS);
            ours.push(said(&mut command)?);
            for (&(batching, _), runs) in BATCHINGS.iter().zip(&mut theirs) {
                let ways = [self.peers.as_installed(SCRIPT), self.peers.at_full_speed(SCRIPT)];
                for (mut command, runs) in ways.into_iter().zip(runs) {
                    command.arg("train").arg(&self.model).arg(&rows);
                    command.args(["--batching", batching, "--steps", &steps]);
                    runs.push(said(&mut command)?);
                }
            }
        }
        fine_tuning_row(task, &ours, &theirs)
    }

    fn predicting(&self, selection: &Selection) -> Result<String> {
        let (rows, model) = (rows(&self.folder, PREDICT), self.classifier()?);
        let mut runs: [Vec<Value>; 4] = Default::default();
        for _ in 0..selection.rounds {
            for (&(side, _), runs) in SIDES.iter().zip(&mut runs) {
                let mut command = match side {
                    "bertune" => self.peers.ours("real_text"),
                    "PyTorch at full speed" => self.peers.at_full_speed(SCRIPT),
                    _ => self.peers.as_installed(SCRIPT),
                };
                command.arg("predict").arg(&model).arg(&rows);
                if side == "ONNX Runtime" {
                    command.args(["--engine", "onnx"]);
                }
                runs.push(said(&mut command)?);
            }
        }
        let table = prediction_table(&runs)?;
        let text = format!(
            "Predicting {} sentences of SST-2, from text to probabilities; the others sort them by \
             length and pad batches of 64 to their longest.\n\n{table}",
            self.sentences
        );
        println!("\n{text}");
        Ok(text)
    }

    /// One prediction by a process that has to start.
    fn single(&self, selection: &Selection) -> Result<String> {
        let model = self.classifier()?;
        let ours = || {
            let mut command = self.peers.ours("bertune");
            command.arg("predict").arg("--model").arg(&model).arg("a good film");
            command
        };
        let theirs = || {
            let pipeline = "import sys; from transformers import pipeline; \
                            print(pipeline('text-classification', sys.argv[1])('a good film'))";
            let mut command = self.peers.python();
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
            let mut train = self.peers.ours("bertune");
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

/// Copies the first lines of a file, and says how many there were.
fn keep_lines(from: &Path, lines: usize, to: &Path) -> Result<usize> {
    let text =
        fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
    let kept: Vec<&str> = text.split_inclusive('\n').take(lines).collect();
    fs::write(to, kept.concat()).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(kept.len())
}

fn milliseconds(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    process::output_of(command)?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// The median of a number over runs.
fn of_runs(runs: &[Value], name: &str) -> Result<f64> {
    let values: Vec<f64> = runs.iter().map(|run| number(run, name)).collect::<Result<_>>()?;
    median(&values).context("no run")
}

/// Of theirs, each of [`BATCHINGS`] as installed and at full speed.
fn fine_tuning_row(task: &str, ours: &[Value], theirs: &[[Vec<Value>; 2]; 3]) -> Result<String> {
    let speed = |runs: &[Value]| of_runs(runs, "examples_per_s");
    let our_speed = speed(ours)?;
    let (mut speeds, mut ratios, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for (&(_, goals), [plain, full]) in BATCHINGS.iter().zip(theirs) {
        let (slow, fast) = (speed(plain)?, speed(full)?);
        speeds.push(format!("{slow:.0}, {fast:.0}"));
        let [ratio, ratio_of_best] = [slow, fast].map(|speed| our_speed / speed);
        ratios.push([against(ratio, goals[0]), against(ratio_of_best, goals[1])].join(", "));
        let [step, epoch] = ["padded_tokens_per_step", "padded_tokens_of_epoch"];
        samples.push(format!("{:.2}", of_runs(plain, step)? / of_runs(plain, epoch)?));
    }
    let [_, [dynamic, _], _] = theirs;
    let megabytes = |runs: &[Value]| of_runs(runs, "megabytes");
    Ok(format!(
        "| {task} | {our_speed:.0} | {} | {} | {} | {:.1} % | {:.1} % | {} |",
        speeds.join(" | "),
        ratios.join(" | "),
        memory(megabytes(ours)?, megabytes(dynamic)?, of_runs(dynamic, "imports_megabytes")?),
        100.0 * of_runs(ours, "host_share")?,
        100.0 * of_runs(dynamic, "host_share")?,
        samples.join(", ")
    ))
}

/// Runs of each of [`SIDES`].
fn prediction_table(runs: &[Vec<Value>; 4]) -> Result<String> {
    let mut lines = vec![
        "| | sentences a second | bertune against it (goal) | peak memory | tokenizing |"
            .to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    let speed = |runs: &[Value]| of_runs(runs, "examples_per_s");
    let our_speed = speed(&runs[0])?;
    for (&(side, goal), runs) in SIDES.iter().zip(runs) {
        let ratio = our_speed / speed(runs)?;
        lines.push(format!(
            "| {side} | {:.0} | {} | {:.0} MB | {:.2} s |",
            speed(runs)?,
            goal.map_or("–".to_owned(), |goal| against(ratio, goal)),
            of_runs(runs, "megabytes")?,
            of_runs(runs, "tokenizing_s")?
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_compares_with_both_ways_of_pytorch() {
        let of = |speed: f64| {
            vec![json!({
                "examples_per_s": speed, "megabytes": 200, "imports_megabytes": 75,
                "host_share": 0.02, "padded_tokens_per_step": 99, "padded_tokens_of_epoch": 100
            })]
        };
        let theirs = [5.0, 10.0, 20.0].map(|speed| [of(speed), of(2.0 * speed)]);
        let ours = [json!({"examples_per_s": 80.0, "megabytes": 100, "host_share": 0.01})];
        let row = fine_tuning_row("mrpc", &ours, &theirs);
        assert_eq!(
            row.ok().as_deref(),
            Some(
                "| mrpc | 80 | 5, 10 | 10, 20 | 20, 40 | 16.00 × (9), 8.00 × (6) \
                 | 8.00 × (3), 4.00 × (2) | 4.00 × (2), 2.00 × (1.4) \
                 | 100 MB, 0.50 of theirs, 0.80 without their imports | 1.0 % | 2.0 % \
                 | 0.99, 0.99, 0.99 |"
            )
        );
    }

    #[test]
    fn predictions_are_compared_with_each_of_the_others() {
        let of = |speed: f64| {
            vec![json!({"examples_per_s": speed, "megabytes": 200, "tokenizing_s": 0.5})]
        };
        let table = prediction_table(&[of(90.0), of(30.0), of(45.0), of(60.0)]).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| bertune | 90 | – | 200 MB | 0.50 s |",
                "| PyTorch | 30 | 3.00 × (3) | 200 MB | 0.50 s |",
                "| PyTorch at full speed | 45 | 2.00 × (1.5) | 200 MB | 0.50 s |",
                "| ONNX Runtime | 60 | 1.50 × (1) | 200 MB | 0.50 s |",
            ]
        );
    }
}
