use serde_json::{Number, Value};

use crate::roles::Roles;
use crate::{DataError, FileFormat, Labels, TargetError, TargetKind, columns};

/// The targets of one row, as its cells have them; of another kind than the table's is none.
#[derive(Debug, Default)]
pub(crate) struct RowTargets {
    pub(crate) label: Option<String>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) values: Option<Vec<f32>>,
}

type Cell = Result<Value, DataError>;

impl Roles {
    /// The targets of a row; none where nothing usable is there and nothing is required.
    pub(crate) fn targets(
        &self,
        line: usize,
        cell: impl FnMut(usize) -> Cell,
    ) -> Result<RowTargets, DataError> {
        let targets = self.required_targets(line, cell);
        match self.labels {
            Labels::Required | Labels::Measured => targets,
            Labels::Optional => Ok(targets.unwrap_or_default()),
        }
    }

    fn required_targets(
        &self,
        line: usize,
        mut cell: impl FnMut(usize) -> Cell,
    ) -> Result<RowTargets, DataError> {
        let mut targets = RowTargets::default();
        match (self.kind, self.places.label) {
            (TargetKind::Class, Some(place)) => {
                targets.label = self.label(line, place, &cell(place)?)?;
            }
            (TargetKind::Set, Some(place)) => {
                targets.labels = Some(self.set(line, place, &cell(place)?)?);
            }
            (TargetKind::Set, None) if !self.places.labels.is_empty() => {
                targets.labels = Some(self.marked(line, cell)?);
            }
            (TargetKind::Values, _) => targets.values = self.values(line, cell)?,
            (TargetKind::Class | TargetKind::Set, None) => {}
        }
        Ok(targets)
    }

    /// A label as a string; none if there is nothing.
    fn label(&self, line: usize, place: usize, cell: &Value) -> Result<Option<String>, DataError> {
        match cell {
            Value::Number(number) if self.label_names.is_some() => self.named(line, number),
            Value::String(label) => Ok(trimmed(label)),
            Value::Number(_) | Value::Bool(_) => Ok(Some(cell.to_string())),
            Value::Null => Ok(None),
            _ => Err(self.type_error(line, place, cell, self.expected())),
        }
    }

    fn expected(&self) -> &'static str {
        match self.kind {
            TargetKind::Set => "a list of strings, or a string",
            _ => "a string, a number, true or false",
        }
    }

    /// The name of a class that stands in the file as a number; none if that is -1, which
    /// Hugging Face's datasets write for rows without a label.
    fn named(&self, line: usize, number: &Number) -> Result<Option<String>, DataError> {
        let names = self.label_names.as_deref().unwrap_or_default();
        let index = number.as_u64().and_then(|number| usize::try_from(number).ok());
        match (index.and_then(|index| names.get(index)), number.as_i64()) {
            (Some(name), _) => Ok(Some(name.clone())),
            (None, Some(-1)) => Ok(None),
            _ => Err(DataError::UnknownLabel {
                path: self.path.clone(),
                position: self.format.position(line),
                label: number.to_string(),
                known: format!("numbers of the file's {} classes", names.len()),
            }),
        }
    }

    /// The different labels of a list, or of a string in which they stand between separators.
    fn set(&self, line: usize, place: usize, cell: &Value) -> Result<Vec<String>, DataError> {
        let labels: Vec<_> = match cell {
            Value::Array(items) => {
                items.iter().map(|item| self.label(line, place, item)).collect::<Result<_, _>>()?
            }
            Value::String(list) if self.is_in_brackets(list) => {
                return Err(self.list_error(line, place, list));
            }
            Value::String(list) => list.split(self.separator).map(trimmed).collect(),
            one => vec![self.label(line, place, one)?],
        };
        let mut labels: Vec<String> = labels.into_iter().flatten().collect();
        labels.sort_unstable();
        labels.dedup();
        Ok(labels)
    }

    /// Whether a cell of a format without lists holds one, as programs print them.
    fn is_in_brackets(&self, cell: &str) -> bool {
        let has_lists = !matches!(self.format, FileFormat::Csv | FileFormat::Tsv);
        let cell = cell.trim();
        !has_lists && cell.starts_with('[') && cell.ends_with(']')
    }

    fn list_error(&self, line: usize, place: usize, list: &str) -> DataError {
        let list = TargetError::List {
            path: self.path.clone(),
            position: self.format.position(line),
            column: columns::name(self.names.as_deref(), place),
            value: list.trim().into(),
            separator: self.separator,
        };
        list.into()
    }

    /// The names of the columns that hold 1.
    fn marked(
        &self,
        line: usize,
        mut cell: impl FnMut(usize) -> Cell,
    ) -> Result<Vec<String>, DataError> {
        let mut labels = Vec::new();
        for &place in &self.places.labels {
            let cell = cell(place)?;
            match flag(&cell) {
                Some(true) => labels.push(columns::plain_name(self.names.as_deref(), place)),
                Some(false) => {}
                None => return Err(self.bad_cell(line, place, &cell, "0 or 1")),
            }
        }
        Ok(labels)
    }

    /// The numbers of a row; none if one is missing.
    fn values(
        &self,
        line: usize,
        mut cell: impl FnMut(usize) -> Cell,
    ) -> Result<Option<Vec<f32>>, DataError> {
        let places = self.places.targets();
        let mut value = |place: usize| {
            let cell = cell(place)?;
            let is_blank = cell.is_null() || cell.as_str().is_some_and(|s| s.trim().is_empty());
            let bad = || self.bad_cell(line, place, &cell, "a finite number");
            if is_blank { Ok(None) } else { number(&cell).map(Some).ok_or_else(bad) }
        };
        let values: Option<Vec<f32>> =
            places.map(&mut value).collect::<Result<Option<_>, DataError>>()?;
        Ok(values.filter(|values| !values.is_empty()))
    }

    /// How much a row counts, if there is a column that says it.
    pub(crate) fn weight(
        &self,
        line: usize,
        cell: impl FnMut(usize) -> Cell,
    ) -> Result<Option<f32>, DataError> {
        if self.labels != Labels::Required {
            return Ok(None);
        }
        let weight = |(place, cell): (usize, Value)| {
            let weight = number(&cell).filter(|&weight| weight >= 0.0);
            weight.ok_or_else(|| self.bad_cell(line, place, &cell, "a finite number, 0 or more"))
        };
        let cell = self.places.weight.map(cell).transpose()?;
        self.places.weight.zip(cell).map(weight).transpose()
    }

    fn bad_cell(
        &self,
        line: usize,
        place: usize,
        cell: &Value,
        expected: &'static str,
    ) -> DataError {
        DataError::BadCell {
            path: self.path.clone(),
            position: self.format.position(line),
            column: columns::name(self.names.as_deref(), place),
            value: cell.as_str().map_or_else(|| cell.to_string(), Into::into),
            expected,
        }
    }
}

/// A label without the spaces around it, if anything is left.
fn trimmed(field: &str) -> Option<String> {
    let label = field.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

/// A finite number.
fn number(cell: &Value) -> Option<f32> {
    let number = match cell {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()? as f32,
    };
    Some(number).filter(|number| number.is_finite())
}

/// Whether a cell says yes, if it says yes or no.
fn flag(cell: &Value) -> Option<bool> {
    match (cell, number(cell)) {
        (Value::Bool(flag), _) => Some(*flag),
        (_, Some(0.0)) => Some(false),
        (_, Some(1.0)) => Some(true),
        (Value::String(text), _) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}
