use std::path::{Path, PathBuf};

use crate::columns::{self, Places};
use crate::delimited::{self, Row};
use crate::source::read_text;
use crate::{DataError, FileFormat, Quoting, TableFormat, header, jsonl};

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
    let text = read_text(path, table.encoding)?;
    let format = table.format.or_else(|| FileFormat::of(path));
    let format = format.ok_or_else(|| DataError::UnknownFormat { path: path.into() })?;
    let (names, places, examples) = match format {
        FileFormat::Jsonl => {
            let (keys, places, examples) = jsonl::examples(path, &text, table, labels)?;
            (Some(keys), places, examples)
        }
        FileFormat::Csv | FileFormat::Tsv => {
            let (names, rows) = delimited_rows(path, &text, format, table, labels)?;
            let places = columns::find(path, names.as_deref(), &rows, table, labels)?;
            let examples = rows.into_iter().map(|row| example(row, places)).collect();
            (names, places, examples)
        }
    };
    let table =
        Table { path: path.into(), examples, layout: layout(format, names.as_deref(), places) };
    if labels == Labels::Required {
        table.check_complete()?;
    }
    Ok(table)
}

fn layout(format: FileFormat, names: Option<&[String]>, places: Places) -> Layout {
    let name = |place| columns::name(names, place);
    Layout {
        format,
        has_header: names.is_some(),
        text: name(places.text),
        text_pair: places.text_pair.map(name),
        label: places.label.map(name),
    }
}

/// The names of the columns, if there is a header, and the rows below; at least one.
fn delimited_rows(
    path: &Path,
    text: &str,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<(Option<Vec<String>>, Vec<Row>), DataError> {
    let usual = if format == FileFormat::Csv { ',' } else { '\t' };
    let delimiter = table.delimiter.unwrap_or(usual);
    let quoted = match table.quoting {
        Quoting::Auto => format == FileFormat::Csv,
        Quoting::Double => true,
        Quoting::None => false,
    };
    let mut rows = delimited::rows(path, text, delimiter, quoted)?;
    let ragged = delimited::ragged(&rows);
    if labels == Labels::Required || ragged.is_some() {
        check_delimiter(path, &rows, delimiter)?;
    }
    if let Some(row) = ragged {
        return Err(DataError::Ragged {
            path: path.into(),
            line: row.line,
            expected: rows[0].fields.len(),
            found: row.fields.len(),
            advice: if quoted {
                "if a field holds the delimiter, quote it, or see --delimiter and --quoting"
            } else {
                "no field may hold the delimiter; if fields are in quotes, say --quoting double, \
                 or see --delimiter"
            },
        });
    }
    let names = header::take(path, &mut rows, table)?;
    if rows.is_empty() {
        return Err(DataError::Empty { path: path.into(), header: " below its header" });
    }
    Ok((names, rows))
}

/// Refuses a file whose first row is one column, and whose rows all hold another usual delimiter.
fn check_delimiter(path: &Path, rows: &[Row], delimiter: char) -> Result<(), DataError> {
    let usual = [
        ('\t', "tabs", "'\\t'"),
        (';', "semicolons", "';'"),
        ('|', "bars", "'|'"),
        (',', "commas", "','"),
    ];
    let has = |row: &Row, other: char| row.fields.iter().any(|field| field.contains(other));
    let suspect = usual
        .into_iter()
        .find(|&(other, ..)| other != delimiter && rows.iter().all(|row| has(row, other)));
    match suspect {
        Some((_, suspect, flag)) if rows[0].fields.len() == 1 => {
            Err(DataError::WrongDelimiter { path: path.into(), suspect, flag })
        }
        _ => Ok(()),
    }
}

fn example(row: Row, places: Places) -> Example {
    let mut fields = row.fields;
    let mut take = |place: usize| std::mem::take(&mut fields[place]);
    Example {
        label: places.label.and_then(|place| label(&take(place))),
        text: take(places.text),
        text_pair: places.text_pair.map(&mut take),
        line: row.line,
    }
}

/// A label without the spaces around it, if anything is left.
pub(crate) fn label(field: &str) -> Option<String> {
    let label = field.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

impl Table {
    /// The table with only these of its rows.
    ///
    /// # Panics
    ///
    /// If a number is not below the number of rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        let examples = rows.iter().map(|&row| self.examples[row].clone()).collect();
        Self { examples, path: self.path.clone(), layout: self.layout.clone() }
    }

    /// Checks that every row has its text and its label, and some row a second text if there is
    /// a column of them.
    fn check_complete(&self) -> Result<(), DataError> {
        let path = || self.path.clone();
        let is_blank = |text: &str| text.trim().is_empty();
        if self.examples.iter().all(|example| is_blank(&example.text)) {
            return Err(DataError::EmptyColumn {
                path: path(),
                column: self.layout.text.clone(),
                flag: "--text",
            });
        }
        let mut pairs = self.examples.iter().map(|example| &example.text_pair);
        if let Some(column) = self.layout.text_pair.clone()
            && pairs.all(|pair| pair.as_deref().is_none_or(is_blank))
        {
            return Err(DataError::EmptyColumn { path: path(), column, flag: "--text-pair" });
        }
        for example in &self.examples {
            let line = example.line;
            if is_blank(&example.text) {
                return Err(DataError::EmptyText { path: path(), line });
            }
            if example.label.is_none() {
                return Err(DataError::NoLabel { path: path(), line });
            }
        }
        Ok(())
    }
}
