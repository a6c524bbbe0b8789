//! How much each row counts.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_data::{Column, Dataset, LabelMap, Labels, PackedBatch, TableFormat};
use bertune_tokenize::{BertTokenizer, Encoding, Limits};
use common::{auto, named, read};

fn weighted(name: &str) -> TableFormat {
    TableFormat { weight: Some(Column::Name(name.into())), ..auto() }
}

#[test]
fn weights_come_from_their_column_to_the_batch() {
    let content = b"text,label,w\na,x,0.5\nb,y,2\nc,x,0\n";
    let table = read("a.csv", content, &weighted("w"), Labels::Required).unwrap();
    assert_eq!(table.layout.weight.as_deref(), Some("'w'"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n").unwrap();
    let tokenizer = BertTokenizer::from_folder(folder.path()).unwrap();
    let labels = LabelMap::of(&table).unwrap();
    let dataset = Dataset::new(&tokenizer, Limits::default(), &table, &labels).unwrap();
    assert_eq!(dataset.weights(), Some(&[0.5, 2.0, 0.0][..]));
    assert_eq!(PackedBatch::pack(&dataset, &[1, 0]).weights, [2.0, 0.5]);
}

#[test]
fn without_a_column_all_count_the_same() {
    let content = b"text,label,weight\na,x,0.5\nb,y,2\n";
    let table = read("a.csv", content, &named("text", "label"), Labels::Required).unwrap();
    assert!(table.examples.iter().all(|example| example.weight.is_none()));
    let encoding = Encoding { input_ids: vec![1], token_type_ids: vec![0], ..Encoding::default() };
    let dataset = Dataset::labelled(vec![encoding], vec![0]);
    assert_eq!(dataset.weights(), None);
    assert!(PackedBatch::pack(&dataset, &[0]).weights.is_empty());
    let dataset = dataset.weighted(vec![3.0]);
    assert_eq!(PackedBatch::pack(&dataset, &[0, 0]).weights, [3.0, 3.0]);
}

#[test]
fn a_weight_that_is_none_is_named() {
    for weight in ["-1", "NaN", "inf", "much", ""] {
        let content = format!("text,label,w\na,x,1\nb,y,{weight}\n");
        let table = read("a.csv", content.as_bytes(), &weighted("w"), Labels::Required);
        let message =
            format!("a.csv, line 3: '{weight}' in column 'w' is not a finite number, 0 or more");
        assert_eq!(table.unwrap_err(), message);
        assert!(read("a.csv", content.as_bytes(), &weighted("w"), Labels::Optional).is_ok());
    }
    let content = b"text,label,w\na,x,1\n";
    let error = read("a.csv", content, &weighted("v"), Labels::Required).unwrap_err();
    let message =
        "a.csv: there is no column 'v' for --weight; the columns are 'text', 'label', 'w'";
    assert_eq!(error, message);
}

#[test]
fn rows_that_are_measured_on_need_no_weights() {
    for content in ["text,label\na,x\nb,y\n", "text,label,w\na,x,much\nb,y,\n"] {
        let table = read("a.csv", content.as_bytes(), &weighted("w"), Labels::Measured).unwrap();
        assert_eq!(table.layout.weight, None);
        assert!(table.examples.iter().all(|example| example.weight.is_none()));
    }
    let json = b"{\"text\": \"a\", \"label\": 1}\n";
    assert!(read("a.jsonl", json, &weighted("w"), Labels::Measured).is_ok());
    // Where they stand, they are nothing else.
    let content = b"words,w,label\na,1,x\nb,2,y\n";
    let table = read("a.csv", content, &weighted("w"), Labels::Measured).unwrap();
    assert_eq!(table.layout.text, "'words'");
    let error = read("a.csv", b"text,label\na,\n", &auto(), Labels::Measured).unwrap_err();
    assert_eq!(error, "a.csv, line 2: the label is missing; remove the row or fill it in");
}

#[test]
fn a_column_of_weights_is_not_guessed_for_another_role() {
    let format = TableFormat { weight: Some(Column::Number(2)), ..auto() };
    let content = b"hello you,3,x\nbye,2,y\nso,1,x\n";
    let error = read("a.csv", content, &format, Labels::Required).unwrap_err();
    assert!(error.starts_with("a.csv: which column holds the text?"), "{error}");
    let content = b"text,label,class\na,1,x\nb,2,y\n";
    let table = read("a.csv", content, &weighted("label"), Labels::Required).unwrap();
    assert_eq!(table.layout.label.as_deref(), Some("'class'"));
}

#[cfg(feature = "parquet")]
#[test]
fn weights_are_read_from_a_column_of_numbers() {
    let path = std::path::Path::new("tests/goldens/types.parquet");
    let table = bertune_data::read_table(path, &weighted("int"), Labels::Required).unwrap();
    let weights: Vec<_> = table.examples.iter().map(|example| example.weight.unwrap()).collect();
    assert_eq!(weights, [1.0, 0.0, 1.0, 2.0]);
    let error = bertune_data::read_table(path, &weighted("float"), Labels::Required).unwrap_err();
    let message = "row 3: '-1.0' in column 'float' is not a finite number, 0 or more";
    assert!(error.to_string().ends_with(message), "{error}");
}
