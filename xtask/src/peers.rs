//! Those that we measure ourselves against: PyTorch, as it is installed and at its best.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cache::Cache;
use crate::machine;
use crate::process::{self, root};
use crate::python::Python;

/// What [`Peers::at_full_speed`] is, for people.
pub(crate) const FULL_SPEED: &str = "PyTorch at full speed takes MKL's full path on any \
    processor, has a fused AdamW and, as bertune does, keeps freed memory";

/// Keeps glibc from giving memory back: it lies on the heap alone, whose end is cut off only when
/// 64 GiB of it are free.
const KEEPS_MEMORY: [(&str, &str); 2] =
    [("MALLOC_MMAP_MAX_", "0"), ("MALLOC_TRIM_THRESHOLD_", "68719476736")];

/// The Python environment, what makes MKL take its full path on any processor, and the threads that
/// both sides get.
pub(crate) struct Peers {
    python: Python,
    mkl: PathBuf,
    threads: String,
}

impl Peers {
    /// Brings them, for as many threads as there are cores.
    pub(crate) fn bring(cache: &Cache) -> Result<Self> {
        let python = Python::bring(cache)?;
        let mkl = cache.models().with_file_name("libmkl_full_speed.so");
        let mut compile = Command::new("cc");
        compile.current_dir(root()).args(["-shared", "-fPIC", "-o"]).arg(&mkl);
        process::run(compile.arg("benches/peers/mkl_full_speed.c"))?;
        Ok(Self { python, mkl, threads: std::thread::available_parallelism()?.to_string() })
    }

    /// A program of ours that is measured.
    pub(crate) fn ours(&self, program: &str) -> Command {
        let mut command = Command::new(process::release(program));
        command.env("RAYON_NUM_THREADS", &self.threads);
        command
    }

    /// Python, with as many threads as it takes by itself.
    pub(crate) fn python(&self) -> Command {
        self.python.command()
    }

    /// A script that is measured, with PyTorch as it is installed.
    pub(crate) fn as_installed(&self, script: &str) -> Command {
        let mut command = self.python();
        command.arg(script).args(["--threads", &self.threads]);
        command
    }

    /// The same with PyTorch at its best, as [`FULL_SPEED`] says.
    pub(crate) fn at_full_speed(&self, script: &str) -> Command {
        let mut command = self.as_installed(script);
        command.arg("--fused").env("LD_PRELOAD", &self.mkl).envs(KEEPS_MEMORY);
        command
    }

    /// Processor, cores, date and versions.
    pub(crate) fn machine(&self) -> Result<String> {
        let versions = "import torch, transformers as t; print(torch.__version__, t.__version__)";
        let versions = process::output_of(self.python.command().args(["-c", versions]))?;
        let (torch, transformers) = versions.trim().split_once(' ').context("two versions")?;
        Ok(format!(
            "{}, PyTorch {torch} with transformers {transformers}, all on {} threads",
            machine::described()?,
            self.threads
        ))
    }
}

/// How many times faster we are, and in brackets how many times we are to be.
pub(crate) fn against(ratio: f64, goal: f64) -> String {
    format!("{ratio:.2} × ({goal})")
}

/// Our peak memory beside theirs, all of it and what came after their imports.
pub(crate) fn memory(ours: f64, theirs: f64, imports: f64) -> String {
    let (all, without) = (ours / theirs, ours / (theirs - imports));
    format!("{ours:.0} MB, {all:.2} of theirs, {without:.2} without their imports")
}

/// The JSON object that a benchmark prints.
pub(crate) fn said(command: &mut Command) -> Result<Value> {
    let said = process::output_of(command)?;
    serde_json::from_str(&said).with_context(|| format!("no JSON: {said}"))
}

/// A number of such an object.
pub(crate) fn number(said: &Value, name: &str) -> Result<f64> {
    said[name].as_f64().with_context(|| format!("no {name}: {said}"))
}
