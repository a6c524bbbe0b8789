use std::path::Path;

#[cfg(feature = "parquet")]
use crate::columnar::ColumnarTable;
use crate::delimited_table::DelimitedTable;
use crate::jsonl::JsonTable;
use crate::roles::Roles;
use crate::text_file::TextFile;
use crate::{DataError, Example, FileFormat, Labels, TableFormat};

/// One file of texts, looked through, whose rows are read as often as they are wanted.
#[derive(Debug)]
pub(crate) enum TableFile {
    Delimited(DelimitedTable),
    Json(JsonTable),
    #[cfg(feature = "parquet")]
    Columnar(ColumnarTable),
}

/// The examples of a file, many at a time; nothing follows an error.
pub(crate) type Examples<'a> = Box<dyn Iterator<Item = Result<Vec<Example>, DataError>> + 'a>;

impl TableFile {
    pub(crate) fn open(
        path: &Path,
        table: &TableFormat,
        labels: Labels,
    ) -> Result<Self, DataError> {
        match table.format.or_else(|| FileFormat::of(path)) {
            Some(format @ (FileFormat::Parquet | FileFormat::Arrow)) => {
                open_columnar(path, format, table, labels)
            }
            format => {
                // What the file is says more than that its extension is unknown.
                let text = TextFile::open(path, table.encoding)?;
                let format =
                    format.ok_or_else(|| DataError::UnknownFormat { path: path.into() })?;
                Ok(match format {
                    FileFormat::Jsonl => Self::Json(JsonTable::open(text, table, labels)?),
                    _ => Self::Delimited(DelimitedTable::open(text, format, table, labels)?),
                })
            }
        }
    }

    pub(crate) fn roles(&self) -> &Roles {
        match self {
            Self::Delimited(table) => &table.roles,
            Self::Json(table) => &table.roles,
            #[cfg(feature = "parquet")]
            Self::Columnar(table) => &table.roles,
        }
    }

    pub(crate) fn examples(&self) -> Result<Examples<'_>, DataError> {
        Ok(match self {
            Self::Delimited(table) => Box::new(table.examples()?),
            Self::Json(table) => Box::new(table.examples()?),
            #[cfg(feature = "parquet")]
            Self::Columnar(table) => Box::new(table.examples()?),
        })
    }
}

#[cfg(feature = "parquet")]
fn open_columnar(
    path: &Path,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<TableFile, DataError> {
    ColumnarTable::open(path, format, table, labels).map(TableFile::Columnar)
}

#[cfg(not(feature = "parquet"))]
fn open_columnar(
    path: &Path,
    format: FileFormat,
    _: &TableFormat,
    _: Labels,
) -> Result<TableFile, DataError> {
    Err(DataError::NotBuilt { path: path.into(), format })
}
