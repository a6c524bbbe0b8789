use std::path::Path;

use serde_json::{Number, Value};

use crate::columns::{self, Places};
use crate::{DataError, Example, FileFormat, Labels, Layout, Table};

/// Which column of a file is what; makes examples of its rows, whatever the format.
///
/// A cell is a JSON value: a string where the format knows nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Roles<'a> {
    pub(crate) path: &'a Path,
    pub(crate) format: FileFormat,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) places: Places,
    pub(crate) labels: Labels,
    /// The names of classes that stand in the file as numbers.
    pub(crate) label_names: Option<Vec<String>>,
}

impl Roles<'_> {
    /// The example of a row, given the cell at each place.
    pub(crate) fn example(
        &self,
        line: usize,
        mut cell: impl FnMut(usize) -> Result<Value, DataError>,
    ) -> Result<Example, DataError> {
        let label = self.places.label.map(|place| self.label(line, place, cell(place)));
        let text_pair = self.places.text_pair.map(|place| self.text(line, place, cell(place)?));
        Ok(Example {
            text: self.text(line, self.places.text, cell(self.places.text)?)?,
            text_pair: text_pair.transpose()?,
            label: label.transpose()?.flatten(),
            file: 0,
            line,
        })
    }

    /// A text; null is an empty one.
    fn text(&self, line: usize, place: usize, cell: Value) -> Result<String, DataError> {
        match cell {
            Value::String(text) => Ok(text),
            Value::Null => Ok(String::new()),
            other => Err(self.type_error(line, place, &other, "a string")),
        }
    }

    /// A label as a string; none if there is nothing, or nothing usable where none is required.
    fn label(
        &self,
        line: usize,
        place: usize,
        cell: Result<Value, DataError>,
    ) -> Result<Option<String>, DataError> {
        let cell = match (cell, self.labels) {
            (Err(_), Labels::Optional) => return Ok(None),
            (cell, _) => cell?,
        };
        match (&cell, self.labels) {
            (Value::Number(number), _) if self.label_names.is_some() => self.named(line, number),
            (Value::String(label), _) => Ok(trimmed(label)),
            (Value::Number(_) | Value::Bool(_), _) => Ok(Some(cell.to_string())),
            (Value::Null, _) | (_, Labels::Optional) => Ok(None),
            _ => Err(self.type_error(line, place, &cell, "a string, a number, true or false")),
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
                path: self.path.into(),
                position: self.format.position(line),
                label: number.to_string(),
                known: format!("numbers of the file's {} classes", names.len()),
            }),
        }
    }

    fn type_error(
        &self,
        line: usize,
        place: usize,
        cell: &Value,
        expected: &'static str,
    ) -> DataError {
        DataError::CellType {
            path: self.path.into(),
            position: self.format.position(line),
            what: columns::name(self.names.as_deref(), place),
            found: type_name(cell),
            expected,
        }
    }

    /// The table of these examples.
    pub(crate) fn table(self, examples: Vec<Example>) -> Table {
        let name = |place| columns::name(self.names.as_deref(), place);
        let layout = Layout {
            format: self.format,
            has_header: self.names.is_some(),
            text: name(self.places.text),
            text_pair: self.places.text_pair.map(name),
            label: self.places.label.map(name),
            label_names: self.label_names,
        };
        Table { path: self.path.into(), files: vec![self.path.into()], examples, layout }
    }
}

/// A label without the spaces around it, if anything is left.
fn trimmed(field: &str) -> Option<String> {
    let label = field.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

/// The type of a value, in words.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
