use crate::survey::{Survey, is_number};
use crate::usual_names::{LABEL_NAMES, TEXT_NAMES, is_named};
use crate::{Column, Header, TableFormat};

/// Whether the first row names the columns: see [`Header::Auto`] for the rule.
pub(crate) fn is_first_row(survey: &Survey, table: &TableFormat) -> bool {
    match table.header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => {
            asks_by_name(table) || has_usual_name(survey) || stands_over_numbers(survey)
        }
    }
}

fn asks_by_name(table: &TableFormat) -> bool {
    table.asked().any(|(_, column)| matches!(column, Column::Name(_)))
}

/// Whether a field of the first row is a usual name and no value of its column: an intent may
/// well be called `question`.
fn has_usual_name(survey: &Survey) -> bool {
    survey.first.iter().zip(&survey.columns).any(|(field, column)| {
        let mut names = TEXT_NAMES.iter().chain(&LABEL_NAMES);
        names.any(|name| is_named(field, name)) && !column.repeats_first
    })
}

/// Whether the first row has a word where each of at least two rows below has a number.
fn stands_over_numbers(survey: &Survey) -> bool {
    let is_word = |field: &str| !is_number(field) && !field.trim().is_empty();
    let mut columns = survey.first.iter().zip(&survey.columns);
    survey.first.len() > 1
        && survey.below > 1
        && columns.any(|(field, column)| is_word(field) && column.are_numbers)
}
