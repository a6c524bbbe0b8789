use std::path::Path;

use crate::columns::{self, Places};
use crate::delimited::{self, Row};
use crate::{DataError, Example, FileFormat, Labels, Quoting, TableFormat, header};

/// The examples of a csv or tsv file, with the names of its columns if it has a header.
pub(crate) fn examples(
    path: &Path,
    text: &str,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<(Option<Vec<String>>, Places, Vec<Example>), DataError> {
    let (names, rows) = named_rows(path, text, format, table, labels)?;
    let places = columns::find(path, names.as_deref(), &rows, table, labels)?;
    let examples = rows.into_iter().map(|row| example(row, places)).collect();
    Ok((names, places, examples))
}

/// The names of the columns, if there is a header, and the rows below; at least one.
fn named_rows(
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
        file: 0,
        line: row.line,
    }
}

/// A label without the spaces around it, if anything is left.
pub(crate) fn label(field: &str) -> Option<String> {
    let label = field.trim();
    (!label.is_empty()).then(|| label.to_owned())
}
