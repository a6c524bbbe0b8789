use std::collections::BTreeMap;

use crate::{DataError, Example, Table};

/// The classes of a classifier, in a stable order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    names: Vec<String>,
    ids: BTreeMap<String, usize>,
}

impl LabelMap {
    /// The labels of a table: in the order of the numbers if all of them are whole numbers, else
    /// in the order of their characters' code points. So the order does not depend on the rows'.
    ///
    /// # Errors
    ///
    /// If there are fewer than two, or so many that the column can hardly be a label.
    pub fn of(table: &Table) -> Result<Self, DataError> {
        let labels = table
            .examples
            .iter()
            .filter_map(|example| example.label.as_deref());
        let mut names: Vec<String> = labels.map(Into::into).collect();
        let rows = names.len();
        names.sort_unstable();
        names.dedup();
        let number = |name: &String| name.parse::<i64>().ok();
        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by_key(number);
        }
        if let [label] = names.as_slice() {
            return Err(DataError::OneClass {
                path: table.path.clone(),
                label: label.clone(),
            });
        }
        if rows >= 20 && names.len() > rows / 2 {
            return Err(DataError::ManyLabels {
                path: table.path.clone(),
                labels: names.len(),
                rows,
                column: table.layout.label.clone().unwrap_or_default(),
            });
        }
        Ok(Self::from_names(names))
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

    /// How many rows of a table have each label, in the order of the numbers.
    pub fn counts(&self, table: &Table) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        for example in &table.examples {
            if let Some(id) = example.label.as_deref().and_then(|label| self.id(label)) {
                counts[id] += 1;
            }
        }
        counts
    }

    /// The number of each row's label.
    ///
    /// # Errors
    ///
    /// If a row has none, or one that is not among these.
    pub fn ids(&self, table: &Table) -> Result<Vec<usize>, DataError> {
        table
            .examples
            .iter()
            .map(|example| self.id_of(table, example))
            .collect()
    }

    fn id_of(&self, table: &Table, example: &Example) -> Result<usize, DataError> {
        let (path, line) = (table.path.clone(), example.line);
        let Some(label) = &example.label else {
            return Err(DataError::NoLabel { path, line });
        };
        self.id(label).ok_or_else(|| {
            let (label, known) = (label.clone(), self.in_words());
            DataError::UnknownLabel {
                path,
                line,
                label,
                known,
            }
        })
    }

    fn in_words(&self) -> String {
        let shown: Vec<_> = self
            .names
            .iter()
            .take(20)
            .map(|name| format!("'{name}'"))
            .collect();
        let more = if self.names.len() > 20 { ", …" } else { "" };
        format!("{} classes: {}{more}", self.names.len(), shown.join(", "))
    }
}
