use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::delimited::DelimitedFile;
use crate::nearest::suggestion;
use crate::usual_names::{LABEL_NAMES, PAIR_NAMES, TEXT_NAMES, is_named};
use crate::{Column, DataError, Labels, TableFormat};

/// The places of the columns, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) text: usize,
    pub(crate) text_pair: Option<usize>,
    pub(crate) label: Option<usize>,
    /// Of several targets, in place of the label.
    pub(crate) labels: Vec<usize>,
    pub(crate) weight: Option<usize>,
}

/// What is known of the columns beside their names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// Their number, and what they hold.
    Rows {
        /// How many there are.
        count: usize,
        /// The file, whose rows are all as long.
        file: &'a DelimitedFile,
    },
    /// Nothing: all of them have names.
    Named,
}

/// Finds the columns, asked for or by their usual names or, with two columns and no names, by
/// what they hold: the one with fewer different values is the label.
pub(crate) fn find(
    path: &Path,
    header: Option<&[String]>,
    content: Content<'_>,
    table: &TableFormat,
    labels: Labels,
) -> Result<Places, DataError> {
    let columns = Columns {
        path,
        names: header,
        count: match content {
            Content::Rows { count, .. } => count,
            Content::Named => header.map_or(0, <[String]>::len),
        },
    };
    table.check()?;
    let asked_text = columns.asked("--text", table.text.as_ref())?;
    let asked_pair = columns.asked("--text-pair", table.text_pair.as_ref())?;
    let several = columns.several("--labels", &table.labels)?;
    let weight = columns.weight(table, labels)?;
    let label = match several.is_empty() {
        true => columns.label(content, table, [asked_text, asked_pair, weight])?,
        false => None,
    };
    let taken: Vec<usize> =
        several.iter().copied().chain([label, asked_pair, weight].into_iter().flatten()).collect();
    let (text, usual_pair) = match asked_text {
        Some(text) => (text, columns.pair_of(text, &taken)),
        None => columns.texts(&taken, asked_pair)?,
    };
    if label.is_none() && several.is_empty() && labels.are_required() {
        return Err(columns.which("label", "--label"));
    }
    let text_pair = asked_pair.or(usual_pair);
    let weight = weight.filter(|_| labels != Labels::Measured);
    let places = Places { text, text_pair, label, labels: several, weight };
    columns.check_distinct(&places)?;
    columns.check_names(&places, table)?;
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
        column: Option<&Column>,
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

    /// The place of the weights, if they were asked for; where rows are only measured on, they may
    /// be missing.
    fn weight(&self, table: &TableFormat, labels: Labels) -> Result<Option<usize>, DataError> {
        let place = self.asked("--weight", table.weight.as_ref());
        match labels {
            Labels::Measured => Ok(place.unwrap_or_default()),
            Labels::Required | Labels::Optional => place,
        }
    }

    /// The places of columns that were asked for.
    fn several(&self, flag: &'static str, asked: &[Column]) -> Result<Vec<usize>, DataError> {
        let places = asked.iter().map(|column| self.asked(flag, Some(column)));
        Ok(places.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The place of the label, asked for, usual or guessed.
    fn label(
        &self,
        content: Content<'_>,
        table: &TableFormat,
        asked: [Option<usize>; 3],
    ) -> Result<Option<usize>, DataError> {
        let taken: Vec<usize> = asked.into_iter().flatten().collect();
        let label = self.asked("--label", table.label.as_ref())?;
        let label = label.or_else(|| self.usual(&LABEL_NAMES, &taken));
        match label {
            Some(label) => Ok(Some(label)),
            None => self.label_by_content(content, asked),
        }
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        let names = self.names?;
        let exact = names.iter().position(|existing| existing.trim() == name);
        exact.or_else(|| names.iter().position(|existing| is_named(existing, name)))
    }

    /// The first of some usual names that the file has for a column that is not yet taken.
    fn usual(&self, names: &[&str], taken: &[usize]) -> Option<usize> {
        let places = names.iter().filter_map(|name| self.place_of(name));
        places.into_iter().find(|place| !taken.contains(place))
    }

    /// The text, and the second text if both have the usual names of a pair.
    fn texts(
        &self,
        taken: &[usize],
        asked_pair: Option<usize>,
    ) -> Result<(usize, Option<usize>), DataError> {
        let is_free = |place: &usize| !taken.contains(place);
        let pair = PAIR_NAMES.iter().find_map(|(first, second)| {
            let first = self.place_of(first).filter(is_free)?;
            Some((first, Some(self.place_of(second).filter(is_free)?)))
        });
        if let (Some(pair), None) = (pair, asked_pair) {
            return Ok(pair);
        }
        let text = self.usual(&TEXT_NAMES, taken).or_else(|| self.only_other(taken));
        text.map(|text| (text, None)).ok_or_else(|| self.which("text", "--text"))
    }

    /// The second text whose usual name goes with the first's.
    fn pair_of(&self, text: usize, taken: &[usize]) -> Option<usize> {
        let name = self.names?.get(text)?;
        let (_, pair) = PAIR_NAMES.iter().find(|(first, _)| is_named(name, first))?;
        self.place_of(pair).filter(|place| !taken.contains(place))
    }

    /// The label's place among two columns without names.
    fn label_by_content(
        &self,
        content: Content<'_>,
        [text, pair, weight]: [Option<usize>; 3],
    ) -> Result<Option<usize>, DataError> {
        let others = pair.is_some() || weight.is_some();
        match (content, text) {
            _ if self.names.is_some() || self.count != 2 || others => Ok(None),
            (Content::Rows { file, .. }, None) => {
                let [first, second] = distinct_values(file)?;
                Ok(Some(usize::from(second <= first)))
            }
            (_, text) => Ok(text.map(|text| 1 - text)),
        }
    }

    /// The column that is left if the others are taken.
    fn only_other(&self, taken: &[usize]) -> Option<usize> {
        let mut others = (0..self.count).filter(|place| !taken.contains(place));
        others.next().filter(|_| others.next().is_none())
    }

    fn which(&self, what: &'static str, flag: &'static str) -> DataError {
        DataError::WhichColumn { path: self.path.into(), what, flag, existing: self.existing() }
    }

    fn check_distinct(&self, places: &Places) -> Result<(), DataError> {
        let roles = places.roles();
        for (i, &(first, place)) in roles.iter().enumerate() {
            if let Some(&(second, _)) = roles[i + 1..].iter().find(|(_, other)| *other == place) {
                let column = self.name(place);
                return Err(DataError::SameColumn {
                    path: self.path.into(),
                    first,
                    second,
                    column,
                });
            }
        }
        Ok(())
    }

    /// Refuses a name that two columns have, unless the column was asked for by number.
    fn check_names(&self, places: &Places, table: &TableFormat) -> Result<(), DataError> {
        let Some(names) = self.names else {
            return Ok(());
        };
        let by_number = |flag: &str, place: usize| {
            let mut asked = table.asked().filter(|(other, _)| *other == flag);
            asked.any(|(_, column)| *column == Column::Number(place + 1))
        };
        for (flag, place) in places.roles() {
            let is_same = |other: &usize| names[*other].trim() == names[place].trim();
            let mut numbers = (0..names.len()).filter(is_same).map(|place| place + 1);
            if let (Some(first), Some(second), false) =
                (numbers.next(), numbers.next(), by_number(flag, place))
            {
                let (path, column) = (self.path.into(), self.name(place));
                return Err(DataError::AmbiguousColumn { path, flag, column, first, second });
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
    /// The columns that are read, with the flags that name them.
    pub(crate) fn roles(&self) -> Vec<(&'static str, usize)> {
        let one = |flag, place: Option<usize>| place.map(|place| (flag, place));
        let single = [
            one("--text", Some(self.text)),
            one("--text-pair", self.text_pair),
            one("--label", self.label),
            one("--weight", self.weight),
        ];
        let several = self.labels.iter().map(|&place| ("--labels", place));
        single.into_iter().flatten().chain(several).collect()
    }

    /// The columns of the targets.
    pub(crate) fn targets(&self) -> impl Iterator<Item = usize> {
        self.label.into_iter().chain(self.labels.iter().copied())
    }
}

/// How many different values each of two columns has, by their hashes: the values need not fit into
/// memory.
fn distinct_values(file: &DelimitedFile) -> Result<[usize; 2], DataError> {
    let mut seen = [HashSet::new(), HashSet::new()];
    for rows in file.rows()? {
        for row in rows? {
            for (seen, field) in seen.iter_mut().zip(&row.fields) {
                let mut hasher = DefaultHasher::new();
                field.trim().hash(&mut hasher);
                seen.insert(hasher.finish());
            }
        }
    }
    Ok(seen.map(|seen| seen.len()))
}

/// A column as the user knows it.
pub(crate) fn name(names: Option<&[String]>, place: usize) -> String {
    match names {
        Some(names) => format!("'{}'", names[place].trim()),
        None => format!("number {}", place + 1),
    }
}

/// A column's name where it is a target's too.
pub(crate) fn plain_name(names: Option<&[String]>, place: usize) -> String {
    names.map_or_else(|| (place + 1).to_string(), |names| names[place].trim().into())
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
