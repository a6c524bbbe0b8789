//! Rows with any number of classes, and rows with numbers.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_data::{
    Column, Dataset, LabelMap, Labels, PackedBatch, Table, TableFormat, TargetKind, Targets,
};
use bertune_tokenize::Encoding;
use common::{auto, named, read};

fn sets() -> TableFormat {
    TableFormat { targets: TargetKind::Set, ..auto() }
}

fn values() -> TableFormat {
    TableFormat { targets: TargetKind::Values, ..auto() }
}

fn columns(kind: TargetKind, names: &[&str]) -> TableFormat {
    let labels = names.iter().map(|name| name.parse().unwrap()).collect();
    TableFormat { targets: kind, labels, ..auto() }
}

fn targets(table: &Table) -> Result<(Vec<String>, Targets), String> {
    let labels = LabelMap::of(table).map_err(|error| error.to_string())?;
    let targets = Targets::of(table, &labels).map_err(|error| error.to_string())?;
    Ok((labels.names().to_vec(), targets))
}

fn check(name: &str, content: &str, format: &TableFormat, names: &[&str], expected: &[f32]) {
    let table = read(name, content.as_bytes(), format, Labels::Required).unwrap();
    let (found, targets) = targets(&table).unwrap();
    let (values, classes) = (expected.to_vec(), names.len());
    assert_eq!(found, names);
    assert_eq!(
        targets,
        match format.targets {
            TargetKind::Set => Targets::Sets { values, classes },
            _ => Targets::Values { values, width: classes },
        }
    );
}

fn refuses(name: &str, content: &str, format: &TableFormat, message: &str) {
    let table = read(name, content.as_bytes(), format, Labels::Required);
    assert_eq!(table.map(|_| ()).unwrap_err(), message);
}

#[test]
fn a_set_is_a_list_between_separators() {
    let expected = [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let names = ["anger", "fear", "joy"];
    check("a.csv", "text,label\na,joy; fear\nb,\nc,anger;;anger\n", &sets(), &names, &expected);
    let bars = TableFormat { separator: Some('|'), ..sets() };
    check("a.csv", "text,label\na,joy|fear\nb,\nc,anger\n", &bars, &names, &expected);
    let json = "{\"text\": \"a\", \"label\": [\"joy\", \"fear\"]}\n\
                {\"text\": \"b\", \"label\": []}\n{\"text\": \"c\", \"label\": \"anger\"}\n";
    check("a.jsonl", json, &sets(), &names, &expected);
    let numbers = "{\"text\": \"a\", \"label\": [10, 9]}\n{\"text\": \"b\", \"label\": null}\n";
    check("a.jsonl", numbers, &sets(), &["9", "10"], &[1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_class_that_a_set_names_twice_counts_once() {
    let content = b"text,label\na,joy;joy\nb,joy;fear\n";
    let table = read("a.csv", content, &sets(), Labels::Required).unwrap();
    let (_, targets) = targets(&table).unwrap();
    assert_eq!(targets.class_counts(2), [1, 2]);
}

#[test]
fn a_set_is_several_columns_of_0_and_1_in_the_order_asked_for() {
    let format = columns(TargetKind::Set, &["joy", "fear"]);
    let content = "text,fear,joy\na,0,1\nb,0,0\nc,0,1.0\nd,false,True\n";
    let expected = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    check("a.csv", content, &format, &["joy", "fear"], &expected);
    let json = "{\"text\": \"a\", \"joy\": true, \"fear\": 0}\n";
    check("a.jsonl", json, &format, &["joy", "fear"], &[1.0, 0.0]);
    let numbered =
        TableFormat { text: Some(Column::Number(1)), ..columns(TargetKind::Set, &["3"]) };
    check("a.tsv", "a\t1\t0\nb\t0\t1\n", &numbered, &["3"], &[0.0, 1.0]);
}

#[test]
fn values_are_the_numbers_of_one_or_several_columns() {
    check("a.csv", "text,label\na,1.5\nb, -2 \n", &values(), &["label"], &[1.5, -2.0]);
    let format = columns(TargetKind::Values, &["joy", "fear"]);
    let content = "text,fear,joy\na,1e-1,1\nb,2,3\n";
    check("a.csv", content, &format, &["joy", "fear"], &[1.0, 0.1, 3.0, 2.0]);
    let json = "{\"text\": \"a\", \"label\": 1.25}\n{\"text\": \"b\", \"label\": \"3\"}\n";
    check("a.jsonl", json, &values(), &["label"], &[1.25, 3.0]);
    let stars = TableFormat { targets: TargetKind::Values, ..named("text", "stars") };
    check("a.csv", "stars,text\n5,a\n3,b\n", &stars, &["stars"], &[5.0, 3.0]);
}

#[test]
fn numbers_go_by_the_names_of_their_columns() {
    let of = |content: &str, columns_asked: &[&str], names: &[&str]| {
        let format = columns(TargetKind::Values, columns_asked);
        let format = TableFormat { text: Some(Column::Number(1)), ..format };
        let table = read("a.csv", content.as_bytes(), &format, Labels::Required).unwrap();
        let labels = LabelMap::from_names(names.iter().map(|&name| name.into()).collect());
        Targets::of(&table, &labels).map_err(|error| error.to_string())
    };
    let two = |values: [f32; 2]| Ok(Targets::Values { values: values.to_vec(), width: 2 });
    let content = "text,fear,Joy\na,1,2\n";
    assert_eq!(of(content, &["fear", "joy"], &["joy", "fear"]), two([2.0, 1.0]));
    assert_eq!(of(content, &["2", "3"], &["joy", "fear"]), two([2.0, 1.0]));
    assert_eq!(of(content, &["joy", "fear"], &["joy", "fear"]), two([2.0, 1.0]));
    // Names that say nothing leave the order.
    assert_eq!(of(content, &["fear", "joy"], &["LABEL_0", "LABEL_1"]), two([1.0, 2.0]));
    assert_eq!(of(content, &["fear", "joy"], &["5", "4"]), two([1.0, 2.0]));
    assert_eq!(of("a,1,x\nb,2,y\n", &["2"], &["value"]).unwrap().len(), 2);
    assert_eq!(of("a,1,2\n", &["2", "3"], &["joy", "fear"]), two([1.0, 2.0]));
    assert_eq!(of("a,1,2\n", &["2", "3"], &["3", "2"]), two([2.0, 1.0]));
    let message = of(content, &["fear", "joy"], &["joy", "anger"]).unwrap_err();
    let expected = "a.csv: the columns of numbers are 'fear', 'Joy', but the model gives 'joy', \
                    'anger'; name these with --labels, or rename the columns";
    assert!(message.ends_with(expected), "{message}");
    let twice = of(content, &["fear", "joy"], &["joy", "joy"]).unwrap_err();
    assert!(twice.contains("but the model gives 'joy', 'joy'"), "{twice}");
}

#[cfg(feature = "parquet")]
#[test]
fn columns_of_lists_and_numbers_are_read() {
    let read = |file: &str, label: &str, kind: TargetKind| {
        let label = Some(Column::Name(label.into()));
        let format = TableFormat { label, targets: kind, ..auto() };
        let path = std::path::Path::new("tests/goldens").join(file);
        let table = bertune_data::read_table(&path, &format, Labels::Required);
        table.map_err(|error| error.to_string()).and_then(|table| targets(&table))
    };
    for file in ["types.parquet", "types_stream.arrow", "types_file.arrow"] {
        let (names, targets) = read(file, "list", TargetKind::Set).unwrap();
        let expected = [0., 1., 1., 0., 0., 0., 0., 0., 1., 1., 0., 0.];
        assert_eq!(names, ["anger", "fear", "joy"]);
        assert_eq!(targets, Targets::Sets { values: expected.to_vec(), classes: 3 });
        let (names, targets) = read(file, "float", TargetKind::Values).unwrap();
        assert_eq!(names, ["float"]);
        assert_eq!(targets, Targets::Values { values: vec![0.1, 2.5, -1.0, 3.0], width: 1 });
        let error = read(file, "date", TargetKind::Values).unwrap_err();
        assert!(error.ends_with("'date' is of type Date32, but must hold numbers"), "{error}");
    }
    let (names, targets) = read("class_label.parquet", "topics", TargetKind::Set).unwrap();
    let expected = [1., 0., 0., 1., 0., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0.];
    assert_eq!(names, ["world", "sport", "business", "tech"]);
    assert_eq!(targets, Targets::Sets { values: expected.to_vec(), classes: 4 });
}

#[test]
fn a_value_that_is_none_is_named() {
    refuses(
        "a.csv",
        "text,label\na,1\nb,good\n",
        &values(),
        "a.csv, line 3: 'good' in column 'label' is not a finite number",
    );
    for number in ["NaN", "inf", "1e99"] {
        let message = format!("a.csv, line 2: '{number}' in column 'label' is not a finite number");
        refuses("a.csv", &format!("text,label\na,{number}\n"), &values(), &message);
    }
    refuses(
        "a.jsonl",
        "{\"text\": \"a\", \"label\": [1]}\n",
        &values(),
        "a.jsonl, line 1: '[1]' in column 'label' is not a finite number",
    );
    refuses(
        "a.csv",
        "text,label\na,1\nb, \n",
        &values(),
        "a.csv, line 3: the label is missing; remove the row or fill it in",
    );
    refuses(
        "a.csv",
        "text,x,y\na,1,0\nb,2,0\n",
        &columns(TargetKind::Set, &["x", "y"]),
        "a.csv, line 3: '2' in column 'x' is not 0 or 1",
    );
    refuses(
        "a.jsonl",
        "{\"text\": \"a\", \"label\": [[1]]}\n",
        &sets(),
        "a.jsonl, line 1: 'label' is a list, but must be a list of strings, or a string",
    );
}

#[test]
fn a_list_in_brackets_is_no_label() {
    let message = |name: &str, position: &str, list: &str, separator: char| {
        format!(
            "{name}, {position}: {list} in column 'label' is a list, which only jsonl, parquet and \
             arrow have; put '{separator}' between the labels, without brackets and quotes (see \
             --separator)"
        )
    };
    let content = "text,label\na,x\nb,\" ['anger', 'sad']\"\n";
    refuses("a.csv", content, &sets(), &message("a.csv", "line 3", "['anger', 'sad']", ';'));
    let commas = TableFormat { separator: Some(','), ..sets() };
    let content = "text\tlabel\na\t[]\n";
    refuses("a.tsv", content, &commas, &message("a.tsv", "line 2", "[]", ','));
    check("a.csv", "text,label\na,[x\nb,[x;y\n", &sets(), &["[x", "y"], &[1., 0., 1., 1.]);
    let json = "{\"text\": \"a\", \"label\": \"[x]\"}\n";
    check("a.jsonl", json, &sets(), &["[x]"], &[1.0]);
}

#[test]
fn columns_of_targets_are_checked() {
    refuses(
        "a.csv",
        "text,x\na,1\n",
        &columns(TargetKind::Set, &["x", "z"]),
        "a.csv: there is no column 'z' for --labels; the columns are 'text', 'x'",
    );
    refuses(
        "a.csv",
        "text,x\na,1\n",
        &columns(TargetKind::Set, &["x", "x"]),
        "a.csv: --labels and --labels are the same column, 'x'",
    );
    refuses(
        "a.csv",
        "text,x\na,1\n",
        &columns(TargetKind::Class, &["x"]),
        "--labels names columns of several targets; say --targets set or --targets values",
    );
    let both = TableFormat { label: Some(Column::Number(2)), ..columns(TargetKind::Set, &["x"]) };
    refuses(
        "a.csv",
        "text,x\na,1\n",
        &both,
        "--label and --labels exclude each other; give all columns to --labels",
    );
}

#[test]
fn what_the_model_does_not_have_is_refused() {
    let of = |content: &str, format: &TableFormat, names: &[&str]| {
        let table = read("a.csv", content.as_bytes(), format, Labels::Required).unwrap();
        let labels = LabelMap::from_names(names.iter().map(|&name| name.into()).collect());
        Targets::of(&table, &labels).unwrap_err().to_string()
    };
    let error = of("text,label\na,joy\nb,joy;feer\n", &sets(), &["joy", "fear"]);
    let message = "a.csv, line 3: the label 'feer' is not among the 2 classes: 'joy', 'fear'; did \
                   you mean 'fear'?";
    assert!(error.ends_with(message), "{error}");
    let error = of("text,label\na,1\n", &values(), &["x", "y"]);
    let message = "1 columns of numbers, but the model gives 2; see --labels";
    assert!(error.ends_with(message), "{error}");
}

#[test]
fn prediction_passes_over_targets() {
    for format in [values(), sets(), columns(TargetKind::Set, &["label"])] {
        let content = b"text,label\na,x\nb,\n";
        let table = read("a.csv", content, &format, Labels::Optional).unwrap();
        assert_eq!(table.examples.len(), 2);
        assert!(table.examples.iter().all(|example| example.values.is_none()));
    }
}

#[test]
fn a_batch_has_the_targets_of_its_examples() {
    let encodings =
        vec![Encoding { input_ids: vec![1], token_type_ids: vec![0], ..Encoding::default() }; 3];
    let pack =
        |targets| PackedBatch::pack(&Dataset::with_targets(encodings.clone(), targets), &[2, 0]);
    let values: Vec<f32> = [1, 2, 3, 4, 5, 6].map(|i| i as f32).to_vec();
    let batch = pack(Targets::Values { values: values.clone(), width: 2 });
    assert_eq!(batch.targets, Targets::Values { values: vec![5., 6., 1., 2.], width: 2 });
    assert!(batch.labels.is_empty());
    let batch = pack(Targets::Sets { values, classes: 2 });
    assert_eq!(batch.targets, Targets::Sets { values: vec![5., 6., 1., 2.], classes: 2 });
    let batch = pack(Targets::Classes(vec![7, 8, 9]));
    assert_eq!((batch.targets, batch.labels), (Targets::Classes(vec![9, 7]), vec![9, 7]));
    assert_eq!(pack(Targets::None).targets, Targets::None);
}
