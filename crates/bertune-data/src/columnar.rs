use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::arrow_cell::{CellKind, cells};
use crate::columnar_file::{ColumnarFile, damaged};
use crate::columns::{self, Content, Places};
use crate::roles::Roles;
use crate::{DataError, Example, FileFormat, Labels, TableFormat, TargetKind, class_label};

/// A parquet or arrow file, of whose columns only those are read that are wanted.
#[derive(Debug)]
pub(crate) struct ColumnarTable {
    pub(crate) roles: Roles,
    file: ColumnarFile,
    /// The places of the columns that are read, ascending.
    wanted: Vec<usize>,
}

impl ColumnarTable {
    pub(crate) fn open(
        path: &Path,
        format: FileFormat,
        table: &TableFormat,
        labels: Labels,
    ) -> Result<Self, DataError> {
        undamaged(path, format, || {
            let file = ColumnarFile::open(path, format)?;
            let names: Vec<String> =
                file.schema.fields().iter().map(|field| field.name().clone()).collect();
            let places = columns::find(path, Some(&names), Content::Named, table, labels)?;
            check_types(path, &file.schema, &places, table.targets, labels)?;
            let label_names =
                places.label.and_then(|place| class_label::names(path, &file.schema, place));
            let wanted = wanted(&places);
            let mut roles = Roles::new(path, format, Some(names), places, table, labels);
            if table.targets != TargetKind::Values && label_names.is_some() {
                roles.label_names = label_names;
            }
            Ok(Self { roles, file, wanted })
        })
    }

    /// All examples, as many at a time as the file has together.
    pub(crate) fn examples(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<Example>, DataError>>, DataError> {
        let (path, format) = (self.roles.path.as_path(), self.roles.format);
        let mut batches = undamaged(path, format, || self.file.batches(&self.wanted))?;
        let mut rows = 0;
        let mut next = move || match batches.next() {
            None if rows == 0 => {
                rows = 1;
                Err(DataError::Empty { path: path.into(), header: "" })
            }
            None => Ok(None),
            Some(batch) => {
                let batch = batch.map_err(|error| damaged(path, format, &error))?;
                let examples = self.batch(&batch, rows)?;
                rows += examples.len();
                Ok(Some(examples))
            }
        };
        Ok(std::iter::from_fn(move || undamaged(path, format, &mut next).transpose()))
    }

    /// The examples of a batch that stands below this many rows.
    fn batch(&self, batch: &RecordBatch, above: usize) -> Result<Vec<Example>, DataError> {
        let mut columns: Vec<_> =
            batch.columns().iter().map(|column| cells(column).into_iter()).collect();
        let mut example = |row| {
            let mut cells: Vec<_> = columns.iter_mut().map(Iterator::next).collect();
            let cell = |place| {
                let column = self.wanted.binary_search(&place).ok();
                Ok(column.and_then(|column| cells[column].take()).unwrap_or_default())
            };
            self.roles.example(above + row, cell)
        };
        (1..=batch.num_rows()).map(&mut example).collect()
    }
}

/// What is read of a file; the libraries refuse most damage, and panic at some.
fn undamaged<T>(
    path: &Path,
    format: FileFormat,
    read: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let reason = "it is damaged".into();
        Err(DataError::Damaged { path: path.into(), format, reason })
    })
}

/// The places of the columns that are read, ascending.
fn wanted(places: &Places) -> Vec<usize> {
    let mut wanted: Vec<_> = places.roles().into_iter().map(|(_, place)| place).collect();
    wanted.sort_unstable();
    wanted
}

/// Refuses a column whose type its role cannot have.
fn check_types(
    path: &Path,
    schema: &Schema,
    places: &Places,
    targets: TargetKind,
    labels: Labels,
) -> Result<(), DataError> {
    use CellKind::{List, Null, Scalar, Text};
    let check = |place: usize, kinds: &[CellKind], expected| {
        let field = schema.field(place);
        if kinds.contains(&CellKind::of(field.data_type())) {
            return Ok(());
        }
        let (column, found) = (field.name().clone(), field.data_type().to_string());
        Err(DataError::ColumnType { path: path.into(), column, found, expected })
    };
    for place in [Some(places.text), places.text_pair].into_iter().flatten() {
        check(place, &[Null, Text], "strings")?;
    }
    if labels == Labels::Optional {
        return Ok(());
    }
    if let Some(place) = places.weight {
        check(place, &[Text, Scalar], "numbers")?;
    }
    places.targets().try_for_each(|place| match targets {
        TargetKind::Set if places.labels.is_empty() => {
            check(place, &[Null, Text, Scalar, List], "lists of strings, or strings")
        }
        TargetKind::Class => {
            check(place, &[Null, Text, Scalar], "strings, numbers, or true and false")
        }
        _ => check(place, &[Null, Text, Scalar], "numbers"),
    })
}
