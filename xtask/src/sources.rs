//! Whether rows of related texts help a small target, by each way to weigh them, on real texts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::process::{self, root};
use crate::python::Python;
use crate::tasks::{self, mean_and_sd};

/// What to measure on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds sst2_6920 and goemotions
    #[arg(long, value_parser = process::existing)]
    data: PathBuf,
    /// Only these of movies-reddit, reddit-movies, movies-half, movies-turned and movies-movies
    #[arg(long, value_delimiter = ',', value_parser = CASES)]
    cases: Vec<String>,
    /// How many seeds, from 1 on; each draws other rows as well
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..))]
    seeds: u64,
    /// A built `bertune`; it is built where left out
    #[arg(long, value_parser = process::existing)]
    program: Option<PathBuf>,
}

/// Everything is written below this folder, which git ignores; what is there is not run again.
const FOLDER: &str = "runs/sources";

const CASES: [&str; 5] =
    ["movies-reddit", "reddit-movies", "movies-half", "movies-turned", "movies-movies"];

/// What learns from what: the flags beside those that all share.
const WAYS: [(&str, &str); 5] = [
    ("target, 3 epochs", "--epochs 3"),
    // Those of 3 epochs of the target's 200 rows and the source's 2,000, in steps of 32.
    ("target, as many steps", "--max-steps 207"),
    ("uniform", "--epochs 3 --source-check none --source-weights uniform"),
    ("domain", "--epochs 3 --source-check none --source-weights domain"),
    ("tradaboost", "--epochs 3 --source-check none --source-weights tradaboost"),
];

/// What all runs share; the model of the last step is measured, and no other.
const RECIPE: &str = "--quiet --overwrite --batch-size 32 --learning-rate 5e-5 \
                      --max-length 64 --evaluate-every 1000000";

struct Bench {
    model: PathBuf,
    program: PathBuf,
    folder: PathBuf,
}

/// Runs what has not been run yet, and prints the table.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let cache = Cache::open()?;
    let bench = Bench {
        model: fetch::bring(&MINILM, &cache)?,
        program: tasks::program(selection.program.as_deref())?,
        folder: root().join(FOLDER),
    };
    let mut prepare = Python::bring(&cache)?.command();
    prepare.arg("benches/peers/prepare_sources.py").arg(&selection.data).arg(&bench.folder);
    process::run(prepare.arg(selection.seeds.to_string()))?;

    for seed in 1..=selection.seeds {
        for case in selection.cases() {
            for way in &WAYS {
                println!("{case} {} {seed}: {:.4}", way.0, bench.accuracy(case, way, seed)?);
            }
        }
    }
    println!("\n| case | {} |", WAYS.map(|(name, _)| name).join(" | "));
    println!("| --- |{}", " --- |".repeat(WAYS.len()));
    for case in selection.cases() {
        let cell = |way| {
            let seeds = (1..=selection.seeds).map(|seed| bench.accuracy(case, way, seed));
            mean_and_sd(&seeds.collect::<Result<Vec<_>>>()?)
        };
        let cells = WAYS.iter().map(cell).collect::<Result<Vec<_>>>()?;
        println!("| {case} | {} |", cells.join(" | "));
    }
    Ok(())
}

impl Selection {
    fn cases(&self) -> impl Iterator<Item = &'static str> {
        let is_asked =
            |case: &&str| self.cases.is_empty() || self.cases.iter().any(|name| name == case);
        CASES.into_iter().filter(is_asked)
    }
}

impl Bench {
    /// The accuracy of one run on the rows to measure on, from its record if it was run before.
    fn accuracy(&self, case: &str, (way, flags): &(&str, &str), seed: u64) -> Result<f64> {
        // What learns from the target alone is the same whatever the source.
        let case = match flags.contains("--source-weights") || case == "reddit-movies" {
            true => case,
            false => "movies-movies",
        };
        let folder = self.folder.join(case);
        let output = folder.join(format!("{}-{seed}", way.replace([' ', ','], "")));
        let record = output.join("run.json");
        if !is_finished(&record) {
            self.train(&folder, flags, seed, &output)?;
            // The weights have served.
            fs::remove_file(output.join("model.safetensors"))?;
        }
        let record: Value = serde_json::from_slice(&fs::read(&record)?)?;
        let accuracy = record["history"]["evaluations"][0]["validation"]["accuracy"].as_f64();
        accuracy.with_context(|| format!("{} has no accuracy", output.display()))
    }

    fn train(&self, folder: &Path, flags: &str, seed: u64, output: &Path) -> Result<()> {
        let mut train = Command::new(&self.program);
        train.arg("train").args(RECIPE.split_whitespace()).args(flags.split_whitespace());
        train.arg("--model").arg(&self.model).arg("--output").arg(output);
        train.arg("--train").arg(folder.join(format!("target-{seed}.jsonl")));
        train.arg("--validation").arg(folder.join("test.jsonl"));
        train.args(["--seed", &seed.to_string()]);
        if flags.contains("--source-weights") {
            train.arg("--source").arg(folder.join(format!("source-{seed}.jsonl")));
        }
        process::run(&mut train)
    }
}

/// Whether a run came to its end: one that was stopped has a record too.
fn is_finished(record: &Path) -> bool {
    let record = fs::read(record).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    record.is_some_and(|record| record["finished"] == true)
}
