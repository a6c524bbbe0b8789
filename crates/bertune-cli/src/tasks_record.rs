use std::collections::BTreeMap;
use std::path::Path;

use bertune::train::History;
use serde::{Deserialize, Serialize};

use crate::measured::Measured;
use crate::run_record::{RUN_RECORD, TestRecord, platform};
use crate::tasks_config::TasksConfig;

/// All of a run of several tasks in one file, `run.json` beside their folders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksRecord {
    /// The version of this program.
    bertune_version: String,
    /// The processor's kind and the operating system.
    platform: String,
    /// The resolved settings.
    settings: TasksConfig,
    /// The SHA-256 of each file that was read.
    inputs: BTreeMap<String, String>,
    /// What happened.
    history: History,
    /// Whether the run came to its end, and was not stopped.
    finished: bool,
    /// How the best model did on the test files of each task that has some.
    tests: BTreeMap<String, TestRecord>,
}

impl TasksRecord {
    /// The record of a run so far.
    pub(crate) fn new(
        settings: &TasksConfig,
        inputs: &BTreeMap<String, String>,
        history: &History,
    ) -> Self {
        Self {
            bertune_version: env!("CARGO_PKG_VERSION").into(),
            platform: platform(),
            settings: settings.clone(),
            inputs: inputs.clone(),
            history: history.clone(),
            finished: false,
            tests: BTreeMap::new(),
        }
    }

    /// The record at the end of the run.
    pub(crate) fn finished(self, tests: &BTreeMap<String, Measured>) -> Self {
        let tests = tests.iter().map(|(name, measured)| (name.clone(), measured.into()));
        Self { finished: true, tests: tests.collect(), ..self }
    }

    /// Whether a folder is the result of an earlier run of several tasks.
    pub(crate) fn is_at(folder: &Path) -> bool {
        Self::is(&folder.join(RUN_RECORD))
    }

    /// Whether a file is the record of a run of several tasks.
    pub(crate) fn is(path: &Path) -> bool {
        let json = std::fs::read(path);
        json.is_ok_and(|json| serde_json::from_slice::<Self>(&json).is_ok())
    }

    /// The record as a file's text.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
