use std::fmt;

use crate::{FileFormat, TargetKind};

/// How a file was read: what was asked for, and what was found by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The format.
    pub format: FileFormat,
    /// Whether the first row names the columns (keys, in `jsonl`).
    pub has_header: bool,
    /// The text column, `'name'` or `number N`.
    pub text: String,
    /// The column of the second text.
    pub text_pair: Option<String>,
    /// What a row is given.
    pub targets: TargetKind,
    /// The label column.
    pub label: Option<String>,
    /// Whether the label column was asked for, not found by looking.
    pub label_is_asked: bool,
    /// The columns of several targets.
    pub labels: Vec<String>,
    /// The column of how much each row counts.
    pub weight: Option<String>,
    /// The classes in their order, where the file records them, as Hugging Face's `ClassLabel`
    /// does; the names of the columns, where each is a target.
    pub label_names: Option<Vec<String>>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = if self.has_header { "" } else { " without a header" };
        write!(f, "{}{header} with the text in column {}", self.format, self.text)?;
        if let Some(pair) = &self.text_pair {
            write!(f, ", its pair in column {pair}")?;
        }
        if let Some(label) = &self.label {
            write!(f, ", the label in column {label}")?;
        }
        if !self.labels.is_empty() {
            write!(f, ", labels in the columns {}", self.labels.join(", "))?;
        }
        if let Some(weight) = &self.weight {
            write!(f, ", the weight in column {weight}")?;
        }
        if let Some(names) = self.label_names.as_ref().filter(|_| self.targets == TargetKind::Class)
        {
            write!(f, ", of the classes '{}'", names.join("', '"))?;
        }
        Ok(())
    }
}
