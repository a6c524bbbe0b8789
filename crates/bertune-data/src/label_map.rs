use std::collections::{BTreeMap, BTreeSet};

use crate::nearest::suggestion;
use crate::targets::missing;
use crate::{DataError, Example, Table, TargetKind};

/// The classes of a classifier, in a stable order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    names: Vec<String>,
    ids: BTreeMap<String, usize>,
}

impl LabelMap {
    /// The labels of a table: in the order that its files record, if they do; else in the order
    /// of the numbers if all of them are whole numbers, else in the order of their characters'
    /// code points. So the order does not depend on the rows'. Where the targets are numbers, the
    /// names are those of the columns.
    ///
    /// # Errors
    ///
    /// If there are fewer than two, or so many that the column, unless it was asked for, can hardly
    /// be a label, or is a score.
    pub fn of(table: &Table) -> Result<Self, DataError> {
        let mut seen = SeenLabels::default();
        seen.add(table);
        seen.label_map(table)
    }

    /// Classes in a given order, as a checkpoint has them.
    pub fn from_names(names: Vec<String>) -> Self {
        let ids = names.iter().cloned().zip(0..).collect();
        Self { names, ids }
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of a class.
    pub fn id(&self, name: &str) -> Option<usize> {
        self.ids.get(name).copied()
    }

    /// The number of each row's label.
    ///
    /// # Errors
    ///
    /// If a row has none, or one that is not among these.
    pub fn ids(&self, table: &Table) -> Result<Vec<usize>, DataError> {
        table.examples.iter().map(|example| self.id_of(table, example)).collect()
    }

    fn id_of(&self, table: &Table, example: &Example) -> Result<usize, DataError> {
        let label = example.label.as_ref().ok_or_else(|| missing(table, example))?;
        self.known_id(table, example, label)
    }

    /// The number of a class that a row has.
    pub(crate) fn known_id(
        &self,
        table: &Table,
        example: &Example,
        label: &str,
    ) -> Result<usize, DataError> {
        self.id(label).ok_or_else(|| DataError::UnknownLabel {
            path: table.file_of(example).into(),
            position: table.position_of(example),
            label: label.into(),
            known: self.in_words() + &suggestion(label, self.names.iter().map(String::as_str)),
        })
    }

    fn in_words(&self) -> String {
        let shown: Vec<_> = self.names.iter().take(20).map(|name| format!("'{name}'")).collect();
        let more = if self.names.len() > 20 { ", …" } else { "" };
        format!("{} classes: {}{more}", self.names.len(), shown.join(", "))
    }
}

/// The labels of tables that follow one another.
#[derive(Debug, Default)]
pub(crate) struct SeenLabels {
    names: BTreeSet<String>,
    rows: usize,
    /// The line of the first row.
    line: Option<usize>,
}

impl SeenLabels {
    /// Looks at more rows.
    pub(crate) fn add(&mut self, table: &Table) {
        self.rows += table.examples.len();
        self.line = self.line.or(table.examples.first().map(|example| example.line));
        for name in table.examples.iter().flat_map(Example::class_names) {
            if !self.names.contains(name) {
                self.names.insert(name.into());
            }
        }
    }

    /// The labels in their order: see [`LabelMap::of`]. The table need not have its rows.
    pub(crate) fn label_map(self, table: &Table) -> Result<LabelMap, DataError> {
        let recorded = table.layout.label_names.clone();
        if table.layout.targets == TargetKind::Values {
            return Ok(LabelMap::from_names(recorded.unwrap_or_default()));
        }
        self.check(table)?;
        let mut names: Vec<String> = self.names.into_iter().collect();
        let number = |name: &String| name.parse::<i64>().ok();
        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by_key(number);
        }
        Ok(LabelMap::from_names(recorded.unwrap_or(names)))
    }

    /// Refuses labels that a classifier cannot learn.
    fn check(&self, table: &Table) -> Result<(), DataError> {
        let (rows, labels) = (self.rows, self.names.len());
        let path = table.title();
        let column = table.layout.label.clone().unwrap_or_default();
        match self.names.first() {
            None => {
                let position = table.layout.format.position(self.line.unwrap_or(1));
                Err(DataError::NoLabel { path: table.path.clone(), position })
            }
            Some(label) if labels == 1 && table.layout.targets == TargetKind::Class => {
                Err(DataError::OneClass { path, label: label.clone() })
            }
            _ if table.layout.label_names.is_some() => Ok(()),
            _ if labels > MOST_SCORES && are_scores(&self.names) => {
                Err(DataError::Scores { path, labels, column })
            }
            _ if self.are_doubtful(table) => {
                Err(DataError::ManyLabels { path, labels, rows, column })
            }
            _ => Ok(()),
        }
    }

    /// Whether labels are hardly ever repeated in a column that nobody named. Sets are: they may
    /// have any number of labels.
    fn are_doubtful(&self, table: &Table) -> bool {
        let is_found = table.layout.targets == TargetKind::Class && !table.layout.label_is_asked;
        is_found && self.rows >= 20 && self.names.len() > self.rows / 2
    }
}

/// As many different fractions may still be classes, such as half stars.
const MOST_SCORES: usize = 20;

/// Whether all labels are numbers, and not all of them whole ones.
fn are_scores(names: &BTreeSet<String>) -> bool {
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    numbers.is_some_and(|numbers| numbers.iter().any(|number| number.fract() != 0.0))
}
