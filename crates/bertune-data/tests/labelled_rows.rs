//! Rows whose texts stay in their files.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use bertune_data::{
    Dataset, LabelMap, LabelledRows, Labels, Table, TableFiles, TableFormat, TargetKind,
    read_tables,
};
use bertune_tokenize::{BertTokenizer, Limits};

fn auto() -> TableFormat {
    TableFormat::default()
}

fn tokenizer() -> BertTokenizer {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nc\nd";
    std::fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    BertTokenizer::from_folder(folder.path()).unwrap()
}

fn write(folder: &Path, files: &[(&str, &str)]) -> Vec<PathBuf> {
    let write = |(name, content): &(&str, &str)| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    files.iter().map(write).collect()
}

fn in_memory(table: &Table, labels: &LabelMap, limits: Limits) -> Dataset {
    Dataset::new(&tokenizer(), limits, table, labels).unwrap()
}

fn open(paths: &[PathBuf], format: &TableFormat) -> TableFiles {
    TableFiles::open(paths, format, Labels::Required).unwrap()
}

fn same(one: &Dataset, other: &Dataset) {
    assert_eq!(one.len(), other.len());
    assert_eq!(one.targets(), other.targets());
    assert_eq!(one.weights(), other.weights());
    assert_eq!(one.token_digest(), other.token_digest());
    for example in 0..one.len() {
        assert!(one.sequences(example).eq(other.sequences(example)));
    }
}

/// Rows read from their files give the data set that a table in memory gives, whole and in part.
fn check(files: &[(&str, &str)], format: &TableFormat) {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), files);
    let table = read_tables(&paths, format, Labels::Required).unwrap();
    let labels = LabelMap::of(&table).unwrap();
    assert_eq!(LabelMap::of_files(&open(&paths, format)).unwrap(), labels);
    let rows = LabelledRows::read(open(&paths, format), &labels).unwrap();
    assert_eq!(
        (rows.len(), rows.paths(), rows.layout()),
        (table.examples.len(), &paths[..], &table.layout)
    );
    for limits in
        [Limits::default(), Limits { max_length: 4, stride: Some(1), ..Limits::default() }]
    {
        if limits.stride.is_some() && table.layout.text_pair.is_some() {
            continue;
        }
        let streamed = Dataset::read(&tokenizer(), limits, &rows).unwrap();
        same(&streamed, &in_memory(&table, &labels, limits));
        let some: Vec<usize> = (0..rows.len()).rev().step_by(2).collect();
        let selected = streamed.select(&some);
        same(&selected, &in_memory(&table.select(&some), &labels, limits));
        let (windows, owners) = selected.windows();
        let (expected, expected_owners) =
            in_memory(&table.select(&some), &labels, limits).windows();
        same(&windows, &expected);
        assert_eq!(owners, expected_owners);
        same(&selected.select(&[0]), &streamed.select(&some[..1]));
    }
}

#[test]
fn rows_give_the_data_set_that_a_table_gives() {
    let (one, two) =
        ("text,label\na b c d a b,x\n\"b\n\"\"c\"\"\",y\n", "text,label\nc,x\nd d d d,z\n");
    check(&[("a.csv", one)], &auto());
    check(&[("a.csv", one), ("b.csv", two)], &auto());
    check(&[("a.tsv", "a b\t1\nb\t0\nc\t1\n")], &auto());
    check(&[("a.csv", "text,text_pair,label\na,b,1\nb,,0\n")], &auto());
    let json = "{\"text\": \"a b c d\", \"label\": 3}\n\n{\"text\": \"b\", \"label\": 20}\n";
    check(&[("a.jsonl", json)], &auto());
    let weighted = TableFormat { weight: Some("w".parse().unwrap()), ..auto() };
    check(&[("a.csv", "text,label,w\na,1,0.5\nb,0,2\nc,0,0\n")], &weighted);
    let sets = TableFormat { targets: TargetKind::Set, ..auto() };
    check(&[("a.csv", "text,label\na,x;y\nb,\nc,z\n")], &sets);
    let values = TableFormat { targets: TargetKind::Values, ..auto() };
    check(&[("a.csv", "text,label\na,0.5\nb,-2\nc,3\n")], &values);
}

#[test]
fn rows_of_many_blocks_give_the_data_set_that_a_table_gives() {
    let row = |i: usize| match i % 3 {
        0 => format!("a b,{}\n", i % 2),
        1 => format!("\"c, d\n{}\",{}\n", "a ".repeat(i % 7), i % 2),
        _ => format!("\"\"\"b\"\" é\",{}\n", i % 2),
    };
    // Read without regard to the mark, the quotes of the first row are never closed.
    let marked = "\u{feff}\"a,\"\"b\"\"\",1\n";
    let content: String = marked.to_owned() + &(0..220_000).map(row).collect::<String>();
    assert!(content.len() > 2 << 20, "more than two blocks");
    check(&[("a.csv", &content)], &auto());
    // A fault is told with its line, however far down.
    let folder = tempfile::tempdir().unwrap();
    let lines = content.matches('\n').count() + 1;
    let paths = write(folder.path(), &[("a.csv", &format!("{content}a,\n"))]);
    let error = read_tables(&paths, &auto(), Labels::Required).unwrap_err().to_string();
    assert!(
        error.ends_with(&format!(
            "line {lines}: the label is missing; remove the row or fill it in"
        )),
        "{error}"
    );
}

#[test]
fn faults_of_rows_are_those_of_a_table() {
    for content in [
        "text,label\na,x\nb,\nc,y\n",
        "text,label\na,x\n,y\n",
        "text,label\n,x\n,y\n",
        "text,text_pair,label\na,,x\nb,,y\n",
        "text,label\na,x\nb,x\n",
        "text,label\na,x\nb\n",
        "text,label\na,x\n\"b,y\n",
        "text,label\n",
        "",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let paths = write(folder.path(), &[("a.csv", content)]);
        let table = read_tables(&paths, &auto(), Labels::Required);
        let table = table.and_then(|table| LabelMap::of(&table)).unwrap_err();
        let rows = TableFiles::open(&paths, &auto(), Labels::Required);
        let rows = rows.and_then(|files| LabelMap::of_files(&files)).unwrap_err();
        assert_eq!(table.to_string(), rows.to_string());
    }
}

#[test]
fn a_label_that_is_not_known_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[("a.csv", "text,label\na,x\nb,w\nc,\n")]);
    let labels = LabelMap::from_names(vec!["x".into(), "y".into()]);
    let message = |paths: &[PathBuf]| {
        LabelledRows::read(open(paths, &auto()), &labels).unwrap_err().to_string()
    };
    assert!(message(&paths).contains("line 4: the label is missing"), "{}", message(&paths));
    let paths = write(folder.path(), &[("a.csv", "text,label\na,x\nb,w\n")]);
    assert!(message(&paths).contains("line 3: the label 'w' is not among"), "{}", message(&paths));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[("a.csv", "text,label\na,x\nb,y\n")]);
    let files = open(&paths, &auto());
    let labels = LabelMap::of_files(&files).unwrap();
    let rows = LabelledRows::read(files, &labels).unwrap();
    for changed in ["text,label\na,x\nc,y\n", "text,label\na,x\n", "text,label\na,x\nb,y\nb,y\n"] {
        write(folder.path(), &[("a.csv", changed)]);
        let error = Dataset::read(&tokenizer(), Limits::default(), &rows).unwrap_err().to_string();
        assert!(error.ends_with("it has changed since it was first looked through"), "{error}");
    }
    write(folder.path(), &[("a.csv", "text,label\na,x,y\n")]);
    let error = Dataset::read(&tokenizer(), Limits::default(), &rows).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}
