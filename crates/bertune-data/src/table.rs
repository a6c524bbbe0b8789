use std::path::{Path, PathBuf};

use crate::columns::{self, Places};
use crate::delimited::{self, Row};
use crate::source::read_text;
use crate::{DataError, FileFormat, Quoting, TableFormat, jsonl};

/// One row of a file of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The text.
    pub text: String,
    /// The second text of a pair.
    pub text_pair: Option<String>,
    /// The name of its class.
    pub label: Option<String>,
    /// The line of the file on which the row begins, from 1.
    pub line: usize,
}

/// Examples from one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// Its rows, in order.
    pub examples: Vec<Example>,
    /// What was found out about it.
    pub layout: Layout,
}

/// How a file was read: what was asked for, and what was found by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The format.
    pub format: FileFormat,
    /// Whether the first row names the columns (keys, in `jsonl`).
    pub has_header: bool,
    /// The text column, `'name'` or `number N`.
    pub text: String,
    /// The column of the second text.
    pub text_pair: Option<String>,
    /// The label column.
    pub label: Option<String>,
}

/// Whether every row must have a label and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// For training and evaluation.
    Required,
    /// For prediction: a missing label or an empty text is no fault.
    Optional,
}

/// Reads a csv, tsv or jsonl file.
///
/// # Errors
///
/// If it cannot be read, or does not have the rows and columns asked for. The error names the
/// file and, where it can, the line.
pub fn read_table(path: &Path, table: &TableFormat, labels: Labels) -> Result<Table, DataError> {
    let format = table.format.or_else(|| FileFormat::of(path));
    let format = format.ok_or_else(|| DataError::UnknownFormat { path: path.into() })?;
    let text = read_text(path, table.encoding)?;
    let (names, rows) = match format {
        FileFormat::Jsonl => {
            let (names, rows) = jsonl::rows(path, &text, table)?;
            (Some(names), rows)
        }
        FileFormat::Csv | FileFormat::Tsv => delimited_rows(path, &text, format, table, labels)?,
    };
    if rows.is_empty() {
        return Err(DataError::Empty {
            path: path.into(),
            header: " below its header",
        });
    }
    let places = columns::find(path, names.as_deref(), &rows, table, labels)?;
    let name = |place| columns::name(names.as_deref(), place);
    let layout = Layout {
        format,
        has_header: names.is_some(),
        text: name(places.text),
        text_pair: places.text_pair.map(name),
        label: places.label.map(name),
    };
    let examples = rows.into_iter().map(|row| example(row, places)).collect();
    let table = Table {
        path: path.into(),
        examples,
        layout,
    };
    if labels == Labels::Required {
        table.check_complete()?;
    }
    Ok(table)
}

type NamesAndRows = (Option<Vec<String>>, Vec<Row>);

fn delimited_rows(
    path: &Path,
    text: &str,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<NamesAndRows, DataError> {
    let usual = if format == FileFormat::Csv { ',' } else { '\t' };
    let delimiter = table.delimiter.unwrap_or(usual);
    let quoted = match table.quoting {
        Quoting::Auto => format == FileFormat::Csv,
        Quoting::Double => true,
        Quoting::None => false,
    };
    let mut rows = delimited::rows(path, text, delimiter, quoted)?;
    if labels == Labels::Required {
        check_delimiter(path, &rows, delimiter)?;
    }
    let names = columns::has_header(&rows[0], table).then(|| rows.remove(0).fields);
    Ok((names, rows))
}

/// Refuses a file of one column whose rows all hold another usual delimiter.
fn check_delimiter(path: &Path, rows: &[Row], delimiter: char) -> Result<(), DataError> {
    let usual = [
        ('\t', "tabs", "'\\t'"),
        (';', "semicolons", "';'"),
        ('|', "bars", "'|'"),
        (',', "commas", "','"),
    ];
    let in_all = |character: char| rows.iter().all(|row| row.fields[0].contains(character));
    let suspect = usual
        .into_iter()
        .find(|&(other, ..)| other != delimiter && in_all(other));
    match suspect {
        Some((_, suspect, flag)) if rows[0].fields.len() == 1 => Err(DataError::WrongDelimiter {
            path: path.into(),
            suspect,
            flag,
        }),
        _ => Ok(()),
    }
}

fn example(row: Row, places: Places) -> Example {
    let mut fields = row.fields;
    let mut take = |place: usize| std::mem::take(&mut fields[place]);
    let label = places
        .label
        .map(&mut take)
        .map(|label| label.trim().to_owned());
    Example {
        text: take(places.text),
        text_pair: places.text_pair.map(&mut take),
        label: label.filter(|label| !label.is_empty()),
        line: row.line,
    }
}

impl Table {
    /// The table with only these of its rows.
    ///
    /// # Panics
    ///
    /// If a number is not below the number of rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        let examples = rows.iter().map(|&row| self.examples[row].clone()).collect();
        Self {
            examples,
            path: self.path.clone(),
            layout: self.layout.clone(),
        }
    }

    /// Checks that every row has its texts and its label.
    fn check_complete(&self) -> Result<(), DataError> {
        let is_empty = |example: &&Example| example.text.trim().is_empty();
        if self.examples.iter().all(|example| is_empty(&example)) {
            let column = self.layout.text.clone();
            return Err(DataError::EmptyColumn {
                path: self.path.clone(),
                column,
            });
        }
        if let Some(&Example { line, .. }) = self.examples.iter().find(is_empty) {
            return Err(DataError::EmptyText {
                path: self.path.clone(),
                line,
            });
        }
        let unlabelled = self.examples.iter().find(|example| example.label.is_none());
        if let Some(&Example { line, .. }) = unlabelled {
            return Err(DataError::NoLabel {
                path: self.path.clone(),
                line,
            });
        }
        Ok(())
    }
}
