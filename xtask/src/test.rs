//! The README's second command: passes the tests, bringing what they need.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::fetch;
use crate::process::{self, cargo};
use crate::vulkan;

/// What has to be there. Where the variable CI is set, both.
#[derive(clap::Args)]
pub(crate) struct Requirements {
    /// Fail where the checkpoints cannot be brought, instead of skipping the tests on them
    #[arg(long)]
    require_weights: bool,
    /// Fail where WGPU has nothing to run on, instead of skipping its tests
    #[arg(long)]
    require_gpu_api: bool,
}

impl Requirements {
    /// As they are in CI.
    pub(crate) fn or_ci(&self) -> Self {
        let ci = process::is_set("CI");
        Self {
            require_weights: self.require_weights || ci,
            require_gpu_api: self.require_gpu_api || ci,
        }
    }
}

/// Runs the tests.
pub(crate) fn run(requirements: &Requirements) -> Result<()> {
    let required = requirements.or_ci();
    let mut skipped = Vec::new();

    println!("Bringing the checkpoints that the tests read");
    let models = if_there("real-weights tests", models(), required.require_weights, &mut skipped)?;
    test(&EVERYTHING, models.as_deref())?;

    let adapter = vulkan::adapter();
    if if_there("WGPU tests", adapter, required.require_gpu_api, &mut skipped)?.is_some() {
        test(&WGPU, models.as_deref())?;
    }
    summarize(&skipped);
    Ok(())
}

/// All crates with their doc tests; the facade on both CPU backends.
const EVERYTHING: [&str; 3] = ["--workspace", "--features", "bertune/ndarray"];

/// A build of its own: each backend that a binary holds costs minutes of compilation.
const WGPU: [&str; 7] =
    ["-p", "bertune", "--no-default-features", "--features", "wgpu", "--test", "wgpu"];

/// The variable that tells the tests where the checkpoints are; without it they skip themselves.
const MODELS: &str = "BERTUNE_MODELS";

fn test(arguments: &[&str], models: Option<&Path>) -> Result<()> {
    let mut command = cargo(["test"]);
    command.args(arguments).env_remove(MODELS);
    if let Some(models) = models {
        command.env(MODELS, models);
    }
    process::run(&mut command)
}

fn models() -> Result<PathBuf> {
    let cache = Cache::open()?;
    for checkpoint in &fetch::FOR_TESTS {
        fetch::bring(checkpoint, &cache)?;
    }
    Ok(cache.models())
}

/// What some tests need, if it is there. If not, that is an error or a loud line.
fn if_there<T>(
    tests: &str,
    needed: Result<T>,
    required: bool,
    skipped: &mut Vec<String>,
) -> Result<Option<T>> {
    match needed {
        Ok(needed) => Ok(Some(needed)),
        Err(why) if required => Err(why).context(format!("the {tests} cannot run")),
        Err(why) => {
            let line = format!("{tests} are skipped: {why:#}");
            println!("\n*** {line}\n");
            skipped.push(line);
            Ok(None)
        }
    }
}

fn summarize(skipped: &[String]) {
    if skipped.is_empty() {
        println!("\nAll tests passed; none were skipped.");
    } else {
        println!("\nThe tests that ran passed, but {}.", skipped.join("; and "));
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_is_not_there_is_remembered_or_refused() {
        let mut skipped = Vec::new();
        assert_eq!(if_there("tests", Ok(1), true, &mut skipped).unwrap(), Some(1));
        let absent = || Err::<u8, _>(anyhow!("no network").context("cannot bring it"));
        assert_eq!(if_there("tests", absent(), false, &mut skipped).unwrap(), None);
        assert_eq!(skipped, ["tests are skipped: cannot bring it: no network"]);
        let error = if_there("tests", absent(), true, &mut skipped).unwrap_err();
        assert_eq!(format!("{error:#}"), "the tests cannot run: cannot bring it: no network");
    }
}
