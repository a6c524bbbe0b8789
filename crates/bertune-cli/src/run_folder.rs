use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::burn::module::AutodiffModule;
use bertune::burn::tensor::backend::AutodiffBackend;
use bertune::checkpoint::StagedFolder;
use bertune::train::{TrainError, TrainingState};

use crate::lock::lock;
use crate::state_files::{self, StateFiles};

/// The folder `OUTPUT.run` beside a run's result: the states from which it can go on, each in a
/// folder `step-N`, as long as it is not at its end. One process at a time works in it.
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Held as long as this process is at work.
    _lock: File,
}

/// The settings of a fine-tuning run, in each state.
pub(crate) const RECORD: &str = "bertune.toml";

/// The settings of a run of several tasks, in each state.
pub(crate) const TASKS: &str = "tasks.toml";

/// The settings of a pretraining run, in each state.
pub(crate) const PRETRAINING: &str = "pretraining.toml";

const TOKENIZER: &str = "tokenizer";
const LOCK_FILE: &str = "lock";
const STATE: &str = "step-";
/// What the names of states begin with that are not written to their end.
const UNFINISHED: &str = ".step-";

impl RunFolder {
    /// The folder of the run to `output`, for this process alone.
    pub(crate) fn claim(output: &Path) -> anyhow::Result<Self> {
        let path = beside(output);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let lock = lock(&path.join(LOCK_FILE), output)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where the tokenizer is that the run made of its text, if it made one.
    pub(crate) fn tokenizer(&self) -> PathBuf {
        self.path.join(TOKENIZER)
    }

    /// Refuses to begin a run anew that was stopped and can go on, unless that is said.
    pub(crate) fn refuse_states(output: &Path, overwrite: bool) -> anyhow::Result<()> {
        if !overwrite && Self::is_stopped(output) {
            let output = output.display();
            bail!(
                "a run to {output} was stopped and can go on: bertune resume {output}; or say \
                 --overwrite to begin anew"
            );
        }
        Ok(())
    }

    /// Whether the run to `output` was stopped, and left states.
    pub(crate) fn is_stopped(output: &Path) -> bool {
        states(&beside(output)).is_ok_and(|states| !states.is_empty())
    }

    /// The latest state that is whole, if there are states. Damaged ones after it are told of and
    /// removed: the run comes to those steps again.
    pub(crate) fn newest(&self) -> anyhow::Result<Option<PathBuf>> {
        let mut damaged: Vec<(PathBuf, anyhow::Error)> = Vec::new();
        for (_, state) in states(&self.path)?.into_iter().rev() {
            let Err(problem) = state_files::check(&state) else {
                for (state, problem) in damaged {
                    errln!("a damaged state is removed: {problem:#}");
                    fs::remove_dir_all(&state)
                        .with_context(|| format!("cannot remove {}", state.display()))?;
                }
                return Ok(Some(state));
            };
            damaged.push((state, problem));
        }
        match damaged.into_iter().next() {
            None => Ok(None),
            Some((_, problem)) => Err(problem.context(
                "no state of this run is whole, so that it cannot go on; begin it anew with --overwrite",
            )),
        }
    }

    /// Writes a state, and removes all but the last `keep`.
    pub(crate) fn save<B, M>(
        &self,
        state: &TrainingState<B, M>,
        files: StateFiles<'_>,
        keep: usize,
    ) -> Result<(), TrainError>
    where
        B: AutodiffBackend<InnerBackend: BertOps>,
        M: AutodiffModule<B>,
    {
        let target = self.path.join(format!("{STATE}{}", state.steps()));
        // A state of this step is this very state: a run takes the same steps each time.
        if !target.exists() {
            let staged = StagedFolder::create(&target)?;
            state.save(staged.path())?;
            let write_error = |source| TrainError::Write { path: target, source };
            files.write(staged.path()).map_err(write_error)?;
            staged.commit()?;
        }
        let write_error = |source| TrainError::Write { path: self.path.clone(), source };
        let states =
            states(&self.path).map_err(|error| write_error(std::io::Error::other(error)))?;
        for (_, old) in states.iter().rev().skip(keep.max(1)) {
            fs::remove_dir_all(old).map_err(write_error)?;
        }
        Ok(())
    }

    /// Makes way for a new run: removes what an earlier one left.
    pub(crate) fn begin(&self) -> Result<(), TrainError> {
        let write_error = |error: anyhow::Error| {
            let (path, source) = (self.path.clone(), std::io::Error::other(error));
            TrainError::Write { path, source }
        };
        self.clear().map_err(write_error)
    }

    /// Removes all states, and what was left of some by processes that were killed.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        for (_, state) in states(&self.path)? {
            let describe = || format!("cannot remove {}", state.display());
            fs::remove_dir_all(&state).with_context(describe)?;
        }
        // In vain it is no reason to fail either.
        fs::remove_dir_all(self.tokenizer()).ok();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let path = entry.path();
                // In vain it is no reason to fail: the run is at its end, or begins anew.
                if path.is_dir() {
                    fs::remove_dir_all(path).ok()
                } else {
                    fs::remove_file(path).ok()
                };
            }
        }
        Ok(())
    }

    /// Removes the folder; the run is at its end.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        self.clear()?;
        fs::remove_file(self.path.join(LOCK_FILE)).ok();
        // What else somebody put there stays.
        fs::remove_dir(&self.path).ok();
        Ok(())
    }
}

impl Drop for RunFolder {
    /// A run that left no state leaves no folder.
    fn drop(&mut self) {
        if states(&self.path).is_ok_and(|states| states.is_empty()) {
            fs::remove_dir_all(self.tokenizer()).ok();
            fs::remove_file(self.path.join(LOCK_FILE)).ok();
            fs::remove_dir(&self.path).ok();
        }
    }
}

/// The steps and the folders of all states in a folder, in order.
fn states(folder: &Path) -> anyhow::Result<Vec<(usize, PathBuf)>> {
    let describe = || format!("cannot read {}", folder.display());
    let mut states = Vec::new();
    for entry in fs::read_dir(folder).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        let name = entry.file_name();
        let steps = name.to_str().and_then(|name| name.strip_prefix(STATE)?.parse().ok());
        states.extend(steps.map(|steps: usize| (steps, entry.path())));
    }
    states.sort();
    Ok(states)
}

fn beside(output: &Path) -> PathBuf {
    // `file_name` of `out/` is `out`.
    let mut name = OsString::from(output.file_name().unwrap_or_else(|| "result".as_ref()));
    name.push(".run");
    output.with_file_name(name)
}
