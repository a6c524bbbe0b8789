//! Any table that is written as parquet or arrow reads back.
#![cfg(feature = "parquet")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use bertune_data::{Labels, TableFormat};
use common::{auto, named, read};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

/// A text, a label that may be missing, and a number.
type Row = (String, Option<String>, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    let texts: StringArray = rows.iter().map(|row| Some(&row.0)).collect();
    let labels: StringArray = rows.iter().map(|row| row.1.as_ref()).collect();
    let numbers: Int64Array = rows.iter().map(|row| row.2).collect();
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("number", Arc::new(numbers.clone()), false),
        ("label", Arc::new(labels), true),
        ("other", Arc::new(numbers), false),
        ("text", Arc::new(texts), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn parquet(batches: &[RecordBatch], compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
        // A row group of its own.
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn arrow_file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn arrow_stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    bytes
}

/// Reads the rows back, with the numbers as labels too.
fn check(name: &str, bytes: &[u8], rows: &[Row]) -> Result<(), TestCaseError> {
    let table = read(name, bytes, &auto(), Labels::Optional).unwrap();
    let found: Vec<_> = table.examples.iter().map(|e| (&e.text, &e.label, e.line)).collect();
    let written: Vec<_> =
        rows.iter().zip(1..).map(|((text, label, _), row)| (text, label, row)).collect();
    prop_assert_eq!(found, written);
    let format: TableFormat = named("text", "number");
    let table = read(name, bytes, &format, Labels::Optional).unwrap();
    let numbers: Vec<i64> =
        table.examples.iter().map(|e| e.label.as_ref().unwrap().parse().unwrap()).collect();
    prop_assert_eq!(numbers, rows.iter().map(|row| row.2).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_table_reads_back(
        rows in prop::collection::vec((".{0,12}", prop::option::of("[a-z]{1,4}"), any::<i64>()), 1..30),
        rows_of_a_batch in 1usize..12,
    ) {
        let batches: Vec<_> = rows.chunks(rows_of_a_batch).map(batch).collect();
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW] {
            check("a.parquet", &parquet(&batches, compression), &rows)?;
        }
        check("a.arrow", &arrow_file(&batches), &rows)?;
        check("a.arrow", &arrow_stream(&batches), &rows)?;
    }

    /// Cut off anywhere, a file gives an error, or, a stream between two batches, the rows before.
    #[test]
    fn a_file_that_is_cut_off_gives_no_other_rows(
        rows in prop::collection::vec(("[a-z]{1,9}", prop::option::of("[a-z]{1,4}"), any::<i64>()), 2..9),
        place: prop::sample::Index,
    ) {
        let batches: Vec<_> = rows.chunks(1).map(batch).collect();
        let cut = |bytes: Vec<u8>| bytes[..place.index(bytes.len())].to_vec();
        let parquet = cut(parquet(&batches, Compression::SNAPPY));
        prop_assert!(read("a.parquet", &parquet, &auto(), Labels::Optional).is_err());
        prop_assert!(read("a.arrow", &cut(arrow_file(&batches)), &auto(), Labels::Optional).is_err());
        if let Ok(table) = read("a.arrow", &cut(arrow_stream(&batches)), &auto(), Labels::Optional) {
            let texts = table.examples.iter().map(|example| &example.text);
            prop_assert!(texts.eq(rows[..table.examples.len()].iter().map(|row| &row.0)));
        }
    }
}

#[test]
fn a_file_without_rows_is_refused() {
    let empty = [batch(&[])];
    assert_eq!(empty[0].column(0).len(), 0);
    let files = [
        ("a.parquet", parquet(&empty, Compression::UNCOMPRESSED)),
        ("a.arrow", arrow_file(&empty)),
        ("a.arrow", arrow_stream(&empty)),
    ];
    for (name, bytes) in files {
        let error = read(name, &bytes, &auto(), Labels::Required).unwrap_err();
        assert_eq!(error, format!("{name} has no rows"));
    }
}
