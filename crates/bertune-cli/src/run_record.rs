use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context;
use bertune::metrics::BootstrapEstimate;
use bertune::train::{History, Scores};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::measured::Measured;
use crate::run_config::RunConfig;
use crate::source_report::{CheckReport, SourceReport};

/// All of a run in one file, `run.json` beside its model: what went in, what happened, what came
/// out. `bertune replay` repeats it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    /// The version of this program.
    pub(crate) bertune_version: String,
    /// The processor's kind and the operating system.
    pub(crate) platform: String,
    /// The resolved settings.
    pub(crate) settings: RunConfig,
    /// The SHA-256 of each file that was read.
    pub(crate) inputs: BTreeMap<String, String>,
    /// What happened.
    pub(crate) history: History,
    /// Whether the run came to its end, and was not stopped.
    pub(crate) finished: bool,
    /// How the best model did on the test files.
    pub(crate) test: Option<TestRecord>,
    /// What sources were to the run, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<SourceReport>,
}

/// How a model did on the test files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRecord {
    pub(crate) loss: f64,
    pub(crate) scores: Scores,
    /// The interval of the main score.
    pub(crate) interval: Option<BootstrapEstimate>,
}

impl From<&Measured> for TestRecord {
    fn from(Measured { evaluation, interval, .. }: &Measured) -> Self {
        Self { loss: evaluation.loss, scores: evaluation.scores.clone(), interval: *interval }
    }
}

/// The file's name.
pub(crate) const RUN_RECORD: &str = "run.json";

impl RunRecord {
    /// The record of a run so far.
    pub(crate) fn new(
        settings: &RunConfig,
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
            test: None,
            sources: None,
        }
    }

    /// The record at the end of the run.
    pub(crate) fn finished(self, test: Option<&Measured>, sources: Option<SourceReport>) -> Self {
        Self { finished: true, test: test.map(TestRecord::from), sources, ..self }
    }

    /// The record with what a comparison with the target alone says of the sources.
    pub(crate) fn checked(self, check: CheckReport) -> Self {
        let sources = self.sources.map(|sources| SourceReport { check: Some(check), ..sources });
        Self { sources, ..self }
    }

    /// Reads a file that a run left.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&json).with_context(|| {
            format!("{} is no record of a run; give the run.json beside a model", path.display())
        })
    }

    /// The record as a file's text.
    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The processor's kind and the operating system.
pub(crate) fn platform() -> String {
    format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The SHA-256 of files, by their paths.
pub(crate) fn hashes<'a>(
    files: impl Iterator<Item = &'a Path>,
) -> anyhow::Result<BTreeMap<String, String>> {
    files.map(|path| Ok((path.display().to_string(), hash(path)?))).collect()
}

fn hash(path: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
