//! The Python environment that the comparisons with transformers run in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::{pip, process};

/// The packages and their versions.
const REQUIREMENTS: &str = "tools/requirements.txt";

/// Ends well if the required versions are installed. Builds such as 2.1.0+cpu count as 2.1.0.
const CHECK: &str = "
import sys
from importlib.metadata import PackageNotFoundError, version
wrong = []
for line in open(sys.argv[1]):
    line = line.split('#')[0].strip()
    if '==' in line:
        name, wanted = (part.strip() for part in line.split('=='))
        try:
            found = version(name)
        except PackageNotFoundError:
            found = 'not installed'
        if found.split('+')[0] != wanted.split('+')[0]:
            wrong.append(f'{name} is {found}, not {wanted}')
sys.exit('; '.join(wrong))
";

/// A Python with the required packages.
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// The environment in the cache, made if it is not there or has other versions.
    pub(crate) fn bring(cache: &Cache) -> Result<Self> {
        let folder = cache.parity();
        let program = if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        };
        let python = Self {
            program: folder.join(program),
        };
        let _lock = cache.lock()?;
        if let Err(why) = python.check() {
            println!(
                "Installing {REQUIREMENTS} into {}: {why:#}",
                folder.display()
            );
            python.install(&folder)?;
            python.check()?;
        }
        Ok(python)
    }

    /// The interpreter, in the repository's root, where scripts are `tools/….py`.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // No package may look for models or news in the network.
        command
            .current_dir(process::root())
            .env("HF_HUB_OFFLINE", "1");
        command
    }

    fn check(&self) -> Result<()> {
        let mut command = self.command();
        process::output_of(command.args(["-c", CHECK, REQUIREMENTS]))
            .map(drop)
            .context("the environment is not what it should be")
    }

    fn install(&self, folder: &Path) -> Result<()> {
        if !self.program.exists() {
            process::run(pip::python()?.args(["-m", "venv"]).arg(folder))?;
        }
        process::run(
            self.command()
                .args(["-m", "pip", "install", "-r", REQUIREMENTS]),
        )
    }
}
