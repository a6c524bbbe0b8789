//! What the pretraining of the boxed model buys: it beside its own architecture from scratch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::cache::Cache;
use crate::page;
use crate::process::{self, root};
use crate::python::Python;
use crate::tasks::program;

/// What to compare on, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder that holds sst2_6920, trec, agnews and cola_glue
    #[arg(long, value_parser = process::existing)]
    data: PathBuf,
    /// Only these of sst2_6920, trec, agnews, cola and support
    #[arg(long, value_delimiter = ',', value_parser = SETS)]
    sets: Vec<String>,
    /// Training sizes: numbers of rows, or all
    #[arg(long, default_value = "256,all")]
    sizes: String,
    /// How many seeds, from 1 on
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Another model in place of the boxed one
    #[arg(long, default_value = "boxed")]
    model: String,
    /// A built `bertune`; it is built where left out
    #[arg(long, value_parser = process::existing)]
    program: Option<PathBuf>,
    /// Put the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

const SETS: [&str; 5] = ["sst2_6920", "trec", "agnews", "cola", "support"];

/// The project's own set, which has its files in the repository.
const SUPPORT: &str = "support";

/// What its table calls fine-tuning all weights.
const FULL: &str = "full fine-tuning";

/// Everything is written below this folder, which git ignores; finished runs are not run again.
const FOLDER: &str = "runs/boxed";

/// Runs what has not been run yet, and prints the table.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let is_whole = selection.sets.is_empty() && selection.model == "boxed";
    ensure!(is_whole || !selection.write, "--write takes all sets, and the boxed model");
    let program = program(selection.program.as_deref())?;
    let folder = root().join(FOLDER);
    let sets: Vec<&str> = SETS.into_iter().filter(|set| selection.wants(set)).collect();
    prepare(&selection.data, &folder, &sets)?;
    let mut rows = vec![
        "| data | method | training rows | score | 95 % interval | gap | steps to scratch's best |"
            .to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for set in sets {
        let folder = folder.join(set);
        let whole = folder.join("comparison");
        process::run(&mut selection.compare(&program, set, &folder, &whole))?;
        rows.extend(rows_of(set, &whole.join("comparison.json"))?);
        let third = folder.join("third");
        share_scratch(&whole, &third)?;
        let mut compare = selection.compare(&program, set, &folder, &third);
        process::run(compare.args(["--step-shares", "full=0.3333"]))?;
        let of_third = rows_of(set, &third.join("comparison.json"))?.into_iter();
        let full = of_third.filter(|row| row.contains(FULL));
        rows.extend(full.map(|row| row.replace(FULL, &format!("{FULL}, a third of the steps"))));
    }
    let table = rows.join("\n");
    println!("\n{table}");
    if selection.write {
        page::write("boxed-scores", &table)?;
    }
    Ok(())
}

impl Selection {
    fn wants(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|wanted| wanted == set)
    }

    fn compare(&self, program: &Path, set: &str, folder: &Path, output: &Path) -> Command {
        let mut compare = Command::new(program);
        compare.args(["compare", "--quiet", "--methods", "scratch,full", "--evaluations", "10"]);
        compare.args(["--model", &self.model, "--preset", "small", "--sizes", &self.sizes]);
        compare.arg("--seeds").arg(self.seeds.to_string()).arg("--output").arg(output);
        if set == "cola" {
            // The classes are unequal, and the set's own score is this.
            compare.args(["--metric", "mcc"]);
        }
        let splits: &[&str] = match set {
            SUPPORT => &["train", "validation", "test"],
            _ => &["train", "test"],
        };
        for split in splits {
            let file = match set {
                SUPPORT => root().join(format!("data/support/{split}.csv")),
                _ => folder.join(format!("{split}.jsonl")),
            };
            compare.arg(format!("--{split}")).arg(file);
        }
        compare
    }
}

/// Hands the finished runs from scratch of one comparison to another, for which they are the same.
fn share_scratch(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.join("cells"), to.join("cells"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("scratch-") {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Writes those sets that are not the project's own as JSON lines.
fn prepare(data: &Path, folder: &Path, sets: &[&str]) -> Result<()> {
    let others: Vec<_> = sets.iter().filter(|set| **set != SUPPORT).collect();
    if others.is_empty() {
        return Ok(());
    }
    let mut prepare = Python::bring(&Cache::open()?)?.command();
    prepare.arg("benches/peers/prepare_tasks.py").arg(data).arg(folder).args(others);
    process::run(&mut prepare)
}

/// The rows of a comparison's table, with the name of the set before them.
fn rows_of(set: &str, comparison: &Path) -> Result<Vec<String>> {
    let json = fs::read_to_string(comparison)
        .with_context(|| format!("cannot read {}", comparison.display()))?;
    let json: Value = serde_json::from_str(&json)?;
    let rows = json["results"]["rows"].as_array().context("a comparison has rows")?;
    let row = |row: &Value| {
        let cells = row.as_array().into_iter().flatten().filter_map(Value::as_str);
        format!("| {set} | {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    Ok(rows.iter().map(row).collect())
}
