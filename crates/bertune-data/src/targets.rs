use crate::{DataError, Example, LabelMap, Table, TargetKind};

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
    /// The targets of a table's rows, of the kind that its layout says.
    ///
    /// # Errors
    ///
    /// If a row has none, a label is not among these, or there are not as many columns of numbers
    /// as names.
    pub fn of(table: &Table, labels: &LabelMap) -> Result<Self, DataError> {
        match table.layout.targets {
            TargetKind::Class => Ok(Self::Classes(labels.ids(table)?)),
            TargetKind::Set => {
                let classes = labels.names().len();
                Ok(Self::Sets { values: sets(table, labels)?, classes })
            }
            TargetKind::Values => {
                let width = labels.names().len();
                Ok(Self::Values { values: numbers(table, width)?, width })
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

fn numbers(table: &Table, width: usize) -> Result<Vec<f32>, DataError> {
    let mut numbers = Vec::with_capacity(table.examples.len() * width);
    for example in &table.examples {
        let values = example.values.as_ref().ok_or_else(|| missing(table, example))?;
        if values.len() != width {
            let (path, found) = (table.title(), values.len());
            return Err(DataError::TargetWidth { path, found, expected: width });
        }
        numbers.extend(values);
    }
    Ok(numbers)
}

/// The error of a row without targets.
pub(crate) fn missing(table: &Table, example: &Example) -> DataError {
    let (path, position) = (table.file_of(example).into(), table.position_of(example));
    DataError::NoLabel { path, position }
}
