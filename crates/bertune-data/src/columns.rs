use std::collections::BTreeSet;
use std::path::Path;

use crate::delimited::Row;
use crate::{Column, DataError, Header, Labels, TableFormat};

/// Names that a text column usually has, the likeliest first.
const TEXT_NAMES: [&str; 13] = [
    "text",
    "sentence",
    "sentence1",
    "text_a",
    "question1",
    "premise",
    "question",
    "content",
    "review",
    "message",
    "comment",
    "title",
    "body",
];

/// Names that the second text of a pair usually has, and the first text's name then.
const PAIR_NAMES: [(&str, &str); 6] = [
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("text_a", "text_b"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
];

/// Names that a label column usually has, the likeliest first.
const LABEL_NAMES: [&str; 8] = [
    "label",
    "labels",
    "class",
    "category",
    "intent",
    "target",
    "sentiment",
    "quality",
];

/// The places of the columns in a delimited file, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) text: usize,
    pub(crate) text_pair: Option<usize>,
    pub(crate) label: Option<usize>,
}

/// Whether the first row is a header.
pub(crate) fn has_header(first: &Row, table: &TableFormat) -> bool {
    let asked = [&table.text, &table.text_pair, &table.label];
    let by_name = asked
        .into_iter()
        .flatten()
        .any(|column| matches!(column, Column::Name(_)));
    let usual = || {
        let names = TEXT_NAMES.iter().chain(&LABEL_NAMES);
        first
            .fields
            .iter()
            .any(|field| names.clone().any(|name| is_named(field, name)))
    };
    match table.header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => by_name || usual(),
    }
}

/// Finds the columns, asked for or by their usual names or, with two columns and no names, by
/// what they hold: the one with fewer different values is the label.
pub(crate) fn find(
    path: &Path,
    header: Option<&[String]>,
    rows: &[Row],
    table: &TableFormat,
    labels: Labels,
) -> Result<Places, DataError> {
    let columns = Columns {
        path,
        names: header,
        count: rows[0].fields.len(),
    };
    let label = match &table.label {
        Some(column) => Some(columns.asked("--label", column)?),
        None => columns
            .usual(&LABEL_NAMES)
            .or_else(|| columns.label_by_content(rows, table)),
    };
    let text = match &table.text {
        Some(column) => columns.asked("--text", column)?,
        None => columns
            .usual(&TEXT_NAMES)
            .or_else(|| columns.only_other(label))
            .ok_or_else(|| columns.which("text", "--text"))?,
    };
    if label.is_none() && labels == Labels::Required {
        return Err(columns.which("label", "--label"));
    }
    let text_pair = match &table.text_pair {
        Some(column) => Some(columns.asked("--text-pair", column)?),
        None => columns.usual_pair(text),
    };
    let places = Places {
        text,
        text_pair,
        label,
    };
    columns.check_distinct(places)?;
    Ok(places)
}

/// The columns of a file: their names, if it has a header, and their number.
struct Columns<'a> {
    path: &'a Path,
    names: Option<&'a [String]>,
    count: usize,
}

impl Columns<'_> {
    /// The place of a column that was asked for.
    fn asked(&self, flag: &'static str, column: &Column) -> Result<usize, DataError> {
        let found = match column {
            Column::Number(number) => number.checked_sub(1).filter(|&place| place < self.count),
            Column::Name(name) => self.place_of(name),
        };
        found.ok_or_else(|| DataError::UnknownColumn {
            path: self.path.into(),
            flag,
            column: column.clone(),
            existing: self.existing(),
            nearest: self.nearest(column),
        })
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        let names = self.names?;
        let exact = names.iter().position(|existing| existing.trim() == name);
        exact.or_else(|| names.iter().position(|existing| is_named(existing, name)))
    }

    /// The first of some usual names that the file has.
    fn usual(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.place_of(name))
    }

    fn usual_pair(&self, text: usize) -> Option<usize> {
        let name = self.names?.get(text)?;
        let (_, pair) = PAIR_NAMES.iter().find(|(first, _)| is_named(name, first))?;
        self.place_of(pair)
    }

    /// The label's place among two columns without names, if nothing was asked for.
    fn label_by_content(&self, rows: &[Row], table: &TableFormat) -> Option<usize> {
        if self.names.is_some() || self.count != 2 || table.text_pair.is_some() {
            return None;
        }
        let asked = match table.text {
            Some(Column::Number(number)) => Some(number - 1),
            _ => None,
        };
        let distinct = |place: usize| {
            rows.iter()
                .map(|row| row.fields[place].trim())
                .collect::<BTreeSet<_>>()
                .len()
        };
        asked
            .map(|text| 1 - text.min(1))
            .or(Some(usize::from(distinct(1) <= distinct(0))))
    }

    /// The column that is left if the others are known.
    fn only_other(&self, label: Option<usize>) -> Option<usize> {
        let mut others = (0..self.count).filter(|&place| Some(place) != label);
        others.next().filter(|_| others.next().is_none())
    }

    fn which(&self, what: &'static str, flag: &'static str) -> DataError {
        DataError::WhichColumn {
            path: self.path.into(),
            what,
            flag,
            existing: self.existing(),
        }
    }

    fn check_distinct(&self, places: Places) -> Result<(), DataError> {
        let roles = [
            ("--text", Some(places.text)),
            ("--text-pair", places.text_pair),
            ("--label", places.label),
        ];
        for (i, (first, place)) in roles.into_iter().enumerate() {
            let same = roles[i + 1..]
                .iter()
                .find(|(_, other)| place.is_some() && *other == place);
            if let (Some(&(second, _)), Some(place)) = (same, place) {
                let (path, column) = (self.path.into(), self.name(place));
                return Err(DataError::SameColumn {
                    path,
                    first,
                    second,
                    column,
                });
            }
        }
        Ok(())
    }

    fn name(&self, place: usize) -> String {
        name(self.names, place)
    }

    fn existing(&self) -> String {
        existing(
            self.names.into_iter().flatten().map(String::as_str),
            self.count,
        )
    }

    fn nearest(&self, column: &Column) -> String {
        let Column::Name(asked) = column else {
            return String::new();
        };
        let distance = |name: &&String| edit_distance(asked, name.trim());
        let nearest = self.names.into_iter().flatten().min_by_key(distance);
        let near = nearest.filter(|name| distance(name) <= asked.chars().count().div_ceil(3));
        near.map(|name| format!("; did you mean '{}'?", name.trim()))
            .unwrap_or_default()
    }
}

/// A column as the user knows it.
pub(crate) fn name(names: Option<&[String]>, place: usize) -> String {
    match names {
        Some(names) => format!("'{}'", names[place].trim()),
        None => format!("number {}", place + 1),
    }
}

/// The columns that exist, in words.
pub(crate) fn existing<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let names: Vec<_> = names.map(|name| format!("'{}'", name.trim())).collect();
    match (names.len(), count) {
        (0, 1) => "the file has one column and no header".into(),
        (0, count) => format!("the file has the columns 1 to {count} and no header"),
        _ => format!("the columns are {}", names.join(", ")),
    }
}

fn is_named(field: &str, name: &str) -> bool {
    field.trim().eq_ignore_ascii_case(name)
}

/// The distance of Levenshtein (1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(edit_distance("labl", "label"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
