use std::path::{Path, PathBuf};

use crate::completeness::Completeness;
use crate::{DataError, Layout, Position, TargetKind};

/// Examples from one file, or from several with the same columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The file, or the first of several.
    pub path: PathBuf,
    /// All its files, in order; at least one.
    pub files: Vec<PathBuf>,
    /// Its rows, in order.
    pub examples: Vec<Example>,
    /// What was found out about it.
    pub layout: Layout,
}

/// One row of a file of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The text.
    pub text: String,
    /// The second text of a pair.
    pub text_pair: Option<String>,
    /// The name of its class.
    pub label: Option<String>,
    /// The names of its classes, where it may have several: see [`TargetKind::Set`].
    pub labels: Option<Vec<String>>,
    /// Its numbers: see [`TargetKind::Values`].
    pub values: Option<Vec<f32>>,
    /// How much it counts, if there is a column that says it; finite and not below 0.
    pub weight: Option<f32>,
    /// Its file: the place in [`Table::files`].
    pub file: usize,
    /// The line of the file on which the row begins, or the row's number in a file without lines,
    /// from 1.
    pub line: usize,
}

impl Example {
    /// The names of its class or classes.
    pub(crate) fn class_names(&self) -> impl Iterator<Item = &str> {
        self.label.iter().chain(self.labels.iter().flatten()).map(String::as_str)
    }

    pub(crate) fn has_target(&self, kind: TargetKind) -> bool {
        match kind {
            TargetKind::Class => self.label.is_some(),
            TargetKind::Set => self.labels.is_some(),
            TargetKind::Values => self.values.is_some(),
        }
    }
}

impl Table {
    /// The table with only these of its rows.
    ///
    /// # Panics
    ///
    /// If a number is not below the number of rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        let examples = rows.iter().map(|&row| self.examples[row].clone()).collect();
        let (path, files) = (self.path.clone(), self.files.clone());
        Self { examples, path, files, layout: self.layout.clone() }
    }

    /// The file of one of its rows.
    ///
    /// # Panics
    ///
    /// If the row is of a table of more files.
    pub fn file_of(&self, example: &Example) -> &Path {
        &self.files[example.file]
    }

    /// Where one of its rows stands in its file.
    pub fn position_of(&self, example: &Example) -> Position {
        self.layout.format.position(example.line)
    }

    /// What a fault of the whole is told of: the file, and how many more there are.
    pub(crate) fn title(&self) -> PathBuf {
        match self.files.len() {
            0 | 1 => self.path.clone(),
            files => format!("{} and {} more", self.path.display(), files - 1).into(),
        }
    }

    /// Checks that every row has its text and its label, and some row a second text if there is
    /// a column of them.
    pub(crate) fn check_complete(&self) -> Result<(), DataError> {
        let mut seen = Completeness::default();
        seen.add(self);
        seen.check(self)
    }
}
