use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use bertune::report::Cell;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        let parts = |record: &Self| -> anyhow::Result<Value> {
            let CellRecord { bertune_version, settings, inputs, .. } = record;
            let parts = serde_json::json!({
                "version": bertune_version, "settings": settings, "inputs": inputs,
            });
            // Numbers are compared as they are in files.
            Ok(serde_json::from_str(&parts.to_string())?)
        };
        Ok(first_difference(&parts(self)?, &parts(now)?, &mut Vec::new()))
    }
}

fn first_difference<'a>(was: &'a Value, is: &'a Value, path: &mut Vec<&'a str>) -> Option<String> {
    let (Value::Object(old), Value::Object(new)) = (was, is) else {
        return (was != is).then(|| in_words(was, is, path));
    };
    old.keys().chain(new.keys()).find_map(|key| {
        let of = |map: &'a serde_json::Map<String, Value>| map.get(key).unwrap_or(&Value::Null);
        path.push(key);
        let found = first_difference(of(old), of(new), path);
        path.pop();
        found
    })
}

fn in_words(was: &Value, is: &Value, path: &[&str]) -> String {
    match (path, was, is) {
        (["inputs", file], Value::Null, _) => format!("{file} was not read"),
        (["inputs", file], _, Value::Null) => format!("{file} is no longer read"),
        (["inputs", file], ..) => format!("{file} has changed"),
        (["settings", keys @ ..] | keys, ..) => {
            let word =
                |value: &Value| if value.is_null() { "absent".into() } else { value.to_string() };
            format!("{} was {} and is {}", keys.join("."), word(was), word(is))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(was: &Value, is: &Value, expected: Option<&str>) {
        assert_eq!(first_difference(was, is, &mut Vec::new()).as_deref(), expected);
    }

    #[test]
    fn the_first_difference_is_told_in_words() {
        let record = |rate: f64, hash: &str| json!({"settings": {"training": {"learning_rate": rate}}, "inputs": {"a.csv": hash}});
        check(&record(2e-3, "x"), &record(2e-3, "x"), None);
        let told = "training.learning_rate was 0.002 and is 0.0001";
        check(&record(2e-3, "x"), &record(1e-4, "y"), Some(told));
        check(&record(2e-3, "x"), &record(2e-3, "y"), Some("a.csv has changed"));
        let (with, without) = (json!({"max_steps": 3}), json!({}));
        check(&with, &without, Some("max_steps was 3 and is absent"));
        check(&without, &with, Some("max_steps was absent and is 3"));
    }
}
