//! From a file's rows to packed tokens.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_data::{Dataset, LabelMap, Labels, MaskedTokens, PackedBatch, Table, Targets};
use bertune_tokenize::{BertTokenizer, Encoding, Limits};
use common::{named, read};

/// A vocabulary of these words, with `[CLS]` as 2 and `[SEP]` as 3; the first word is 5.
fn tokenizer(words: &[&str]) -> BertTokenizer {
    let folder = tempfile::tempdir().unwrap();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let vocabulary = [&special, words].concat().join("\n");
    std::fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    BertTokenizer::from_folder(folder.path()).unwrap()
}

fn table(content: &str) -> Table {
    let columns = named("text", "label");
    read("a.csv", content.as_bytes(), &columns, Labels::Required).unwrap()
}

#[test]
fn rows_become_tokens_with_the_numbers_of_their_labels() {
    let table = table("text,text_pair,label\na b,c,yes\nb,\"a, c\",no\n");
    let labels = LabelMap::of(&table).unwrap();
    let tokenizer = tokenizer(&["a", "b", "c", ","]);
    let dataset = Dataset::new(&tokenizer, Limits::default(), &table, &labels).unwrap();
    let expected = PackedBatch {
        input_ids: vec![2, 6, 3, 5, 8, 7, 3, 2, 5, 6, 3, 7, 3],
        token_type_ids: vec![0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1],
        position_ids: vec![0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5],
        cu_seqlens: vec![0, 7, 13],
        cu_windows: vec![0, 1, 2],
        labels: vec![0, 1],
        targets: Targets::Classes(vec![0, 1]),
        weights: vec![],
        example_ids: vec![1, 0],
        masked: MaskedTokens::default(),
    };
    assert_eq!(PackedBatch::pack(&dataset, &[1, 0]), expected);
}

#[test]
fn joined_data_sets_are_those_of_one_file() {
    let of = |rows: &str| {
        let table = table(&format!("text,label\n{rows}"));
        let labels = LabelMap::from_names(vec!["0".into(), "1".into()]);
        Dataset::new(&tokenizer(&["a", "b", "c"]), Limits::default(), &table, &labels).unwrap()
    };
    let (first, second) = (of("a b,1\nc,0\na,1\n"), of("b,0\nA,0\n"));
    let joined = Dataset::joined(&[&first.select(&[2, 0]), &second]);
    let whole = of("a,1\na b,1\nb,0\na,0\n");
    assert_eq!(joined.token_digest(), whole.token_digest());
    assert_eq!((joined.targets(), joined.weights()), (whole.targets(), None));
    let weighted = Dataset::joined(&[&first, &second.clone().weighted(vec![0.5, 2.0])]);
    assert_eq!(weighted.weights(), Some(&[1.0, 1.0, 1.0, 0.5, 2.0][..]));
    assert_eq!((second.count_in(&[&first]), first.count_in(&[&second, &first])), (1, 3));
}

#[test]
#[should_panic(expected = "targets of one kind")]
fn data_sets_of_two_kinds_are_not_joined() {
    let encoding = Encoding { input_ids: vec![1], token_type_ids: vec![0], ..Encoding::default() };
    let classes = Dataset::labelled(vec![encoding.clone()], vec![0]);
    let values = Targets::Values { values: vec![0.5], width: 1 };
    Dataset::joined(&[&classes, &Dataset::with_targets(vec![encoding], values)]);
}

#[test]
fn a_limit_that_no_text_can_meet_is_not_blamed_on_a_row() {
    let table = table("text,label\na,1\nb,0\n");
    let limits = Limits { max_length: 1, ..Limits::default() };
    let labels = LabelMap::of(&table).unwrap();
    let error = Dataset::new(&tokenizer(&["a", "b"]), limits, &table, &labels).unwrap_err();
    assert!(error.to_string().starts_with("max_length is 1"), "{error}");
}

#[test]
fn a_row_of_a_class_that_is_not_known_is_named() {
    let labels = LabelMap::from_names(vec!["0".into(), "1".into()]);
    let table = table("text,label\na,1\nb,2\n");
    let tokenizer = tokenizer(&["a", "b"]);
    let error = Dataset::new(&tokenizer, Limits::default(), &table, &labels).unwrap_err();
    let message = "line 3: the label '2' is not among the 2 classes: '0', '1'";
    assert!(error.to_string().ends_with(message), "{error}");
}
