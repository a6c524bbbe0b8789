use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bertune::train::TrainingConfig;

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
    /// Where the curves of a run go, if they are wanted.
    pub(crate) fn event_file(&self, config: &TrainingConfig) -> anyhow::Result<Option<EventFile>> {
        let folder = self.tensorboard.as_deref();
        folder.map(|folder| EventFile::create(folder, config.learning_rate)).transpose()
    }
}
