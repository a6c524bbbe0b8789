//! Folders of data sets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use bertune_data::SplitFiles;
use tempfile::TempDir;

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    folder
}

/// The files of each split, without the folder.
fn find(folder: &Path) -> Result<[Vec<String>; 3], String> {
    let shown = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    let splits = SplitFiles::find(folder);
    splits
        .map(|s| [s.train, s.validation, s.test].map(|files| files.iter().map(shown).collect()))
        .map_err(|error| error.to_string().replace(&folder.display().to_string(), "folder"))
}

fn check(files: &[&str], expected: [&[&str]; 3]) {
    let folder = folder(files);
    let expected = expected.map(|files| files.iter().map(|&file| file.to_owned()).collect());
    assert_eq!(find(folder.path()), Ok(expected), "{files:?}");
}

#[test]
fn files_are_named_after_their_splits() {
    check(
        &["README.md", "train.csv", "dev.csv", "test.csv", "trainer.csv", "labels.csv"],
        [&["train.csv"], &["dev.csv"], &["test.csv"]],
    );
    check(&["train.tsv", "valid.tsv"], [&["train.tsv"], &["valid.tsv"], &[]]);
    check(&["Train.jsonl", "val.jsonl"], [&["Train.jsonl"], &["val.jsonl"], &[]]);
    check(
        &[
            "data/train-00001-of-00002.parquet",
            "data/train-00000-of-00002.parquet",
            "data/validation-00000-of-00001.parquet",
            "data/test-00000-of-00001-b42a.parquet",
        ],
        [
            &["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
            &["data/validation-00000-of-00001.parquet"],
            &["data/test-00000-of-00001-b42a.parquet"],
        ],
    );
    check(
        &["train.csv", "validation_matched.csv", "validation_mismatched.csv", "data/train.csv"],
        [&["train.csv"], &["validation_matched.csv", "validation_mismatched.csv"], &[]],
    );
}

#[test]
fn what_was_saved_to_disk_is_found() {
    let saved = Path::new("tests/goldens/saved");
    let [train, validation, test] = find(saved).unwrap();
    assert_eq!(train, ["train/data-00000-of-00002.arrow", "train/data-00001-of-00002.arrow"]);
    assert_eq!(validation, ["validation/data-00000-of-00001.arrow"]);
    assert_eq!(test, ["test/data-00000-of-00001.arrow"]);
    let [train, validation, _] = find(&saved.join("train")).unwrap();
    assert_eq!(train, ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]);
    assert!(validation.is_empty());
    check(
        &["state.json", "dataset_info.json", "data-00000-of-00001.arrow", "cache-4f.arrow"],
        [&["data-00000-of-00001.arrow"], &[], &[]],
    );
}

#[cfg(feature = "parquet")]
#[test]
fn what_was_saved_to_disk_is_read() {
    use bertune_data::{LabelMap, Labels, TableFormat, read_tables};

    let splits = SplitFiles::find(Path::new("tests/goldens/saved")).unwrap();
    let table = read_tables(&splits.train, &TableFormat::default(), Labels::Required).unwrap();
    let labels = LabelMap::of(&table).unwrap();
    assert_eq!(labels.ids(&table).unwrap(), [3, 0, 1, 3]);
    assert_eq!((table.examples[3].file, table.examples[3].line), (1, 2));
    assert_eq!(labels.names(), ["world", "sport", "business", "tech"]);
}

#[test]
fn a_saved_data_set_lists_its_splits() {
    let error = find(folder(&["dataset_dict.json"]).path()).unwrap_err();
    assert_eq!(error, "folder/dataset_dict.json does not list the splits of a saved data set");
}

#[test]
fn a_folder_without_a_training_split_is_told_with_what_it_holds() {
    let refuses = |files: &[&str], seen: &str| {
        let message = format!(
            "folder holds no training split: no file such as train.csv, train.jsonl or \
             train-00000-of-00001.parquet, neither in it nor in its folder 'data'; {seen}"
        );
        assert_eq!(find(folder(files).path()), Err(message));
    };
    refuses(&[], "it is empty");
    refuses(
        &["README.md", "plain_text/train.parquet", "test.csv", "train.zip"],
        "it holds 'README.md', 'plain_text', 'test.csv', 'train.zip'",
    );
}

#[test]
fn a_missing_numbered_file_is_noticed() {
    let error = find(folder(&["train-00000-of-00003.parquet"]).path()).unwrap_err();
    let message = "folder/train-00000-of-00003.parquet is one of 3 files by its name, but 1 of \
                   them is there; fetch the others";
    assert_eq!(error, message);
}

#[test]
fn numbered_files_that_contradict_each_other_are_told() {
    let refuses = |files: &[&str], [one, other]: [&str; 2]| {
        let message = format!(
            "folder/{one} and folder/{other} cannot be two files of one split: by their names they \
             are the same one, or one of more than the other; remove what is left of another version"
        );
        assert_eq!(find(folder(files).path()), Err(message));
    };
    let [first, second] = ["train-00000-of-00002.csv", "train-00001-of-00002.csv"];
    refuses(&[first, second, "train-00000-of-00003.csv"], [first, "train-00000-of-00003.csv"]);
    refuses(&[first, "train-00001-of-00003.csv"], [first, "train-00001-of-00003.csv"]);
    let again = "train-00000-of-00002-b42a.csv";
    refuses(&[first, second, again], [again, first]);
    check(&[first, second, "train-a-of-9.csv"], [&[first, second, "train-a-of-9.csv"], &[], &[]]);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let error = find(Path::new("no/such/folder")).unwrap_err();
    assert!(error.starts_with("cannot read folder: "), "{error}");
}
