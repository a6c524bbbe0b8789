use std::path::Path;

use serde_json::{Map, Value};

use crate::columns::{self, Content};
use crate::roles::{Roles, type_name};
use crate::text_file::{Block, TextFile};
use crate::{Column, DataError, Example, FileFormat, Labels, Position, TableFormat};

/// A file of JSON objects; the columns are among the keys of the first.
#[derive(Debug)]
pub(crate) struct JsonTable {
    pub(crate) roles: Roles,
    text: TextFile,
    keys: Vec<String>,
}

impl JsonTable {
    pub(crate) fn open(
        text: TextFile,
        table: &TableFormat,
        labels: Labels,
    ) -> Result<Self, DataError> {
        let path = text.path().to_owned();
        let keys = first_keys(&text, table, labels)?;
        let places = columns::find(&path, Some(&keys), Content::Named, table, labels)?;
        let roles = Roles::new(&path, FileFormat::Jsonl, Some(keys.clone()), places, table, labels);
        Ok(Self { roles, text, keys })
    }

    /// All examples, many at a time.
    pub(crate) fn examples(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<Example>, DataError>>, DataError> {
        let blocks = self.text.blocks(|_| true)?;
        Ok(blocks.map(|block| {
            let block = block?;
            lines(&block).map(|(line, text)| self.example(line, text)).collect()
        }))
    }

    fn example(&self, line: usize, text: &str) -> Result<Example, DataError> {
        let object = Object::parse(self.text.path(), line, text)?;
        self.roles.example(line, |place| object.value(&self.keys[place]).cloned())
    }
}

/// The keys of the first object, if they have all that is asked for.
fn first_keys(
    text: &TextFile,
    table: &TableFormat,
    labels: Labels,
) -> Result<Vec<String>, DataError> {
    let path = text.path();
    for block in text.blocks(|_| true)? {
        if let Some((line, first)) = lines(&block?).next() {
            let first = Object::parse(path, line, first)?;
            first.check_asked(table, labels)?;
            return Ok(first.values.keys().cloned().collect());
        }
    }
    Err(DataError::Empty { path: path.into(), header: "" })
}

/// The lines that are not blank.
fn lines(block: &Block) -> impl Iterator<Item = (usize, &str)> {
    (block.line..).zip(block.text.split('\n')).filter(|(_, line)| !line.trim().is_empty())
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
    fn check_asked(&self, table: &TableFormat, labels: Labels) -> Result<(), DataError> {
        let is_needed = |flag: &str| flag != "--weight" || labels != Labels::Measured;
        table.asked().try_for_each(|(flag, column)| match column {
            Column::Name(key) if is_needed(flag) => self.value(key).map(drop),
            Column::Name(_) | Column::Number(_) => Ok(()),
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
