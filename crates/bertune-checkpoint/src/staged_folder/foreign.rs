//! What of a folder is a model, and what is foreign to it: a new model takes the place of the one,
//! and the other stays.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::{parent, sync_folder};
use crate::Adapter;
use crate::files::read_json_file;
use crate::weights::WEIGHT_FILES;

/// The settings of a run of several tasks, which lie in the folder of each of them too.
const TASKS: &str = "tasks.toml";

/// What lies beside the weights of a model and speaks of it.
const MODEL_FILES: [&str; 18] = [
    "README.md",
    "adapter_config.json",
    "added_tokens.json",
    "bertune.toml",
    "bertune_config.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "pretraining.toml",
    "run.json",
    "special_tokens_map.json",
    TASKS,
    "tf_model.h5",
    "tokenizer.json",
    "tokenizer_config.json",
    "training_args.bin",
    "vocab.json",
    "vocab.txt",
];

/// What the names of files with weights, or with lists of such files, begin and end with.
const WEIGHTS: ([&str; 3], [&str; 3]) =
    (["model", "pytorch_model", "adapter_model"], [".safetensors", ".bin", ".index.json"]);

/// Whether a folder is a model's or an adapter's. That it has a `config.json` does not say so: many
/// programs write one.
pub(super) fn is_model(folder: &Path) -> bool {
    let config = folder.join("config.json");
    let has_weights = || WEIGHT_FILES.iter().any(|name| folder.join(name).is_file());
    Adapter::is_at(folder) || (config.is_file() && (has_weights() || has_model_type(&config)))
}

fn has_model_type(config: &Path) -> bool {
    let json = read_json_file(config).unwrap_or_default();
    serde_json::from_slice::<Value>(&json).is_ok_and(|config| config["model_type"].is_string())
}

/// Puts what `old` holds besides a model into `new` too, unless there is something of that name.
///
/// Where `old` is no model but the result of several tasks, the models in the tasks' folders are a
/// part of it.
pub(super) fn keep_foreign(old: &Path, new: &Path) -> io::Result<()> {
    let has_tasks = !is_model(old);
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        let (from, to) = (entry.path(), new.join(entry.file_name()));
        if has_tasks && is_model(&from) && from.join(TASKS).is_file() {
            keep_foreign(&from, &to)?;
        } else if !is_model_file(&entry.file_name()) {
            link(&from, &to)?;
        }
    }
    Ok(())
}

/// Whether a file of this name belongs to a model.
fn is_model_file(name: &OsStr) -> bool {
    let (name, (begins, ends)) = (name.to_string_lossy(), WEIGHTS);
    let is_weights = begins.iter().any(|begin| name.starts_with(*begin))
        && ends.iter().any(|end| name.ends_with(*end));
    is_weights || MODEL_FILES.contains(&&*name)
}

/// Gives a file a second name, or a copy where the file system has no such thing, and all that is in
/// a folder likewise. What stands at `to` already stays.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    // A symbolic link is a file here, whatever it leads to.
    if !from.symlink_metadata()?.is_dir() {
        if to.symlink_metadata().is_ok() {
            return Ok(());
        }
        fs::create_dir_all(parent(to))?;
        return fs::hard_link(from, to).or_else(|_| fs::copy(from, to).and(Ok(())));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    sync_folder(to)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const CONFIG: (&str, &str) = ("config.json", r#"{"model_type": "bert"}"#);

    /// A folder of files with these contents.
    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(parent(&path)).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    /// The paths of all files below a folder, and of the folders that are empty, in order.
    fn paths(folder: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let below = if entry.path().is_dir() { paths(&entry.path()) } else { Vec::new() };
            if below.is_empty() {
                all.push(name);
            } else {
                all.extend(below.into_iter().map(|path| format!("{name}/{path}")));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn a_config_of_another_program_makes_no_model() {
        let is = |files: &[(&str, &str)]| is_model(folder(files).path());
        assert!(is(&[CONFIG]));
        assert!(is(&[("adapter_config.json", "{}")]));
        // Neither an old one without a type nor a damaged one is another program's.
        assert!(is(&[("config.json", "{}"), ("pytorch_model.bin", "")]));
        assert!(is(&[("config.json", "{"), ("model.safetensors", "")]));
        for config in ["{}", r#"{"port": 80}"#, r#"["model_type"]"#, r#"{"model_type": 1}"#, "{"] {
            assert!(!is(&[("config.json", config), ("index.html", "")]), "{config}");
        }
        assert!(!is(&[("model.safetensors", "")]));
        assert!(!is(&[]));
    }

    #[test]
    fn what_is_no_models_is_kept_and_all_that_is_a_models_is_not() {
        let old = folder(&[
            CONFIG,
            ("README.md", ""),
            ("model.safetensors.index.json", ""),
            ("model-00001-of-00002.safetensors", ""),
            ("pytorch_model.bin", ""),
            ("adapter_model.safetensors", ""),
            ("vocab.txt", ""),
            ("notes.txt", "mine"),
            ("embeddings.bin", ""),
            ("predictions.csv", "old"),
            ("backup/model.safetensors", ""),
            ("backup/config.json", CONFIG.1),
        ]);
        fs::create_dir_all(old.path().join("empty/deep")).unwrap();
        let new = folder(&[CONFIG, ("predictions.csv", "new")]);
        keep_foreign(old.path(), new.path()).unwrap();
        let expected = [
            "backup/config.json",
            "backup/model.safetensors",
            "config.json",
            "embeddings.bin",
            "empty/deep",
            "notes.txt",
            "predictions.csv",
        ];
        assert_eq!(paths(new.path()), expected);
        let read = |name: &str| fs::read_to_string(new.path().join(name)).unwrap();
        assert_eq!(read("notes.txt"), "mine");
        assert_eq!(read("predictions.csv"), "new");
        assert!(old.path().join("notes.txt").exists(), "the old folder is whole until it goes");
    }

    #[test]
    fn the_models_of_several_tasks_are_parts_of_their_result() {
        let old = folder(&[
            ("tasks.toml", ""),
            ("run.json", ""),
            ("mood/config.json", CONFIG.1),
            ("mood/tasks.toml", ""),
            ("words/config.json", CONFIG.1),
            ("words/tasks.toml", ""),
            ("words/notes.txt", ""),
            ("papers/tasks.toml", ""),
            ("backup/config.json", CONFIG.1),
        ]);
        let new = folder(&[("tasks.toml", ""), ("words/config.json", CONFIG.1)]);
        keep_foreign(old.path(), new.path()).unwrap();
        let expected = [
            "backup/config.json",
            "papers/tasks.toml",
            "tasks.toml",
            "words/config.json",
            "words/notes.txt",
        ];
        assert_eq!(paths(new.path()), expected);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_kept_as_links() {
        let (old, new) = (folder(&[CONFIG, ("data/a.csv", "")]), folder(&[CONFIG]));
        for (leads_to, name) in [("data", "folder"), ("nowhere", "nothing")] {
            std::os::unix::fs::symlink(leads_to, old.path().join(name)).unwrap();
        }
        keep_foreign(old.path(), new.path()).unwrap();
        for (leads_to, name) in [("data", "folder"), ("nowhere", "nothing")] {
            assert_eq!(fs::read_link(new.path().join(name)).unwrap(), Path::new(leads_to));
        }
    }
}
