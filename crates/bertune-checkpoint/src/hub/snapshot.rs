use std::path::{Path, PathBuf};

use crate::weights::{WEIGHT_FILES, shards};

/// Files that make a tokenizer; one is enough.
const TOKENIZER_FILES: [&str; 2] = ["tokenizer.json", "vocab.txt"];

/// A model's folder in the cache of the hub, in which Python and Rust keep
/// `refs/<revision>`, a file with a commit, and `snapshots/<commit>/`, its files.
pub(crate) fn snapshot(cache: &Path, id: &str, revision: &str) -> Option<PathBuf> {
    let model = cache.join(format!("models--{}", id.replace('/', "--")));
    let commit = std::fs::read_to_string(model.join("refs").join(revision));
    let commit = commit.unwrap_or_else(|_| revision.to_owned());
    let commit = commit.trim();
    let folder = is_commit(commit).then(|| model.join("snapshots").join(commit))?;
    folder.is_dir().then_some(folder)
}

/// Whether a configuration and all of the weights are there.
pub(crate) fn has_model(snapshot: &Path) -> bool {
    let has = |name: &str| snapshot.join(name).is_file();
    let weights = WEIGHT_FILES.iter().find(|name| has(name));
    let has_weights = weights.is_some_and(|name| {
        !name.ends_with(".index.json")
            || shards(&snapshot.join(name)).is_ok_and(|shards| shards.iter().all(|name| has(name)))
    });
    has_weights && has("config.json")
}

pub(crate) fn has_tokenizer(snapshot: &Path) -> bool {
    TOKENIZER_FILES.iter().any(|name| snapshot.join(name).is_file())
}

/// Whether this can be the name of a commit, which leads out of no folder.
pub(crate) fn is_commit(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether this can be a branch, a tag or a commit, which leads out of no folder.
pub(crate) fn is_revision(text: &str) -> bool {
    text.split('/').all(is_name)
}

/// Whether this can be a model's name on the hub: `name` or `organisation/name`.
pub(crate) fn is_id(text: &str) -> bool {
    text.split('/').count() <= 2 && text.split('/').all(is_name)
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
    starts_well && text.bytes().all(is_allowed) && !text.contains("..") && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_paths() {
        for id in ["bert-base-uncased", "google-bert/bert-base-uncased", "a/b.c_d"] {
            assert!(is_id(id), "{id}");
        }
        for path in ["", "/a", "./a", "../a", "a/b/c", "a\\b", "a/", "~/a", "a b", "a/..b", "C:x"] {
            assert!(!is_id(path), "{path}");
        }
    }

    #[test]
    fn revisions_lead_out_of_no_folder() {
        assert!(is_revision("main") && is_revision("refs/pr/1") && is_revision("v1.0"));
        assert!(!is_revision("../main") && !is_revision("/main") && !is_revision(""));
        assert!(!is_commit("../snapshots") && !is_commit("") && is_commit("0a1b"));
    }
}
