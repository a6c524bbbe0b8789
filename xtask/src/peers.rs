//! Those that we measure ourselves against: PyTorch, as it is installed and with all of MKL.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cache::Cache;
use crate::machine;
use crate::process::{self, root};
use crate::python::Python;

/// The Python environment, and what makes MKL take its full path on any processor.
pub(crate) struct Peers {
    python: Python,
    mkl: PathBuf,
}

impl Peers {
    /// Brings both.
    pub(crate) fn bring(cache: &Cache) -> Result<Self> {
        let python = Python::bring(cache)?;
        let mkl = cache.models().with_file_name("libmkl_full_speed.so");
        let mut compile = Command::new("cc");
        compile.current_dir(root()).args(["-shared", "-fPIC", "-o"]).arg(&mkl);
        process::run(compile.arg("benches/peers/mkl_full_speed.c"))?;
        Ok(Self { python, mkl })
    }

    /// Python with PyTorch as it is installed.
    pub(crate) fn as_installed(&self) -> Command {
        self.python.command()
    }

    /// Python with PyTorch whose MKL takes its full path.
    pub(crate) fn with_full_mkl(&self) -> Command {
        let mut command = self.python.command();
        command.env("LD_PRELOAD", &self.mkl);
        command
    }

    /// Processor, cores, date and versions.
    pub(crate) fn machine(&self) -> Result<String> {
        let cores = std::thread::available_parallelism()?;
        let versions = "import torch, transformers as t; print(torch.__version__, t.__version__)";
        let versions = process::output_of(self.python.command().args(["-c", versions]))?;
        let (torch, transformers) = versions.trim().split_once(' ').context("two versions")?;
        Ok(format!(
            "{}, PyTorch {torch} with transformers {transformers}, all on {cores} threads",
            machine::described()?
        ))
    }
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
