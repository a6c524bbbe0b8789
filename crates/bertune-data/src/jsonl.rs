use std::path::Path;

use serde_json::{Map, Value};

use crate::columns::{self, Places};
use crate::{Column, DataError, Example, Labels, TableFormat};

/// The examples of a file of JSON objects, with the keys of the first object, among which the
/// columns are.
pub(crate) fn examples(
    path: &Path,
    text: &str,
    table: &TableFormat,
    labels: Labels,
) -> Result<(Vec<String>, Places, Vec<Example>), DataError> {
    let lines = || (1..).zip(text.split('\n')).filter(|(_, line)| !line.trim().is_empty());
    let Some((line, first)) = lines().next() else {
        return Err(DataError::Empty { path: path.into(), header: "" });
    };
    let first = Object::parse(path, line, first)?;
    first.check_asked(table)?;
    let keys: Vec<String> = first.values.keys().cloned().collect();
    let places = columns::find(path, Some(&keys), &[], table, labels)?;
    let examples = lines()
        .map(|(line, text)| Object::parse(path, line, text)?.example(&keys, places, labels))
        .collect::<Result<_, _>>()?;
    Ok((keys, places, examples))
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
            other => Err(DataError::JsonType {
                path: path.into(),
                line,
                what: "the line".into(),
                found: type_name(&other),
                expected: "an object",
            }),
        }
    }

    /// Refuses a key that was asked for and is not there.
    fn check_asked(&self, table: &TableFormat) -> Result<(), DataError> {
        [&table.text, &table.text_pair, &table.label].into_iter().flatten().try_for_each(|column| {
            match column {
                Column::Name(key) => self.value(key).map(drop),
                Column::Number(_) => Ok(()),
            }
        })
    }

    fn example(
        &self,
        keys: &[String],
        places: Places,
        labels: Labels,
    ) -> Result<Example, DataError> {
        let text_pair = places.text_pair.map(|place| self.text(&keys[place]));
        let label = places.label.map(|place| self.label(&keys[place], labels));
        Ok(Example {
            text: self.text(&keys[places.text])?,
            text_pair: text_pair.transpose()?,
            label: label.transpose()?.flatten(),
            file: 0,
            line: self.line,
        })
    }

    /// A text; null is an empty one.
    fn text(&self, key: &str) -> Result<String, DataError> {
        match self.value(key)? {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(String::new()),
            other => Err(self.type_error(key, other, "a string")),
        }
    }

    /// A label as a string; none if it is null or not required.
    fn label(&self, key: &str, labels: Labels) -> Result<Option<String>, DataError> {
        let value = match (self.value(key), labels) {
            (Ok(value), _) => value,
            (Err(_), Labels::Optional) => return Ok(None),
            (Err(error), Labels::Required) => return Err(error),
        };
        match (value, labels) {
            (Value::String(label), _) => Ok(crate::delimited_table::label(label)),
            (Value::Number(_) | Value::Bool(_), _) => Ok(Some(value.to_string())),
            (Value::Null, _) | (_, Labels::Optional) => Ok(None),
            _ => Err(self.type_error(key, value, "a string, a number, true or false")),
        }
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

    fn type_error(&self, key: &str, value: &Value, expected: &'static str) -> DataError {
        DataError::JsonType {
            path: self.path.into(),
            line: self.line,
            what: format!("'{key}'"),
            found: type_name(value),
            expected,
        }
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

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
