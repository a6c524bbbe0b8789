use std::collections::BTreeSet;
use std::path::Path;

use crate::delimited::Row;
use crate::nearest::suggestion;
use crate::usual_names::{LABEL_NAMES, PAIR_NAMES, TEXT_NAMES, is_named};
use crate::{Column, DataError, Labels, TableFormat};

/// The places of the columns, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) text: usize,
    pub(crate) text_pair: Option<usize>,
    pub(crate) label: Option<usize>,
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
        count: header.map_or_else(|| rows[0].fields.len(), <[String]>::len),
    };
    let asked_text = columns.asked("--text", &table.text)?;
    let asked_pair = columns.asked("--text-pair", &table.text_pair)?;
    let label = columns
        .asked("--label", &table.label)?
        .or_else(|| columns.usual(&LABEL_NAMES, &[asked_text, asked_pair]))
        .or_else(|| columns.label_by_content(rows, asked_text, asked_pair));
    let (text, usual_pair) = match asked_text {
        Some(text) => (text, columns.pair_of(text, label)),
        None => columns.texts(label, asked_pair)?,
    };
    if label.is_none() && labels == Labels::Required {
        return Err(columns.which("label", "--label"));
    }
    let places = Places { text, text_pair: asked_pair.or(usual_pair), label };
    columns.check_distinct(places)?;
    columns.check_names(places, table)?;
    Ok(places)
}

/// The columns of a file: their names, if it has a header, and their number.
struct Columns<'a> {
    path: &'a Path,
    names: Option<&'a [String]>,
    count: usize,
}

impl Columns<'_> {
    /// The place of a column, if it was asked for.
    fn asked(
        &self,
        flag: &'static str,
        column: &Option<Column>,
    ) -> Result<Option<usize>, DataError> {
        let Some(column) = column else {
            return Ok(None);
        };
        let found = match column {
            Column::Number(number) => number.checked_sub(1).filter(|&place| place < self.count),
            Column::Name(name) => self.place_of(name),
        };
        found.map(Some).ok_or_else(|| DataError::UnknownColumn {
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

    /// The first of some usual names that the file has for a column that is not yet taken.
    fn usual(&self, names: &[&str], taken: &[Option<usize>]) -> Option<usize> {
        let places = names.iter().filter_map(|name| self.place_of(name));
        places.into_iter().find(|&place| !taken.contains(&Some(place)))
    }

    /// The text, and the second text if both have the usual names of a pair.
    fn texts(
        &self,
        label: Option<usize>,
        asked_pair: Option<usize>,
    ) -> Result<(usize, Option<usize>), DataError> {
        let taken = [label, asked_pair];
        let is_free = |place: &usize| !taken.contains(&Some(*place));
        let pair = PAIR_NAMES.iter().find_map(|(first, second)| {
            let first = self.place_of(first).filter(is_free)?;
            Some((first, Some(self.place_of(second).filter(is_free)?)))
        });
        if let (Some(pair), None) = (pair, asked_pair) {
            return Ok(pair);
        }
        let text = self.usual(&TEXT_NAMES, &taken).or_else(|| self.only_other(&taken));
        text.map(|text| (text, None)).ok_or_else(|| self.which("text", "--text"))
    }

    /// The second text whose usual name goes with the first's.
    fn pair_of(&self, text: usize, label: Option<usize>) -> Option<usize> {
        let name = self.names?.get(text)?;
        let (_, pair) = PAIR_NAMES.iter().find(|(first, _)| is_named(name, first))?;
        self.place_of(pair).filter(|&place| Some(place) != label)
    }

    /// The label's place among two columns without names.
    fn label_by_content(
        &self,
        rows: &[Row],
        text: Option<usize>,
        pair: Option<usize>,
    ) -> Option<usize> {
        if self.names.is_some() || self.count != 2 || pair.is_some() {
            return None;
        }
        let distinct = |place: usize| {
            let values = rows.iter().map(|row| row.fields[place].trim());
            values.collect::<BTreeSet<_>>().len()
        };
        Some(match text {
            Some(text) => 1 - text,
            None => usize::from(distinct(1) <= distinct(0)),
        })
    }

    /// The column that is left if the others are taken.
    fn only_other(&self, taken: &[Option<usize>]) -> Option<usize> {
        let mut others = (0..self.count).filter(|&place| !taken.contains(&Some(place)));
        others.next().filter(|_| others.next().is_none())
    }

    fn which(&self, what: &'static str, flag: &'static str) -> DataError {
        DataError::WhichColumn { path: self.path.into(), what, flag, existing: self.existing() }
    }

    fn check_distinct(&self, places: Places) -> Result<(), DataError> {
        let roles = places.roles();
        for (i, &(first, place)) in roles.iter().enumerate() {
            let same = roles[i + 1..].iter().find(|(_, other)| place.is_some() && *other == place);
            if let (Some(&(second, _)), Some(place)) = (same, place) {
                return Err(DataError::SameColumn {
                    path: self.path.into(),
                    first,
                    second,
                    column: self.name(place),
                });
            }
        }
        Ok(())
    }

    /// Refuses a name that two columns have, unless the column was asked for by number.
    fn check_names(&self, places: Places, table: &TableFormat) -> Result<(), DataError> {
        let asked = [&table.text, &table.text_pair, &table.label];
        for ((flag, place), asked) in places.roles().into_iter().zip(asked) {
            let (Some(place), Some(names)) = (place, self.names) else {
                continue;
            };
            let is_same = |other: &usize| names[*other].trim() == names[place].trim();
            let numbers: Vec<usize> = (0..names.len()).filter(is_same).map(|i| i + 1).collect();
            if let ([first, second, ..], false) =
                (numbers.as_slice(), matches!(asked, Some(Column::Number(_))))
            {
                return Err(DataError::AmbiguousColumn {
                    path: self.path.into(),
                    flag,
                    column: self.name(place),
                    first: *first,
                    second: *second,
                });
            }
        }
        Ok(())
    }

    fn name(&self, place: usize) -> String {
        name(self.names, place)
    }

    fn existing(&self) -> String {
        existing(self.names.into_iter().flatten().map(String::as_str), self.count)
    }

    fn nearest(&self, column: &Column) -> String {
        let names = self.names.into_iter().flatten().map(String::as_str);
        match column {
            Column::Name(asked) => suggestion(asked, names),
            Column::Number(_) => String::new(),
        }
    }
}

impl Places {
    fn roles(self) -> [(&'static str, Option<usize>); 3] {
        [("--text", Some(self.text)), ("--text-pair", self.text_pair), ("--label", self.label)]
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
