use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use bertune::train::TrainingConfig;

use crate::state_files;
use crate::tensorboard::EventFile;

/// What is not the run's own: how it may be told of, and when it must end.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    pub(crate) overwrite: bool,
    pub(crate) quiet: bool,
    pub(crate) offline: bool,
    pub(crate) max_time: Option<Duration>,
    pub(crate) tensorboard: Option<PathBuf>,
    /// The hashes that the input files must have.
    pub(crate) inputs: Option<BTreeMap<String, String>>,
}

impl Outside {
    /// The same for a run that goes on from this state: its files must be those that it began with.
    pub(crate) fn of_state(self, state: &Path) -> anyhow::Result<Self> {
        Ok(Self { overwrite: true, inputs: Some(state_files::inputs(state)?), ..self })
    }

    /// Refuses files of other hashes than those that they must have, if that is said.
    pub(crate) fn check_inputs(&self, found: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let mut began_with = self.inputs.iter().flatten();
        let other = began_with.find(|(file, hash)| found.get(*file) != Some(hash));
        let Some((file, _)) = other else { return Ok(()) };
        let what = if found.contains_key(file) {
            "has changed since the run"
        } else {
            "is no longer read"
        };
        bail!(
            "{file} {what}, which can only be repeated or gone on with from what it began with: put that \
             back, or train anew"
        )
    }

    /// Where the curves of a run go, if they are wanted.
    pub(crate) fn event_file(&self, config: &TrainingConfig) -> anyhow::Result<Option<EventFile>> {
        let folder = self.tensorboard.as_deref();
        folder.map(|folder| EventFile::create(folder, config.learning_rate)).transpose()
    }
}
