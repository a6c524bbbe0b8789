use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::arrow_cell::{CellKind, cells};
use crate::columnar_file::{ColumnarFile, damaged};
use crate::columns::{self, Places};
use crate::roles::Roles;
use crate::{DataError, Example, FileFormat, Labels, Table, TableFormat, TargetKind, class_label};

/// Reads a parquet or arrow file: of its columns only those that are wanted.
pub(crate) fn read(
    path: &Path,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    // The libraries refuse most damage, and panic at some.
    let rows = AssertUnwindSafe(|| read_rows(path, format, table, labels));
    catch_unwind(rows).unwrap_or_else(|_| {
        let reason = "it is damaged".into();
        Err(DataError::Damaged { path: path.into(), format, reason })
    })
}

fn read_rows(
    path: &Path,
    format: FileFormat,
    table: &TableFormat,
    labels: Labels,
) -> Result<Table, DataError> {
    let file = ColumnarFile::open(path, format)?;
    let names: Vec<String> =
        file.schema.fields().iter().map(|field| field.name().clone()).collect();
    let places = columns::find(path, Some(&names), &[], table, labels)?;
    check_types(path, &file.schema, &places, table.targets, labels)?;
    let label_names = places.label.and_then(|place| class_label::names(path, &file.schema, place));
    let wanted = wanted(&places);
    let mut roles = Roles::new(path, format, Some(names), places, table, labels);
    if table.targets != TargetKind::Values && label_names.is_some() {
        roles.label_names = label_names;
    }
    let mut examples = Vec::new();
    for batch in file.batches(&wanted)? {
        let batch = batch.map_err(|error| damaged(path, format, &error))?;
        add_rows(&mut examples, &roles, &wanted, &batch)?;
    }
    if examples.is_empty() {
        return Err(DataError::Empty { path: path.into(), header: "" });
    }
    Ok(roles.table(examples))
}

/// The places of the columns that are read, ascending.
fn wanted(places: &Places) -> Vec<usize> {
    let mut wanted: Vec<_> = places.roles().into_iter().map(|(_, place)| place).collect();
    wanted.sort_unstable();
    wanted
}

fn add_rows(
    examples: &mut Vec<Example>,
    roles: &Roles<'_>,
    wanted: &[usize],
    batch: &RecordBatch,
) -> Result<(), DataError> {
    let mut columns: Vec<_> =
        batch.columns().iter().map(|column| cells(column).into_iter()).collect();
    for _ in 0..batch.num_rows() {
        let mut row: Vec<_> = columns.iter_mut().map(Iterator::next).collect();
        let cell = |place| {
            let column = wanted.binary_search(&place).ok();
            Ok(column.and_then(|column| row[column].take()).unwrap_or_default())
        };
        examples.push(roles.example(examples.len() + 1, cell)?);
    }
    Ok(())
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
