use crate::DataError;
use crate::delimited::{DelimitedFile, Row};

/// What the rows of a delimited file have in common, found in one pass over them.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The first row; all else is said of those below it, but for the delimiters.
    pub(crate) first: Vec<String>,
    /// How many are below it.
    pub(crate) below: usize,
    /// The line and the number of fields of the first row that has not as many as the first.
    pub(crate) ragged: Option<(usize, usize)>,
    /// The line of the first that equals the first row.
    pub(crate) repeated: Option<usize>,
    /// What each column holds, `[fields of the first row]`.
    pub(crate) columns: Vec<Column>,
    /// Of the usual delimiters those that are in all rows, the first row's too.
    pub(crate) suspects: Vec<char>,
}

/// What a column holds below the first row.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Whether a row that differs from the first has the first's field here.
    pub(crate) repeats_first: bool,
    /// Whether all are numbers.
    pub(crate) are_numbers: bool,
}

/// What may stand between fields.
const DELIMITERS: [char; 4] = ['\t', ';', '|', ','];

impl Survey {
    /// Looks at all rows of a file; at least one.
    pub(crate) fn of(file: &DelimitedFile) -> Result<Self, DataError> {
        let mut survey: Option<Self> = None;
        for rows in file.rows()? {
            for row in rows? {
                match &mut survey {
                    Some(survey) => survey.add(&row),
                    None => survey = Some(Self::new(row)),
                }
            }
        }
        survey.ok_or_else(|| DataError::Empty { path: file.path().into(), header: "" })
    }

    fn new(first: Row) -> Self {
        let column = Column { repeats_first: false, are_numbers: true };
        Self {
            below: 0,
            ragged: None,
            repeated: None,
            columns: vec![column; first.fields.len()],
            suspects: DELIMITERS.into_iter().filter(|&c| has(&first, c)).collect(),
            first: first.fields,
        }
    }

    fn add(&mut self, row: &Row) {
        self.below += 1;
        self.suspects.retain(|&delimiter| has(row, delimiter));
        let is_first = row.fields == self.first;
        if row.fields.len() != self.first.len() {
            self.ragged.get_or_insert((row.line, row.fields.len()));
        }
        if is_first {
            self.repeated.get_or_insert(row.line);
        }
        for ((column, first), field) in self.columns.iter_mut().zip(&self.first).zip(&row.fields) {
            column.repeats_first |= !is_first && field == first;
            column.are_numbers = column.are_numbers && is_number(field);
        }
    }
}

fn has(row: &Row, character: char) -> bool {
    row.fields.iter().any(|field| field.contains(character))
}

pub(crate) fn is_number(field: &str) -> bool {
    field.trim().parse::<f64>().is_ok_and(f64::is_finite)
}
