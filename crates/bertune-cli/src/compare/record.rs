use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use bertune::report::Cell;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::difference::difference;
use crate::run_config::RunConfig;
use crate::whole_file::write_whole;

/// A finished run of a comparison in one file: what went in and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CellRecord {
    /// The version of this program.
    pub(super) bertune_version: String,
    /// The resolved settings.
    pub(super) settings: RunConfig,
    /// The SHA-256 of each file that was read.
    pub(super) inputs: BTreeMap<String, String>,
    /// What came of it.
    pub(super) cell: Cell,
}

impl CellRecord {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let describe = || format!("cannot read {}", path.display());
        let json = fs::read(path).with_context(describe)?;
        serde_json::from_slice(&json).with_context(|| {
            format!("{} is no record of a run; remove it, and it is computed anew", path.display())
        })
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_whole(path, &(serde_json::to_string_pretty(self)? + "\n"))
    }

    /// Where this run differs from what it would be now, in words.
    pub(super) fn difference(&self, now: &Self) -> anyhow::Result<Option<String>> {
        let parts = |record: &Self| {
            let CellRecord { bertune_version, settings, inputs, .. } = record;
            json!({ "version": bertune_version, "settings": settings, "inputs": inputs })
        };
        difference(&parts(self), &parts(now))
    }
}
