use std::path::Path;

use crate::source::read_text;
use crate::{DataError, FileFormat, Table, TableFormat, delimited_table, jsonl};

/// Whether every row must have a label and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// For training and evaluation.
    Required,
    /// For prediction: a missing label or an empty text is no fault.
    Optional,
}

/// Reads a csv, tsv, jsonl, parquet or arrow file; the last two with the feature `parquet`.
///
/// # Errors
///
/// If it cannot be read, or does not have the rows and columns asked for. The error names the
/// file and, where it can, the line.
pub fn read_table(path: &Path, table: &TableFormat, labels: Labels) -> Result<Table, DataError> {
    read_tables(&[path], table, labels)
}

/// Reads several files as one table, in this order.
///
/// # Errors
///
/// Those of [`read_table`], and if the files differ in their format or their columns: the error
/// names both.
///
/// # Panics
///
/// If there is no path.
pub fn read_tables<P: AsRef<Path>>(
    paths: &[P],
    format: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    assert!(!paths.is_empty(), "a table has at least one file");
    let mut table = read_file(paths[0].as_ref(), format, labels)?;
    for path in &paths[1..] {
        table.extend(read_file(path.as_ref(), format, labels)?)?;
    }
    if labels == Labels::Required {
        table.check_complete()?;
    }
    Ok(table)
}

/// The rows of one file, which need not be complete.
fn read_file(path: &Path, table: &TableFormat, labels: Labels) -> Result<Table, DataError> {
    let format = table.format.or_else(|| FileFormat::of(path));
    match format {
        Some(format @ (FileFormat::Parquet | FileFormat::Arrow)) => {
            read_columnar(path, format, table, labels)
        }
        _ => read_text_file(path, format, table, labels),
    }
}

fn read_text_file(
    path: &Path,
    format: Option<FileFormat>,
    table: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    // What the file is says more than that its extension is unknown.
    let text = read_text(path, table.encoding)?;
    let format = format.ok_or_else(|| DataError::UnknownFormat { path: path.into() })?;
    if format == FileFormat::Jsonl {
        return jsonl::read(path, &text, table, labels);
    }
    delimited_table::read(path, &text, format, table, labels)
}

#[cfg(feature = "parquet")]
use crate::columnar::read as read_columnar;

#[cfg(not(feature = "parquet"))]
fn read_columnar(
    path: &Path,
    format: FileFormat,
    _: &TableFormat,
    _: Labels,
) -> Result<Table, DataError> {
    Err(DataError::NotBuilt { path: path.into(), format })
}
