use crate::usual_names::is_named;
use crate::{DataError, Example, LabelMap, Table, TargetError, TargetKind};

/// What the examples of a data set or a batch are to be given.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Targets {
    /// Nothing is known.
    #[default]
    None,
    /// The class of each example, `[examples]`.
    Classes(Vec<usize>),
    /// For each example and each class 1 if it has the class, else 0: `[examples, classes]`.
    Sets {
        /// The zeros and ones.
        values: Vec<f32>,
        /// The number of classes.
        classes: usize,
    },
    /// The numbers of each example, `[examples, width]`.
    Values {
        /// The numbers.
        values: Vec<f32>,
        /// How many each example has.
        width: usize,
    },
}

impl Targets {
    /// The targets of a table's rows, of the kind that its layout says. Numbers go by the names of
    /// their columns, whatever the order of these.
    ///
    /// # Errors
    ///
    /// If a row has none, a label is not among these, or the columns of numbers are not as many as
    /// the names, or have others.
    pub fn of(table: &Table, labels: &LabelMap) -> Result<Self, DataError> {
        match table.layout.targets {
            TargetKind::Class => Ok(Self::Classes(labels.ids(table)?)),
            TargetKind::Set => {
                let classes = labels.names().len();
                Ok(Self::Sets { values: sets(table, labels)?, classes })
            }
            TargetKind::Values => {
                let width = labels.names().len();
                Ok(Self::Values { values: numbers(table, labels)?, width })
            }
        }
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Classes(classes) => classes.len(),
            Self::Sets { values, classes: width } | Self::Values { values, width } => {
                values.len().checked_div(*width).unwrap_or(0)
            }
        }
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The targets of some examples and of more of the same table.
    pub(crate) fn joined(mut self, mut more: Self) -> Self {
        match (&mut self, &mut more) {
            (Self::Classes(all), Self::Classes(more)) => all.append(more),
            (Self::Sets { values: all, .. }, Self::Sets { values: more, .. })
            | (Self::Values { values: all, .. }, Self::Values { values: more, .. }) => {
                all.append(more);
            }
            _ => return more,
        }
        self
    }

    /// How many examples have each of so many classes; zeros where these are no classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        match self {
            Self::Classes(ids) => ids.iter().for_each(|&id| counts[id] += 1),
            Self::Sets { values, classes } => {
                for (place, _) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    counts[place % classes] += 1;
                }
            }
            Self::None | Self::Values { .. } => {}
        }
        counts
    }

    /// The targets of these examples, in this order.
    ///
    /// # Panics
    ///
    /// If there are targets, but not for one of these.
    pub fn select(&self, examples: &[usize]) -> Self {
        match self {
            Self::None => Self::None,
            Self::Classes(classes) => {
                Self::Classes(examples.iter().map(|&example| classes[example]).collect())
            }
            Self::Sets { values, classes } => {
                Self::Sets { values: rows(values, *classes, examples), classes: *classes }
            }
            Self::Values { values, width } => {
                Self::Values { values: rows(values, *width, examples), width: *width }
            }
        }
    }
}

fn rows(values: &[f32], width: usize, rows: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|&row| &values[row * width..][..width]).copied().collect()
}

fn sets(table: &Table, labels: &LabelMap) -> Result<Vec<f32>, DataError> {
    let classes = labels.names().len();
    let mut values = vec![0.0; table.examples.len() * classes];
    for (row, example) in table.examples.iter().enumerate() {
        let names = example.labels.as_ref().ok_or_else(|| missing(table, example))?;
        for name in names {
            values[row * classes + labels.known_id(table, example, name)?] = 1.0;
        }
    }
    Ok(values)
}

fn numbers(table: &Table, labels: &LabelMap) -> Result<Vec<f32>, DataError> {
    let width = labels.names().len();
    let places = places(table, labels.names())?;
    let mut numbers = Vec::with_capacity(table.examples.len() * width);
    for example in &table.examples {
        let values = example.values.as_ref().ok_or_else(|| missing(table, example))?;
        if values.len() != width {
            let (path, found) = (table.title(), values.len());
            return Err(TargetError::Width { path, found, expected: width }.into());
        }
        numbers.extend(places.iter().map(|&place| values[place]));
    }
    Ok(numbers)
}

/// The place of each expected number among the table's columns of numbers: that of its name, or,
/// where names tell nothing, in order.
fn places(table: &Table, expected: &[String]) -> Result<Vec<usize>, DataError> {
    let found = table.layout.label_names.as_deref().unwrap_or_default();
    let is_one_way = found.len() != expected.len() || found.len() == 1 || found == expected;
    let in_order = || (0..expected.len()).collect();
    match named_places(found, expected) {
        _ if is_one_way => Ok(in_order()),
        Some(places) => Ok(places),
        None if are_numbers(expected) || !table.layout.has_header => Ok(in_order()),
        None => {
            let (path, [found, expected]) = (table.title(), [found, expected].map(in_words));
            Err(TargetError::Names { path, found, expected }.into())
        }
    }
}

/// The place of each expected name among those that were found, if each has one of its own.
fn named_places(found: &[String], expected: &[String]) -> Option<Vec<usize>> {
    let place = |name: &String| {
        let exact = found.iter().position(|other| other == name);
        exact.or_else(|| found.iter().position(|other| is_named(other, name)))
    };
    let places: Vec<usize> = expected.iter().map(place).collect::<Option<_>>()?;
    let is_met = |place| places.contains(&place);
    (0..found.len()).all(is_met).then_some(places)
}

/// Whether names are only numbers: a model has such ones where it or the columns had no names.
fn are_numbers(names: &[String]) -> bool {
    let is_number = |name: &String| name.trim_start_matches("LABEL_").parse::<usize>().is_ok();
    names.iter().all(is_number)
}

fn in_words(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

/// The error of a row without targets.
pub(crate) fn missing(table: &Table, example: &Example) -> DataError {
    let (path, position) = (table.file_of(example).into(), table.position_of(example));
    DataError::NoLabel { path, position }
}
