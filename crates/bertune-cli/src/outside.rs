use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What is not the run's own: how it may be told of, and when it must end.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) overwrite: bool,
    pub(crate) quiet: bool,
    pub(crate) offline: bool,
    pub(crate) max_time: Option<Duration>,
    pub(crate) tensorboard: Option<PathBuf>,
    /// The hashes that the input files must have.
    pub(crate) inputs: Option<BTreeMap<String, String>>,
}
