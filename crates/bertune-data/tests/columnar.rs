//! Parquet and arrow files, as pyarrow and Hugging Face's datasets write them.
#![cfg(feature = "parquet")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::PathBuf;

use bertune_data::{
    Column, FileFormat, LabelMap, Labels, Position, Table, TableFormat, read_table,
};
use common::{auto, named};

const TEXTS: [&str; 4] = ["good film", "bad film", "so so", "größer, 映画 🎬"];

fn golden(name: &str, format: &TableFormat) -> Result<Table, String> {
    let path = PathBuf::from("tests/goldens").join(name);
    let table = read_table(&path, format, Labels::Required);
    table.map_err(|error| error.to_string().replace("tests/goldens/", ""))
}

fn labels(table: &Table) -> Vec<&str> {
    table.examples.iter().map(|example| example.label.as_deref().unwrap()).collect()
}

fn texts(table: &Table) -> Vec<&str> {
    table.examples.iter().map(|example| example.text.as_str()).collect()
}

#[test]
fn every_compression_is_read() {
    for name in ["none", "snappy", "gzip", "zstd", "lz4"].map(|codec| format!("{codec}.parquet")) {
        let table = golden(&name, &auto()).unwrap();
        assert_eq!(texts(&table), TEXTS, "{name}");
        assert_eq!(labels(&table), ["pos", "neg", "pos", "neutral"], "{name}");
    }
    for name in ["lz4.feather", "zstd.feather"] {
        assert_eq!(texts(&golden(name, &auto()).unwrap()), TEXTS, "{name}");
    }
}

const TYPES: [&str; 3] = ["types.parquet", "types_stream.arrow", "types_file.arrow"];

#[test]
fn every_type_of_text_is_read() {
    for file in TYPES {
        for column in ["text", "large", "view", "coded"] {
            if (file, column) != ("types.parquet", "view") {
                let table = golden(file, &named(column, "label")).unwrap();
                assert_eq!(texts(&table), TEXTS, "{column} of {file}");
            }
        }
    }
}

#[test]
fn every_type_of_label_is_read() {
    for file in TYPES {
        let check = |column: &str, expected: [&str; 4]| {
            let table = golden(file, &named("text", column)).unwrap();
            assert_eq!(labels(&table), expected, "{column} of {file}");
        };
        check("label", ["pos", "neg", "pos", "neutral"]);
        check("category", ["pos", "neg", "pos", "neutral"]);
        check("int", ["1", "0", "1", "2"]);
        check("unsigned", ["1", "0", "1", "2"]);
        check("bool", ["true", "false", "true", "true"]);
        check("float", ["0.1", "2.5", "-1.0", "3.0"]);
    }
}

#[test]
fn columns_are_asked_for_by_number_too() {
    let table = golden("types_stream.arrow", &named("2", "6")).unwrap();
    assert_eq!((table.layout.text.as_str(), table.layout.has_header), ("'large'", true));
    assert_eq!(labels(&table), ["1", "0", "1", "2"]);
}

#[test]
fn rows_are_counted_from_1_over_all_batches() {
    let table = golden("types_stream.arrow", &auto()).unwrap();
    let positions: Vec<_> = table.examples.iter().map(|row| table.position_of(row)).collect();
    assert_eq!(positions, [1, 2, 3, 4].map(Position::Row));
    let missing = "row 2: the label is missing; remove the row or fill it in";
    for file in TYPES {
        let error = golden(file, &named("text", "holes")).unwrap_err();
        assert_eq!(error, format!("{file}, {missing}"));
    }
}

#[test]
fn the_names_of_a_class_label_are_the_classes() {
    let names = ["world", "sport", "business", "tech"];
    for file in ["class_label.parquet", "saved/test/data-00000-of-00001.arrow"] {
        let table = golden(file, &auto()).unwrap();
        assert_eq!(labels(&table)[..3], ["tech", "world", "sport"], "{file}");
        assert_eq!(LabelMap::of(&table).unwrap().names(), names, "{file}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let refuses = |format: &TableFormat, message: &str| {
        assert_eq!(golden("types.parquet", format).unwrap_err(), message);
    };
    refuses(
        &named("text", "catgory"),
        "types.parquet: there is no column 'catgory' for --label; the columns are 'text', \
         'large', 'coded', 'label', 'int', 'unsigned', 'bool', 'float', 'category', 'holes', \
         'list', 'date'; did you mean 'category'?",
    );
    refuses(
        &named("int", "label"),
        "types.parquet: the column 'int' is of type Int8, but must hold strings",
    );
    refuses(
        &named("text", "date"),
        "types.parquet: the column 'date' is of type Date32, but must hold strings, numbers, or \
         true and false",
    );
    let pair = TableFormat { text_pair: Some(Column::Name("bool".into())), ..auto() };
    refuses(&pair, "types.parquet: the column 'bool' is of type Boolean, but must hold strings");
}

#[test]
fn prediction_needs_no_label_column() {
    let path = PathBuf::from("tests/goldens/types.parquet");
    for label in ["holes", "date", "list"] {
        let table = read_table(&path, &named("text", label), Labels::Optional).unwrap();
        assert_eq!(table.examples[1].label, None, "{label}");
    }
}

/// Reads these bytes as a file of this name; an error without the folder.
fn read(name: &str, bytes: &[u8]) -> Result<Table, String> {
    common::read(name, bytes, &auto(), Labels::Required)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from("tests/goldens").join(name)).unwrap()
}

#[test]
fn files_of_another_kind_are_refused() {
    let refuses = |name: &str, bytes: &[u8], message: &str| {
        assert_eq!(read(name, bytes).unwrap_err(), message);
    };
    refuses("a.parquet", b"", "a.parquet has no rows");
    refuses(
        "a.parquet",
        b"text,label\na,1\n",
        "a.parquet cannot be read as parquet: it does not begin with PAR1",
    );
    refuses(
        "a.arrow",
        b"text,label\na,1\n",
        "a.arrow cannot be read as arrow: it begins neither with ARROW1 nor as a stream does",
    );
    refuses(
        "a.feather",
        b"FEA1...",
        "a.feather cannot be read as arrow: it is of Feather's first version; write version 2",
    );
}

#[test]
fn files_that_are_cut_off_are_refused() {
    for (name, end) in [("types.parquet", "PAR1"), ("types_file.arrow", "ARROW1")] {
        let bytes = bytes(name);
        let error = read(name, &bytes[..bytes.len() - 20]).unwrap_err();
        assert!(error.ends_with(&format!("its end, {end}, is cut off")), "{error}");
    }
    let stream = bytes("types_stream.arrow");
    let error = read("a.arrow", &stream[..stream.len() - 200]).unwrap_err();
    assert!(error.starts_with("a.arrow cannot be read as arrow: "), "{error}");
}

#[test]
fn a_file_of_another_extension_is_read_if_its_format_is_said() {
    let format = TableFormat { format: Some(FileFormat::Parquet), ..auto() };
    let table = common::read("a.data", &bytes("none.parquet"), &format, Labels::Required);
    assert_eq!(texts(&table.unwrap()), TEXTS);
}

/// A byte of the file is damaged, each in turn; reading gives rows or an error.
#[test]
fn no_damage_makes_reading_panic() {
    let mut errors = 0;
    for name in ["types.parquet", "zstd.parquet", "types_stream.arrow", "types_file.arrow"] {
        let bytes = bytes(name);
        for place in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0xff;
            errors += usize::from(read(name, &damaged).is_err());
        }
    }
    assert!(errors > 50);
}

#[test]
fn the_names_of_classes_are_also_found_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.arrow");
    std::fs::write(&path, bytes("types_stream.arrow")).unwrap();
    let read = |names: &str| {
        let features = format!(r#"{{"int": {{"names": {names}, "_type": "ClassLabel"}}}}"#);
        let recorded = format!(r#"{{"features": {features}}}"#);
        std::fs::write(path.with_file_name("dataset_info.json"), recorded).unwrap();
        let table = read_table(&path, &named("text", "int"), Labels::Required);
        table.map_err(|error| error.to_string())
    };
    assert_eq!(labels(&read(r#"["x", "y", "z", "none"]"#).unwrap()), ["y", "x", "y", "z"]);
    let error = read(r#"["x", "y"]"#).unwrap_err();
    let message = "row 4: the label '2' is not among the numbers of the file's 2 classes";
    assert!(error.ends_with(message), "{error}");
}
