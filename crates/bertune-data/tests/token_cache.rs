//! Tokens that are kept between runs.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use bertune_data::{
    DataError, Dataset, LabelMap, LabelledRows, Labels, TableFiles, TableFormat, TokenCache,
};
use bertune_tokenize::{BertTokenizer, Limits};

fn tokenizer(words: &str) -> BertTokenizer {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = format!("[PAD]\n[UNK]\n[CLS]\n[SEP]\n{words}");
    std::fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    BertTokenizer::from_folder(folder.path()).unwrap()
}

/// The rows of a file, with what holds the file.
fn rows(content: &str) -> (tempfile::TempDir, LabelledRows) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, content).unwrap();
    let files = TableFiles::open(&[path], &TableFormat::default(), Labels::Required).unwrap();
    let labels = LabelMap::of_files(&files).unwrap();
    (folder, LabelledRows::read(files, &labels).unwrap())
}

const ROWS: &str = "text,label\na b,x\nb,y\n";

fn dataset(cache: &Path, tokenizer: &BertTokenizer, limits: Limits, content: &str) -> Dataset {
    let (_folder, rows) = rows(content);
    TokenCache::new(cache).dataset(tokenizer, limits, &rows).unwrap()
}

fn files(cache: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn ids(dataset: &Dataset) -> Vec<Vec<u32>> {
    (0..dataset.len())
        .flat_map(|example| dataset.sequences(example))
        .map(|s| s.input_ids.to_vec())
        .collect()
}

#[test]
fn a_data_set_is_the_same_with_and_without_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("new/folder");
    let tokenizer = tokenizer("a\nb\n");
    let first = dataset(&cache, &tokenizer, Limits::default(), ROWS);
    let second = dataset(&cache, &tokenizer, Limits::default(), ROWS);
    assert_eq!(ids(&first), [vec![2, 4, 5, 3], vec![2, 5, 3]]);
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(first.token_digest(), second.token_digest());
    assert_eq!((first.labels(), second.labels()), (&[0, 1][..], &[0, 1][..]));
    assert_eq!(files(&cache).len(), 1);
}

#[test]
fn what_is_kept_is_used() {
    let cache = tempfile::tempdir().unwrap();
    let (one, two) = (tokenizer("a\nb\n"), tokenizer("a\nb\nc\n"));
    dataset(cache.path(), &one, Limits::default(), ROWS);
    let [kept] = &files(cache.path())[..] else { panic!("one file") };
    let before = std::fs::metadata(kept).unwrap().modified().unwrap();
    // Labels are no part of the tokens.
    dataset(cache.path(), &one, Limits::default(), "text,label\na b,1\nb,2\n");
    assert_eq!(std::fs::metadata(kept).unwrap().modified().unwrap(), before);
    assert_eq!(files(cache.path()).len(), 1);
    dataset(cache.path(), &two, Limits::default(), ROWS);
    assert_eq!(files(cache.path()).len(), 2);
}

#[test]
fn texts_are_not_read_where_their_tokens_are_kept() {
    let cache = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer("a\nb\n");
    let expected = ids(&dataset(cache.path(), &tokenizer, Limits::default(), ROWS));
    let (folder, rows) = rows(ROWS);
    folder.close().unwrap();
    let cached = TokenCache::new(cache.path());
    let found = cached.dataset(&tokenizer, Limits::default(), &rows).unwrap();
    assert_eq!(ids(&found), expected);
    assert_eq!(ids(&found.select(&[1])), expected[1..]);
}

#[test]
fn other_texts_limits_and_tokenizers_have_other_tokens() {
    let cache = tempfile::tempdir().unwrap();
    let make = |words: &str, max_length, rows: &str| {
        let limits = Limits { max_length, ..Limits::default() };
        dataset(cache.path(), &tokenizer(words), limits, rows);
        files(cache.path()).len()
    };
    assert_eq!(make("a\nb\n", 9, ROWS), 1);
    assert_eq!(make("b\na\n", 9, ROWS), 2);
    assert_eq!(make("a\nb\n", 8, ROWS), 3);
    assert_eq!(make("a\nb\n", 9, "text,label\nb,x\na b,y\n"), 4);
    assert_eq!(make("a\nb\n", 9, "text,text_pair,label\na,b,x\nb,,y\n"), 5);
    assert_eq!(make("a\nb\n", 9, "text,text_pair,label\na,,x\nb,b,y\n"), 6);
    assert_eq!(make("a\nb\n", 9, ROWS), 6);
}

#[test]
fn a_damaged_file_is_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer("a\nb\n");
    // The data set itself is let go: its file must not be written to while it is mapped.
    let whole = ids(&dataset(cache.path(), &tokenizer, Limits::default(), ROWS));
    let [kept] = &files(cache.path())[..] else { panic!("one file") };
    let bytes = std::fs::read(kept).unwrap();
    for damaged in [&b""[..], b"BERTTOKS", &bytes[..bytes.len() - 4], &bytes[1..]] {
        std::fs::write(kept, damaged).unwrap();
        let again = dataset(cache.path(), &tokenizer, Limits::default(), ROWS);
        assert_eq!(ids(&again), whole);
        assert_eq!(std::fs::read(kept).unwrap(), bytes);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (_folder, rows) = rows(ROWS);
    let cache = TokenCache::new(&file);
    let result = cache.dataset(&tokenizer("a\n"), Limits::default(), &rows);
    assert!(matches!(result, Err(DataError::TokenCache { path, .. }) if path == file));
    assert_eq!(std::fs::read(&file).unwrap(), b"");
}
