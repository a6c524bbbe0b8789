use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DataError, Position, TargetError, TargetKind};

/// How a file of labelled texts is to be read; what is left out is found by looking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableFormat {
    /// The format; by the file's extension if absent (`.txt` is read as `tsv`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// The column of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Column>,
    /// The column of the second text of a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_pair: Option<Column>,
    /// The column of the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Column>,
    /// What a row is to be given.
    #[serde(skip_serializing_if = "is_default")]
    pub targets: TargetKind,
    /// The columns of several targets, in place of `label`: of 0 and 1 for sets of classes, which
    /// are the names of the columns; of numbers for values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Column>,
    /// What stands between the classes of a set in one column; a semicolon if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The column of how much each row counts; never guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Column>,
    /// Whether the first row names the columns.
    pub header: Header,
    /// What stands between columns; a comma in `csv` and a tab in `tsv` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether `"` quotes a field.
    pub quoting: Quoting,
    /// The encoding of the characters.
    pub encoding: TextEncoding,
}

impl TableFormat {
    /// The columns that are asked for, with the flags that do.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&'static str, &Column)> {
        let single = [
            ("--text", &self.text),
            ("--text-pair", &self.text_pair),
            ("--label", &self.label),
            ("--weight", &self.weight),
        ];
        let single = single.into_iter().filter_map(|(flag, column)| Some((flag, column.as_ref()?)));
        single.chain(self.labels.iter().map(|column| ("--labels", column)))
    }

    /// Refuses settings that contradict each other.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        match self.targets {
            _ if self.labels.is_empty() => Ok(()),
            TargetKind::Class => Err(TargetError::SeveralLabels.into()),
            _ if self.label.is_some() => Err(TargetError::LabelAndLabels.into()),
            _ => Ok(()),
        }
    }
}

fn is_default(kind: &TargetKind) -> bool {
    *kind == TargetKind::default()
}

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Columns between commas, quoted with `"` where needed.
    Csv,
    /// Columns between tabs, never quoted.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet; needs the feature `parquet`.
    Parquet,
    /// Apache Arrow, a file or a stream, which Feather is too; needs the feature `parquet`.
    Arrow,
}

impl FileFormat {
    /// The format that a file's extension names.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" | "txt" => Some(Self::Tsv),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// Where an example with this number stands in a file of this format.
    pub(crate) fn position(self, line: usize) -> Position {
        match self {
            Self::Csv | Self::Tsv | Self::Jsonl => Position::Line(line),
            Self::Parquet | Self::Arrow => Position::Row(line),
        }
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        })
    }
}

/// Whether the first row names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// It does if a column is asked for by name; if one of its fields is a usual name, such as
    /// `text` or `label`, that no row below has in that column; or if one of its fields is a word
    /// over a column of numbers (of two rows or more, in a file of two columns or more).
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Whether `"` quotes a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// It does in `csv`, and is a character like any other in `tsv`.
    #[default]
    Auto,
    /// It does, and is doubled inside.
    Double,
    /// It is a character like any other.
    None,
}

/// The encoding of a file's characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Latin-1, one byte a character (read as its superset windows-1252, as the web does).
    #[serde(rename = "latin-1")]
    Latin1,
}

/// A column, by its name or by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// From 1.
    Number(usize),
    /// As the header or the JSON object spells it.
    Name(String),
}

impl FromStr for Column {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.into()), Self::Number))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "'{name}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number_and_anything_else_a_name() {
        assert_eq!("2".parse(), Ok(Column::Number(2)));
        assert_eq!("sentence1".parse(), Ok(Column::Name("sentence1".into())));
    }

    #[test]
    fn the_extension_names_the_format() {
        let of = |name: &str| FileFormat::of(Path::new(name));
        assert_eq!(of("a/b.CSV"), Some(FileFormat::Csv));
        assert_eq!(of("train.txt"), Some(FileFormat::Tsv));
        assert_eq!(of("TREC.train"), None);
    }
}
