use std::path::Path;

use serde_json::{Map, Value};

use crate::columns;
use crate::roles::{Roles, type_name};
use crate::{Column, DataError, FileFormat, Labels, Position, Table, TableFormat};

/// Reads the text of a file of JSON objects; the columns are among the keys of the first.
pub(crate) fn read(
    path: &Path,
    text: &str,
    table: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    let lines = || (1..).zip(text.split('\n')).filter(|(_, line)| !line.trim().is_empty());
    let Some((line, first)) = lines().next() else {
        return Err(DataError::Empty { path: path.into(), header: "" });
    };
    let first = Object::parse(path, line, first)?;
    first.check_asked(table)?;
    let keys: Vec<String> = first.values.keys().cloned().collect();
    let places = columns::find(path, Some(&keys), &[], table, labels)?;
    let roles = Roles::new(path, FileFormat::Jsonl, Some(keys.clone()), places, table, labels);
    let example = |(line, text)| {
        let object = Object::parse(path, line, text)?;
        roles.example(line, |place| object.value(&keys[place]).cloned())
    };
    let examples = lines().map(example).collect::<Result<_, _>>()?;
    Ok(roles.table(examples))
}

/// The object of one line.
struct Object<'a> {
    path: &'a Path,
    line: usize,
    values: Map<String, Value>,
}

impl<'a> Object<'a> {
    fn parse(path: &'a Path, line: usize, text: &str) -> Result<Self, DataError> {
        let value = serde_json::from_str(text).map_err(|error| DataError::Json {
            path: path.into(),
            line,
            column: error.column(),
            reason: reason(&error),
        })?;
        match value {
            Value::Object(values) => Ok(Self { path, line, values }),
            other => Err(DataError::CellType {
                path: path.into(),
                position: Position::Line(line),
                what: "the line".into(),
                found: type_name(&other),
                expected: "an object",
            }),
        }
    }

    /// Refuses a key that was asked for and is not there.
    fn check_asked(&self, table: &TableFormat) -> Result<(), DataError> {
        table.asked().try_for_each(|(_, column)| match column {
            Column::Name(key) => self.value(key).map(drop),
            Column::Number(_) => Ok(()),
        })
    }

    fn value(&self, key: &str) -> Result<&Value, DataError> {
        self.values.get(key).ok_or_else(|| {
            let keys: Vec<_> = self.values.keys().map(|key| format!("'{key}'")).collect();
            DataError::JsonKey {
                path: self.path.into(),
                line: self.line,
                key: key.into(),
                existing: match keys.as_slice() {
                    [] => "the object is empty".into(),
                    _ => format!("the keys are {}", keys.join(", ")),
                },
            }
        })
    }
}

/// What the parser says, without the place, which the message has already.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    if error.is_eof() {
        // A list over the whole file, or objects over several lines.
        return format!(
            "{reason}; each object stands on one line of its own, as `jq -c .` writes objects \
             and `jq -c '.[]'` a list"
        );
    }
    reason.to_owned()
}
