//! Several files as one table.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use bertune_data::{LabelMap, Labels, Position, Table, TableFormat, read_tables};

/// Reads files of these names and contents; an error as its message, without the folder.
fn read(files: &[(&str, &str)]) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |&(name, content): &(&str, &str)| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name)
    };
    let paths: Vec<PathBuf> = files.iter().map(write).collect();
    let shown = format!("{}/", folder.path().display());
    read_tables(&paths, &TableFormat::default(), Labels::Required)
        .and_then(|table| LabelMap::of(&table).map(|_| table))
        .map_err(|error| error.to_string().replace(&shown, ""))
}

#[test]
fn rows_follow_in_the_order_of_the_files_and_know_their_own() {
    let table =
        read(&[("b.csv", "text,label\na,1\n"), ("a.csv", "text,label\n\nb,0\nc,1\n")]).unwrap();
    let row = |row: usize| {
        let example = &table.examples[row];
        let name = table.file_of(example).file_name().unwrap().to_str().unwrap().to_owned();
        (example.text.as_str(), name, table.position_of(example))
    };
    assert_eq!(row(0), ("a", "b.csv".into(), Position::Line(2)));
    assert_eq!(row(2), ("c", "a.csv".into(), Position::Line(4)));
    assert_eq!(table.path, table.files[0]);
    assert_eq!(table.select(&[1]).file_of(&table.examples[1]), table.files[1]);
}

#[test]
fn the_second_files_rows_are_blamed_in_the_second_file() {
    let error = read(&[("a.csv", "text,label\na,1\n"), ("b.csv", "text,label\nb,\n")]);
    let message = "b.csv, line 2: the label is missing; remove the row or fill it in";
    assert_eq!(error.unwrap_err(), message);

    let table = read(&[("a.csv", "text,label\na,1\n"), ("b.csv", "text,label\nb,2\n")]).unwrap();
    let error = LabelMap::from_names(vec!["0".into(), "1".into()]).ids(&table).unwrap_err();
    let message = "b.csv, line 2: the label '2' is not among the 2 classes: '0', '1'";
    assert!(error.to_string().ends_with(message), "{error}");
}

#[test]
fn a_fault_of_all_is_told_of_all() {
    let one = "text,label\na,1\n";
    let error = read(&[("a.csv", one), ("b.csv", one), ("c.csv", one)]).unwrap_err();
    let message =
        "a.csv and 2 more: every row has the label '1'; a classifier needs at least two classes";
    assert_eq!(error, message);
}

#[test]
fn files_with_other_columns_are_refused() {
    let same = "; files that are read as one have the same format and columns";
    let other = |name: &str, content: &str, message: &str| {
        let error = read(&[("a.csv", "text,label\na,1\nb,0\n"), (name, content)]).unwrap_err();
        assert_eq!(error, format!("{message}{same}"));
    };
    other(
        "b.csv",
        "text,intent\na,1\n",
        "b.csv is csv with the text in column 'text', the label in column 'intent', but a.csv is \
         csv with the text in column 'text', the label in column 'label'",
    );
    other(
        "b.csv",
        "good,1\nbad,0\nugly,0\n",
        "b.csv is csv without a header with the text in column number 1, the label in column \
         number 2, but a.csv is csv with the text in column 'text', the label in column 'label'",
    );
    other(
        "b.tsv",
        "text\tlabel\na\t1\n",
        "b.tsv is tsv with the text in column 'text', the label in column 'label', but a.csv is \
         csv with the text in column 'text', the label in column 'label'",
    );
}

#[test]
fn a_fault_of_reading_names_its_file() {
    let error = read(&[("a.csv", "text,label\na,1\n"), ("b.csv", "")]).unwrap_err();
    assert_eq!(error, "b.csv has no rows");
}
