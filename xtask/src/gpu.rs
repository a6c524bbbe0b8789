//! On a machine with an NVIDIA GPU: the CUDA tests, a short training, and steps beside PyTorch's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::page;
use crate::peers::{number, said};
use crate::process::{self, cargo, root};
use crate::python::Python;

/// What to use of what is there already.
#[derive(Args)]
pub(crate) struct Selection {
    /// The folder of the programs, in place of building them: for a machine without cargo, with a
    /// folder that --build-only has made elsewhere
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Only build the programs into the folder of --programs
    #[arg(long, requires = "programs")]
    build_only: bool,
    /// The model to train, in place of the one that is brought
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// A Python that has PyTorch and transformers, in place of the one that is brought
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Put the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

const CUDA: [&str; 3] = ["--no-default-features", "--features", "cuda"];

const TRAIN: &str = "data/support/train.csv";

/// Shape, sequences and lengths of steps.
const CASES: [[&str; 3]; 4] = [
    ["minilm", "32", "128"],
    ["minilm", "32", "8-60"],
    ["mini", "256", "128"],
    ["base", "32", "128"],
];

/// The ways in which PyTorch multiplies.
const THEIRS: [&str; 3] = ["f32", "tf32", "bf16"];

/// Steps that count: the first compile kernels.
const STEPS: &str = "30";

/// Runs the tests, the training and the steps.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let programs = match &selection.programs {
        Some(folder) if !selection.build_only => Programs::of(&fs::canonicalize(folder)?),
        _ => Programs::build()?,
    };
    if let (true, Some(folder)) = (selection.build_only, &selection.programs) {
        return programs.copy_into(folder);
    }
    let gpu = name_of_gpu()?;
    println!("{gpu}");
    process::run(Command::new(&programs.tests).current_dir(root().join("crates/bertune")))?;
    train(&programs.bertune, selection)?;
    time_steps(&programs.step, &gpu, selection)
}

/// What was built for CUDA.
struct Programs {
    tests: PathBuf,
    bertune: PathBuf,
    step: PathBuf,
}

impl Programs {
    fn of(folder: &Path) -> Self {
        let program = |name| folder.join(name);
        Self { tests: program("cuda"), bertune: program("bertune"), step: program("step") }
    }

    fn build() -> Result<Self> {
        let build = ["build", "--release", "-p"];
        process::run(cargo(build).arg("bertune-cli").args(CUDA))?;
        process::run(cargo(build).arg("bertune-benches").args(CUDA).args(["--bin", "step"]))?;
        let tests = ["test", "--release", "-p", "bertune", "--test", "cuda", "--no-run"];
        let mut tests = cargo(tests);
        let built = process::output_of(tests.args(CUDA).arg("--message-format=json"))?;
        let tests = built.lines().find_map(executable_of_tests);
        let tests = tests.context("cargo names no program of the CUDA tests")?;
        let [bertune, step] = ["bertune", "step"].map(process::release);
        Ok(Self { tests, bertune, step })
    }

    fn copy_into(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let Self { tests, bertune, step } = Self::of(folder);
        for (from, to) in [(&self.tests, tests), (&self.bertune, bertune), (&self.step, step)] {
            fs::copy(from, &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
        let this = env::current_exe()?;
        fs::copy(this, folder.join("xtask")).context("cannot copy xtask itself")?;
        println!("the programs are in {}", folder.display());
        Ok(())
    }
}

/// The program that this message of cargo is about, if it is that of the tests.
fn executable_of_tests(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_tests = message["target"]["name"] == "cuda";
    is_tests.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
}

fn name_of_gpu() -> Result<String> {
    let mut query = Command::new("nvidia-smi");
    query.args(["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]);
    let gpus = process::output_of(&mut query).context("there is no NVIDIA GPU here to test on")?;
    Ok(gpus.trim_end().to_owned())
}

fn train(bertune: &Path, selection: &Selection) -> Result<()> {
    let model = match &selection.model {
        Some(model) => model.clone(),
        None => fetch::bring(&MINILM, &Cache::open()?)?,
    };
    let mut train = Command::new(bertune);
    train.current_dir(root()).args(["train", "--device", "cuda", "--train", TRAIN, "--model"]);
    train.arg(model).args(["--epochs", "3", "--output", "runs/support-cuda", "--overwrite"]);
    process::run(&mut train)
}

/// A table of milliseconds a step, ours and theirs.
fn time_steps(step: &Path, gpu: &str, selection: &Selection) -> Result<()> {
    let python = match &selection.python {
        Some(python) => python.clone(),
        None => Python::bring(&Cache::open()?)?.command().get_program().into(),
    };
    let versions = "import torch, transformers as t; print(torch.__version__, t.__version__)";
    let versions = process::output_of(Command::new(&python).args(["-c", versions]))?;
    let mut table = format!(
        "{gpu}; bertune {} on CUDA; PyTorch and transformers {}. Milliseconds a step, medians of \
         {STEPS}; dropout 0.1, AdamW with clipping.\n\n\
         | step | bertune | PyTorch f32 | PyTorch tf32 | PyTorch bf16 |\n\
         | --- | --- | --- | --- | --- |\n",
        env!("CARGO_PKG_VERSION"),
        versions.trim(),
    );
    for [shape, sequences, lengths] in CASES {
        let case = [shape, sequences, lengths];
        let mut row = format!("| {shape} {sequences} × {lengths} |");
        row += &cell(Command::new(step).args(case).arg(STEPS))?;
        for dtype in THEIRS {
            let mut theirs = Command::new(&python);
            theirs.current_dir(root()).arg("benches/peers/step.py").args(case);
            theirs.args(["--device", "cuda", "--steps", STEPS, "--dtype", dtype]);
            row += &cell(&mut theirs)?;
        }
        println!("{row}");
        table += &format!("{row}\n");
    }
    println!("\n{table}");
    if selection.write {
        page::write("gpu", table.trim_end())?;
    }
    Ok(())
}

fn cell(command: &mut Command) -> Result<String> {
    Ok(format!(" {:.1} |", number(&said(command)?, "milliseconds")?))
}
