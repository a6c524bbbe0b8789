use std::path::{Path, PathBuf};

use crate::table_file::TableFile;
use crate::{DataError, Example, Labels, Layout, Table, TableFormat};

/// Files of texts with the same columns, whose rows are read as often as they are wanted, many at a
/// time: they need not fit into memory.
#[derive(Debug)]
pub struct TableFiles {
    files: Vec<TableFile>,
    /// The table without its rows.
    shape: Table,
}

impl TableFiles {
    /// Looks through csv, tsv, jsonl, parquet or arrow files, which are read as one table in this
    /// order; the last two formats with the feature `parquet`.
    ///
    /// # Errors
    ///
    /// If one cannot be read, does not have the columns asked for, or has not those of the first.
    /// The error names the file and, where it can, the line.
    ///
    /// # Panics
    ///
    /// If there is no path.
    pub fn open<P: AsRef<Path>>(
        paths: &[P],
        format: &TableFormat,
        labels: Labels,
    ) -> Result<Self, DataError> {
        assert!(!paths.is_empty(), "a table has at least one file");
        let open = |path: &P| TableFile::open(path.as_ref(), format, labels);
        let files: Vec<TableFile> = paths.iter().map(open).collect::<Result<_, _>>()?;
        let shape = Table {
            path: files[0].roles().path.clone(),
            files: files.iter().map(|file| file.roles().path.clone()).collect(),
            examples: Vec::new(),
            layout: files[0].roles().layout(),
        };
        files.iter().try_for_each(|file| check_layout(file, &shape))?;
        Ok(Self { files, shape })
    }

    /// The paths of the files; at least one.
    pub fn paths(&self) -> &[PathBuf] {
        &self.shape.files
    }

    /// What was found out about them.
    pub fn layout(&self) -> &Layout {
        &self.shape.layout
    }

    /// The table without its rows.
    pub(crate) fn shape(&self) -> &Table {
        &self.shape
    }

    /// The rows, in order, as tables that follow one another; nothing follows an error.
    pub fn tables(&self) -> impl Iterator<Item = Result<Table, DataError>> + '_ {
        let mut failed = false;
        let examples = self.files.iter().enumerate().flat_map(|(file, source)| {
            let (examples, error) = match source.examples() {
                Ok(examples) => (Some(examples), None),
                Err(error) => (None, Some(Err(error))),
            };
            let examples = examples.into_iter().flatten().chain(error);
            examples.map(move |examples| {
                Ok(examples?.into_iter().map(|row| Example { file, ..row }).collect())
            })
        });
        let table = |examples| Table { examples, ..self.shape.clone() };
        examples
            .map(move |examples: Result<_, DataError>| examples.map(table))
            .take_while(move |table| !std::mem::replace(&mut failed, table.is_err()))
    }
}

/// Refuses a file with other columns than the first.
fn check_layout(file: &TableFile, first: &Table) -> Result<(), DataError> {
    let layout = file.roles().layout();
    if layout == first.layout {
        return Ok(());
    }
    Err(DataError::DifferentColumns {
        path: file.roles().path.clone(),
        found: layout.to_string(),
        first: first.path.clone(),
        expected: first.layout.to_string(),
    })
}
