use std::path::PathBuf;

use crate::Position;

/// Why a file does not give the targets that were asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Several columns cannot hold one class.
    #[error("--labels names columns of several targets; say --targets set or --targets values")]
    SeveralLabels,
    /// One column is asked for, and several.
    #[error("--label and --labels exclude each other; give all columns to --labels")]
    LabelAndLabels,
    /// There are more or fewer columns of numbers than the model gives.
    #[error("{path}: {found} columns of numbers, but the model gives {expected}; see --labels")]
    Width {
        /// The file.
        path: PathBuf,
        /// The columns.
        found: usize,
        /// What the model gives.
        expected: usize,
    },
    /// The columns of numbers have other names than the numbers that the model gives.
    #[error(
        "{path}: the columns of numbers are {found}, but the model gives {expected}; name these \
         with --labels, or rename the columns"
    )]
    Names {
        /// The file.
        path: PathBuf,
        /// The columns, in words.
        found: String,
        /// What the model gives, in words.
        expected: String,
    },
    /// A cell in which labels stand between separators holds a list in brackets.
    #[error(
        "{path}, {position}: {value} in column {column} is a list, which only jsonl, parquet and \
         arrow have; put '{separator}' between the labels, without brackets and quotes (see \
         --separator)"
    )]
    List {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
        /// The column.
        column: String,
        /// The cell.
        value: String,
        /// What stands between labels.
        separator: char,
    },
}
