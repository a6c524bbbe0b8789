//! The Python environment that the comparisons with transformers run in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

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
sys.exit('; '.join(wrong) or 0)
";

/// A Python with the required packages.
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// The environment in the cache, made if it is not there or has other versions.
    pub(crate) fn bring(cache: &Cache) -> Result<Self> {
        let folder = cache.parity();
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        let python = Self { program: folder.join(program) };
        let _lock = cache.lock()?;
        if let Err(why) = python.check() {
            println!("Installing {REQUIREMENTS} into {}: {why:#}", folder.display());
            python.install(&folder)?;
            python.check()?;
        }
        Ok(python)
    }

    /// The interpreter, in the repository's root, where scripts are `tools/….py`.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Every model is a folder here: nothing is to be looked for in the network.
        command.current_dir(process::root()).env("HF_HUB_OFFLINE", "1");
        command
    }

    /// Whether the required versions are there; if not, which are not.
    fn check(&self) -> Result<()> {
        ensure!(self.program.exists(), "it is not there yet");
        let output = self.command().args(["-c", CHECK, REQUIREMENTS]).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", complaint.trim_end());
        Ok(())
    }

    fn install(&self, folder: &Path) -> Result<()> {
        if !self.program.exists() {
            process::run(pip::python()?.args(["-m", "venv"]).arg(folder))?;
        }
        process::run(self.command().args(["-m", "pip", "install", "-r", REQUIREMENTS]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The complaint of [`CHECK`] about these requirements, asked of a bare Python.
    fn complaint(requirements: &str) -> Option<String> {
        let mut command = pip::python().ok()?;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, requirements).unwrap();
        let output = command.args(["-c", CHECK]).arg(file.path()).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), complaint.is_empty(), "{complaint}");
        Some(complaint.trim_end().to_owned())
    }

    #[test]
    fn packages_that_are_missing_are_named() {
        if let Some(complaint) = complaint("# comment\nno-such-package==1.0 # comment\n") {
            assert_eq!(complaint, "no-such-package is not installed, not 1.0");
        } else {
            println!("skipped: there is no Python");
        }
    }

    #[test]
    fn an_environment_without_faults_passes() {
        assert!(matches!(complaint("# nothing\n").as_deref(), None | Some("")));
    }
}
