use std::path::Path;

use crate::delimited::Row;
use crate::usual_names::{LABEL_NAMES, TEXT_NAMES, is_named};
use crate::{Column, DataError, Header, TableFormat};

/// Takes the header off the rows, if they have one: see [`Header::Auto`] for the rule.
pub(crate) fn take(
    path: &Path,
    rows: &mut Vec<Row>,
    table: &TableFormat,
) -> Result<Option<Vec<String>>, DataError> {
    let has_header = match table.header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => asks_by_name(table) || has_usual_name(rows) || stands_over_numbers(rows),
    };
    if !has_header {
        return Ok(None);
    }
    let names = rows.remove(0).fields;
    // In a file of one column, a line that equals the header may be a text.
    let again = rows.iter().find(|row| names.len() > 1 && row.fields == names);
    match again {
        Some(&Row { line, .. }) => Err(DataError::RepeatedHeader { path: path.into(), line }),
        None => Ok(Some(names)),
    }
}

fn asks_by_name(table: &TableFormat) -> bool {
    table.asked().any(|(_, column)| matches!(column, Column::Name(_)))
}

/// Whether a field of the first row is a usual name and no value of its column: an intent may
/// well be called `question`.
fn has_usual_name(rows: &[Row]) -> bool {
    let (first, below) = (&rows[0].fields, &rows[1..]);
    let is_value = |place: usize| {
        below.iter().any(|row| row.fields[place] == first[place] && row.fields != *first)
    };
    (0..first.len()).any(|place| {
        let mut names = TEXT_NAMES.iter().chain(&LABEL_NAMES);
        names.any(|name| is_named(&first[place], name)) && !is_value(place)
    })
}

/// Whether the first row has a word where each of at least two rows below has a number.
fn stands_over_numbers(rows: &[Row]) -> bool {
    let (first, below) = (&rows[0].fields, &rows[1..]);
    first.len() > 1
        && below.len() > 1
        && (0..first.len()).any(|place| {
            let is_word = !is_number(&first[place]) && !first[place].trim().is_empty();
            is_word && below.iter().all(|row| is_number(&row.fields[place]))
        })
}

fn is_number(field: &str) -> bool {
    field.trim().parse::<f64>().is_ok_and(f64::is_finite)
}
