use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde_json::Value;

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// Nothing at all: a column of nulls.
    Null,
    /// Strings.
    Text,
    /// Numbers, or true and false.
    Scalar,
    /// Lists of strings or numbers.
    List,
    /// What is not read.
    Other,
}

impl CellKind {
    pub(crate) fn of(data_type: &DataType) -> Self {
        use DataType as D;
        match data_type {
            D::Null => Self::Null,
            D::Utf8 | D::LargeUtf8 | D::Utf8View => Self::Text,
            D::Boolean | D::Float16 | D::Float32 | D::Float64 => Self::Scalar,
            data_type if data_type.is_integer() => Self::Scalar,
            D::Dictionary(_, values) => Self::of(values),
            D::List(item) | D::LargeList(item) | D::FixedSizeList(item, _) => {
                match Self::of(item.data_type()) {
                    Self::List | Self::Other => Self::Other,
                    _ => Self::List,
                }
            }
            _ => Self::Other,
        }
    }
}

/// The cells of a column as JSON values; null where its kind is [`CellKind::Other`].
pub(crate) fn cells(column: &dyn Array) -> Vec<Value> {
    use DataType as D;
    match column.data_type() {
        D::Utf8 => texts(column.as_string::<i32>()),
        D::LargeUtf8 => texts(column.as_string::<i64>()),
        D::Utf8View => texts(column.as_string_view()),
        D::Boolean => column.as_boolean().iter().map(Value::from).collect(),
        D::Int8 => integers::<Int8Type>(column),
        D::Int16 => integers::<Int16Type>(column),
        D::Int32 => integers::<Int32Type>(column),
        D::Int64 => integers::<Int64Type>(column),
        D::UInt8 => integers::<UInt8Type>(column),
        D::UInt16 => integers::<UInt16Type>(column),
        D::UInt32 => integers::<UInt32Type>(column),
        D::UInt64 => integers::<UInt64Type>(column),
        D::Float16 => floats::<Float16Type>(column),
        D::Float32 => floats::<Float32Type>(column),
        D::Float64 => floats::<Float64Type>(column),
        D::Dictionary(..) => coded(column),
        D::List(_) => lists(column.as_list::<i32>().iter()),
        D::LargeList(_) => lists(column.as_list::<i64>().iter()),
        D::FixedSizeList(..) => lists(column.as_fixed_size_list().iter()),
        _ => vec![Value::Null; column.len()],
    }
}

fn texts<'a>(column: impl IntoIterator<Item = Option<&'a str>>) -> Vec<Value> {
    column.into_iter().map(Value::from).collect()
}

fn integers<T: ArrowPrimitiveType>(column: &dyn Array) -> Vec<Value>
where
    Value: From<T::Native>,
{
    column
        .as_primitive::<T>()
        .iter()
        .map(|number| number.map_or(Value::Null, Value::from))
        .collect()
}

/// Numbers with as few digits as tell them apart; one that is not finite as a string, which JSON
/// has no number for.
fn floats<T: ArrowPrimitiveType>(column: &dyn Array) -> Vec<Value>
where
    T::Native: std::fmt::Display,
{
    let value = |number: T::Native| {
        let text = number.to_string();
        let number = text.parse().ok().and_then(serde_json::Number::from_f64);
        number.map_or(Value::String(text), Value::Number)
    };
    column.as_primitive::<T>().iter().map(|number| number.map_or(Value::Null, value)).collect()
}

/// The cells of a dictionary: each key's value.
fn coded(column: &dyn Array) -> Vec<Value> {
    let dictionary = column.as_any_dictionary();
    let values = cells(dictionary.values());
    let nulls = column.logical_nulls();
    let keys = cells(dictionary.keys());
    let value = |(row, key): (usize, Value)| {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let key = key.as_u64().filter(|_| !is_null).and_then(|key| usize::try_from(key).ok());
        key.and_then(|key| values.get(key).cloned()).unwrap_or_default()
    };
    keys.into_iter().enumerate().map(value).collect()
}

fn lists(column: impl Iterator<Item = Option<ArrayRef>>) -> Vec<Value> {
    let value = |list: ArrayRef| Value::Array(cells(&list));
    column.map(|list| list.map_or(Value::Null, value)).collect()
}
