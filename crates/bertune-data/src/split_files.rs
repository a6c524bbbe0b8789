use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{DataError, FileFormat};

/// The files of a data set's splits, each in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitFiles {
    /// The files to learn from; at least one.
    pub train: Vec<PathBuf>,
    /// The files to measure on while learning; may be none.
    pub validation: Vec<PathBuf>,
    /// The files to measure on in the end; may be none.
    pub test: Vec<PathBuf>,
}

/// The words that begin the name of a split, as Hugging Face's datasets knows them.
const TRAIN: [&str; 2] = ["train", "training"];
const VALIDATION: [&str; 4] = ["validation", "valid", "val", "dev"];
const TEST: [&str; 4] = ["test", "testing", "eval", "evaluation"];

impl SplitFiles {
    /// Finds the splits of a data set's folder.
    ///
    /// It is one that `save_to_disk` of Hugging Face's datasets wrote, or one with files that are
    /// named after their splits, in it or in its folder `data`: `train.csv`, `validation.jsonl`,
    /// `test-00000-of-00002.parquet`. A word of letters begins the name; other names of splits
    /// are `training`, `valid`, `val`, `dev`, `testing`, `eval` and `evaluation`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, no training split is found, or of the numbered files of a
    /// split some are missing or contradict each other.
    pub fn find(folder: &Path) -> Result<Self, DataError> {
        let names = names_in(folder)?;
        let has = |name: &str| names.iter().any(|other| other == name);
        let splits = if has("dataset_dict.json") {
            saved_splits(folder)?
        } else if has("state.json") {
            Self { train: saved_files(folder)?, ..Self::default() }
        } else {
            named_splits(folder, &names)?
        };
        if splits.train.is_empty() {
            return Err(DataError::NoTrainSplit { path: folder.into(), seen: in_words(&names) });
        }
        for files in [&splits.train, &splits.validation, &splits.test] {
            check_shards(files)?;
        }
        Ok(splits)
    }

    /// The files of the split that a name begins with.
    fn of(&mut self, name: &str) -> Option<&mut Vec<PathBuf>> {
        let word: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
        let is = |words: &[&str]| words.contains(&word.to_ascii_lowercase().as_str());
        match () {
            () if is(&TRAIN) => Some(&mut self.train),
            () if is(&VALIDATION) => Some(&mut self.validation),
            () if is(&TEST) => Some(&mut self.test),
            () => None,
        }
    }
}

/// The splits that `DatasetDict.save_to_disk` wrote.
fn saved_splits(folder: &Path) -> Result<SplitFiles, DataError> {
    let path = folder.join("dataset_dict.json");
    let content =
        fs::read(&path).map_err(|source| DataError::Read { path: path.clone(), source })?;
    let names: Option<Vec<String>> = serde_json::from_slice::<Value>(&content)
        .ok()
        .and_then(|value| serde_json::from_value(value.get("splits")?.clone()).ok());
    let names = names.ok_or(DataError::NoSplits { path })?;
    let mut splits = SplitFiles::default();
    for name in names {
        if let Some(files) = splits.of(&name) {
            files.extend(saved_files(&folder.join(&name))?);
        }
    }
    Ok(splits)
}

/// The files that `Dataset.save_to_disk` wrote; what it caches lies beside them.
fn saved_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_data = |name: &String| name.starts_with("data") && name.ends_with(".arrow");
    let names = names_in(folder)?.into_iter().filter(is_data);
    Ok(names.map(|name| folder.join(name)).collect())
}

/// The splits that files are named after, in the folder or else in its folder `data`.
fn named_splits(folder: &Path, names: &[String]) -> Result<SplitFiles, DataError> {
    let here = named_files(folder, names);
    let data = folder.join("data");
    if here.train.is_empty() && data.is_dir() {
        return Ok(named_files(&data, &names_in(&data)?));
    }
    Ok(here)
}

fn named_files(folder: &Path, names: &[String]) -> SplitFiles {
    let mut splits = SplitFiles::default();
    for name in names {
        let path = folder.join(name);
        if FileFormat::of(&path).is_some()
            && path.is_file()
            && let Some(files) = splits.of(name)
        {
            files.push(path);
        }
    }
    splits
}

/// Refuses files `…-00000-of-00002.…` that say different things of how many they are, that have
/// the same number, or of which some are missing.
fn check_shards(files: &[PathBuf]) -> Result<(), DataError> {
    let mut shards = files.iter().filter_map(|path| Some((path, shard(path)?))).peekable();
    let Some(&(first, (_, expected))) = shards.peek() else { return Ok(()) };
    let mut by_number = BTreeMap::new();
    for (path, (number, files)) in shards {
        let same_number = by_number.insert(number, path);
        let other = if files == expected { same_number } else { Some(first) };
        if let Some(other) = other {
            return Err(DataError::ShardsDisagree { one: other.clone(), other: path.clone() });
        }
    }
    match by_number.len() {
        found if found == expected => Ok(()),
        found => Err(DataError::MissingShards { path: first.clone(), found, expected }),
    }
}

/// The number of a file and how many there are, by its name: `train-00000-of-00002.parquet`.
fn shard(path: &Path) -> Option<(usize, usize)> {
    let (before, after) = path.file_stem()?.to_str()?.rsplit_once("-of-")?;
    let number = before.rsplit('-').next()?.parse().ok()?;
    Some((number, after.split('-').next()?.parse().ok()?))
}

/// The names of what is in a folder, in order; those that are no UTF-8 are passed over.
fn names_in(folder: &Path) -> Result<Vec<String>, DataError> {
    let read = || {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let mut names: Vec<String> =
            names.filter_map(Result::transpose).collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    };
    read().map_err(|source| DataError::Read { path: folder.into(), source })
}

/// The names of what was seen.
fn in_words(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "it is empty".into();
    }
    let shown = names[..names.len().min(SHOWN)].join("', '");
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("it holds '{shown}'{more}")
}
