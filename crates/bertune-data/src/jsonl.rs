use std::path::Path;

use serde_json::{Map, Value};

use crate::delimited::Row;
use crate::{Column, DataError, TableFormat};

/// The objects of a file as rows, with the names of all keys of the first object and of the
/// columns asked for.
///
/// A key that an object lacks gives an empty field, which a required text or label refuses.
pub(crate) fn rows(
    path: &Path,
    text: &str,
    table: &TableFormat,
) -> Result<(Vec<String>, Vec<Row>), DataError> {
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    let lines = (1..)
        .zip(text.split('\n'))
        .filter(|(_, line)| !line.trim().is_empty());
    for (line, text) in lines {
        let object = object(path, line, text)?;
        if names.is_empty() {
            names = object.keys().cloned().collect();
            check_asked(path, line, &names, table)?;
        }
        let fields = names.iter().map(|name| field(object.get(name))).collect();
        rows.push(Row { line, fields });
    }
    Ok((names, rows))
}

fn object(path: &Path, line: usize, text: &str) -> Result<Map<String, Value>, DataError> {
    let value = serde_json::from_str(text).map_err(|error| DataError::Json {
        path: path.into(),
        line,
        column: error.column(),
        reason: reason(&error),
    })?;
    match value {
        Value::Object(object) => Ok(object),
        other => Err(type_error(
            path,
            line,
            "the line".into(),
            &other,
            "an object",
        )),
    }
}

/// What the parser says, without the place, which the message has already.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn check_asked(
    path: &Path,
    line: usize,
    names: &[String],
    table: &TableFormat,
) -> Result<(), DataError> {
    let asked = [&table.text, &table.text_pair, &table.label]
        .into_iter()
        .flatten();
    for column in asked {
        if let Column::Name(key) = column
            && !names.contains(key)
        {
            let keys: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            let existing = format!("the keys are {}", keys.join(", "));
            return Err(DataError::JsonKey {
                path: path.into(),
                line,
                key: key.clone(),
                existing,
            });
        }
    }
    Ok(())
}

/// A value as a field; a list or an object keeps its JSON, for its column may not be used.
fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn type_error(
    path: &Path,
    line: usize,
    what: String,
    value: &Value,
    expected: &'static str,
) -> DataError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    DataError::JsonType {
        path: path.into(),
        line,
        what,
        found,
        expected,
    }
}
