use std::path::Path;

use crate::{DataError, Table, TableFiles, TableFormat};

/// Whether every row must have a label and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// For training.
    Required,
    /// For evaluation: as for training, but how much a row counts is not read, and the column that
    /// would say it need not be there.
    Measured,
    /// For prediction: a missing label or an empty text is no fault.
    Optional,
}

impl Labels {
    /// Whether every row must have them.
    pub(crate) fn are_required(self) -> bool {
        self != Self::Optional
    }
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

/// Reads several files as one table, in this order, all into memory: see [`TableFiles`].
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
    let files = TableFiles::open(paths, format, labels)?;
    let mut table = files.shape().clone();
    for more in files.tables() {
        table.examples.extend(more?.examples);
    }
    if labels.are_required() {
        table.check_complete()?;
    }
    Ok(table)
}
