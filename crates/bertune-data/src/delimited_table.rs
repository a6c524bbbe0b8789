use std::mem;
use std::path::Path;

use serde_json::Value;

use crate::columns;
use crate::delimited::{self, Row};
use crate::roles::Roles;
use crate::{DataError, FileFormat, Labels, Quoting, Table, TableFormat, header};

/// Reads the text of a csv or tsv file.
pub(crate) fn read(
    path: &Path,
    text: &str,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    let (names, rows) = named_rows(path, text, format, table, labels)?;
    let places = columns::find(path, names.as_deref(), &rows, table, labels)?;
    let roles = Roles::new(path, format, names, places, table, labels);
    let example = |mut row: Row| {
        roles.example(row.line, |place| Ok(Value::String(mem::take(&mut row.fields[place]))))
    };
    let examples = rows.into_iter().map(example).collect::<Result<_, _>>()?;
    Ok(roles.table(examples))
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
