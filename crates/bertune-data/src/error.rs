use std::path::PathBuf;

use bertune_tokenize::TokenizeError;

use crate::{Column, CorpusError, FileFormat, Position, TargetError};

/// Why a file does not give examples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// It cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is a folder.
    #[error("{path} is a folder; name the file in it")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The extension says nothing.
    #[error(
        "{path}: the file's extension is none of .csv, .tsv, .txt, .jsonl, .parquet and .arrow; \
         say --format csv, tsv, jsonl, parquet or arrow"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it, or nothing but a header.
    #[error("{path} has no rows{header}")]
    Empty {
        /// The file.
        path: PathBuf,
        /// A word about a header that was taken off.
        header: &'static str,
    },
    /// It is no text.
    #[error("{path} is {kind}, not text; {advice}")]
    Binary {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// It is text in another encoding.
    #[error("{path} is in UTF-16; save it as UTF-8")]
    Utf16 {
        /// The file.
        path: PathBuf,
    },
    /// There is a NUL in it.
    #[error("{path}, line {line}: a NUL byte, which no text has; is the file damaged?")]
    Nul {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It is not UTF-8.
    #[error(
        "{path}, line {line}: byte {offset} of the file is not UTF-8; \
         if the file is in Latin-1, say --encoding latin-1"
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The byte, from 0.
        offset: usize,
    },
    /// A row has more or fewer columns than the first.
    #[error("{path}, line {line}: {found} columns, but the first row has {expected}; {advice}")]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The columns of the first row.
        expected: usize,
        /// The columns of this one.
        found: usize,
        /// What to do.
        advice: &'static str,
    },
    /// A quote is opened and never closed.
    #[error(
        "{path}, line {line}: a quote is opened in this row and never closed; \
         if '\"' is a plain character in this file, say --quoting none"
    )]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: usize,
    },
    /// All rows have one column, but another delimiter would give more.
    #[error(
        "{path}: every row has a single column, but contains {suspect}; \
         the delimiter may be wrong: say --delimiter {flag}"
    )]
    WrongDelimiter {
        /// The file.
        path: PathBuf,
        /// What the rows contain, in words.
        suspect: &'static str,
        /// What to pass.
        flag: &'static str,
    },
    /// A delimiter that ends lines.
    #[error("a line break cannot stand between columns; give --delimiter another character")]
    LineDelimiter,
    /// A delimiter that cannot stand between quoted fields.
    #[error(
        "{delimiter:?} cannot stand between quoted columns; give --delimiter an ASCII character \
         other than '\"', or say --quoting none"
    )]
    QuotedDelimiter {
        /// The delimiter.
        delimiter: char,
    },
    /// A format that this build does not read.
    #[error("{path}: this build reads no {format} files; build it with the feature 'parquet'")]
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: FileFormat,
    },
    /// A parquet or arrow file is something else, cut off or damaged.
    #[error("{path} cannot be read as {format}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The format.
        format: FileFormat,
        /// What is wrong.
        reason: String,
    },
    /// A column of a parquet or arrow file has a type that its role cannot have.
    #[error("{path}: the column '{column}' is of type {found}, but must hold {expected}")]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it must hold.
        expected: &'static str,
    },
    /// The header comes again, as where two files were put together.
    #[error("{path}, line {line}: the header is repeated here; remove the line")]
    RepeatedHeader {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// There is no such column.
    #[error("{path}: there is no column {column} for {flag}; {existing}{nearest}")]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
        /// The column asked for.
        column: Column,
        /// The columns that exist, in words.
        existing: String,
        /// A suggestion, in words; may be empty.
        nearest: String,
    },
    /// Nothing says which column it is.
    #[error("{path}: which column holds the {what}? say {flag}; {existing}")]
    WhichColumn {
        /// The file.
        path: PathBuf,
        /// `text` or `label`.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// The columns that exist, in words.
        existing: String,
    },
    /// Two columns have one name.
    #[error(
        "{path}: the columns {first} and {second} are both {column}; say {flag} {first} or \
         {flag} {second}"
    )]
    AmbiguousColumn {
        /// The file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
        /// The name.
        column: String,
        /// The number of a column, from 1.
        first: usize,
        /// The number of another.
        second: usize,
    },
    /// Two roles have one column.
    #[error("{path}: {first} and {second} are the same column, {column}")]
    SameColumn {
        /// The file.
        path: PathBuf,
        /// A flag.
        first: &'static str,
        /// Another flag.
        second: &'static str,
        /// The column.
        column: String,
    },
    /// Files that make one table are not alike.
    #[error(
        "{path} is {found}, but {first} is {expected}; files that are read as one have the same \
         format and columns"
    )]
    DifferentColumns {
        /// The file.
        path: PathBuf,
        /// What was found in it, in words.
        found: String,
        /// The file before it.
        first: PathBuf,
        /// What was found there.
        expected: String,
    },
    /// A row has no text.
    #[error("{path}, {position}: the text is empty; remove the row or fill it in")]
    EmptyText {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
    },
    /// No row has a text.
    #[error("{path}: the text column, {column}, is empty in every row; see {flag}")]
    EmptyColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The flag.
        flag: &'static str,
    },
    /// A row has no label.
    #[error("{path}, {position}: the label is missing; remove the row or fill it in")]
    NoLabel {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
    },
    /// A label that the classifier does not have.
    #[error("{path}, {position}: the label '{label}' is not among the {known}")]
    UnknownLabel {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
        /// The label.
        label: String,
        /// The classes, in words.
        known: String,
    },
    /// There is nothing to tell apart.
    #[error("{path}: every row has the label '{label}'; a classifier needs at least two classes")]
    OneClass {
        /// The file.
        path: PathBuf,
        /// The label.
        label: String,
    },
    /// Labels are hardly ever repeated.
    #[error(
        "{path}: {labels} different labels in {rows} rows; are --text and --label the right \
         columns? (the label column is {column}; if that is right, name it with --label)"
    )]
    ManyLabels {
        /// The file.
        path: PathBuf,
        /// How many labels.
        labels: usize,
        /// How many rows.
        rows: usize,
        /// The label column.
        column: String,
    },
    /// Labels are numbers on a scale.
    #[error(
        "{path}: the labels ({column}) are {labels} different numbers with fractions, a score \
         rather than classes; round them to a few classes, or see --label"
    )]
    Scores {
        /// The file.
        path: PathBuf,
        /// How many labels.
        labels: usize,
        /// The label column.
        column: String,
    },
    /// A line is no JSON.
    #[error("{path}, line {line}, column {column}: not valid JSON: {reason}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A value has the wrong type.
    #[error("{path}, {position}: {what} is {found}, but must be {expected}")]
    CellType {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
        /// Which value.
        what: String,
        /// Its type.
        found: &'static str,
        /// The type it must have.
        expected: &'static str,
    },
    /// A value is not what its column must hold.
    #[error("{path}, {position}: '{value}' in column {column} is not {expected}")]
    BadCell {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The targets are not those that were asked for.
    #[error(transparent)]
    Targets(#[from] TargetError),
    /// A JSON object lacks a key.
    #[error("{path}, line {line}: there is no key '{key}'; {existing}")]
    JsonKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The keys that exist, in words.
        existing: String,
    },
    /// A data set's folder has nothing to learn from.
    #[error(
        "{path} holds no training split: no file such as train.csv, train.jsonl or \
         train-00000-of-00001.parquet, neither in it nor in its folder 'data'; {seen}"
    )]
    NoTrainSplit {
        /// The folder.
        path: PathBuf,
        /// What it holds, in words.
        seen: String,
    },
    /// What should list the splits does not.
    #[error("{path} does not list the splits of a saved data set")]
    NoSplits {
        /// The file.
        path: PathBuf,
    },
    /// Of the numbered files of a split some are missing.
    #[error(
        "{path} is one of {expected} files by its name, but {found} of them {verb} there; \
         fetch the others", verb = if *found == 1 { "is" } else { "are" }
    )]
    MissingShards {
        /// One that is there.
        path: PathBuf,
        /// How many are there.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Two numbered files are not of one split.
    #[error(
        "{one} and {other} cannot be two files of one split: by their names they are the same one, \
         or one of more than the other; remove what is left of another version"
    )]
    ShardsDisagree {
        /// One of them.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Tokens cannot be kept.
    #[error("cannot keep tokens in {path}: {source}")]
    TokenCache {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The share of validation rows is no share.
    #[error("the validation fraction is {fraction}, but must be above 0 and below 1")]
    Fraction {
        /// The fraction.
        fraction: f64,
    },
    /// Too few rows to split.
    #[error("{rows} rows are too few to split; give a validation file")]
    TooFew {
        /// How many rows.
        rows: usize,
    },
    /// The limits or the tokenizer do not work for any text.
    #[error(transparent)]
    Tokenizer(TokenizeError),
    /// Raw text gives no examples to guess in.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A text cannot be tokenized.
    #[error("{path}, {position}: {source}")]
    Tokenize {
        /// The file.
        path: PathBuf,
        /// The row.
        position: Position,
        /// The cause.
        source: TokenizeError,
    },
}
