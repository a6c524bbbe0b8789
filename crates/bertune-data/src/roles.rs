use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::columns::{self, Places};
use crate::{DataError, FileFormat, Labels, Layout, TableFormat, TargetKind};

/// Which column of a file is what, whatever the format.
///
/// A cell is a JSON value: a string where the format knows nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    pub(crate) path: PathBuf,
    pub(crate) format: FileFormat,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) places: Places,
    pub(crate) labels: Labels,
    pub(crate) kind: TargetKind,
    /// Whether the label column was asked for.
    label_is_asked: bool,
    /// What stands between the labels of a set.
    pub(crate) separator: char,
    /// The names of classes that stand in the file as numbers, or of columns that are targets.
    pub(crate) label_names: Option<Vec<String>>,
}

impl Roles {
    pub(crate) fn new(
        path: &Path,
        format: FileFormat,
        names: Option<Vec<String>>,
        places: Places,
        table: &TableFormat,
        labels: Labels,
    ) -> Self {
        let of_columns = table.targets == TargetKind::Values || !places.labels.is_empty();
        let name = |place| columns::plain_name(names.as_deref(), place);
        let label_names = of_columns.then(|| places.targets().map(name).collect());
        let separator = table.separator.unwrap_or(';');
        let (kind, label_is_asked) = (table.targets, table.label.is_some());
        let path = path.into();
        Self { path, format, names, places, labels, kind, label_is_asked, separator, label_names }
    }

    pub(crate) fn type_error(
        &self,
        line: usize,
        place: usize,
        cell: &Value,
        expected: &'static str,
    ) -> DataError {
        DataError::CellType {
            path: self.path.clone(),
            position: self.format.position(line),
            what: columns::name(self.names.as_deref(), place),
            found: type_name(cell),
            expected,
        }
    }

    /// How the file is read.
    pub(crate) fn layout(&self) -> Layout {
        let name = |place| columns::name(self.names.as_deref(), place);
        Layout {
            format: self.format,
            has_header: self.names.is_some(),
            text: name(self.places.text),
            text_pair: self.places.text_pair.map(name),
            targets: self.kind,
            label: self.places.label.map(name),
            label_is_asked: self.label_is_asked,
            labels: self.places.labels.iter().copied().map(name).collect(),
            weight: self.places.weight.map(name),
            label_names: self.label_names.clone(),
        }
    }
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
