use std::mem;

use serde_json::Value;

use crate::columns::{self, Content};
use crate::delimited::{DelimitedFile, Row};
use crate::roles::Roles;
use crate::survey::Survey;
use crate::text_file::TextFile;
use crate::{DataError, Example, FileFormat, Labels, Quoting, TableFormat, header};

/// A csv or tsv file, and which of its columns is what.
#[derive(Debug)]
pub(crate) struct DelimitedTable {
    pub(crate) roles: Roles,
    file: DelimitedFile,
    /// The number of fields of each row.
    width: usize,
    has_header: bool,
    quoted: bool,
}

impl DelimitedTable {
    pub(crate) fn open(
        text: TextFile,
        format: FileFormat,
        table: &TableFormat,
        labels: Labels,
    ) -> Result<Self, DataError> {
        let usual = if format == FileFormat::Csv { ',' } else { '\t' };
        let delimiter = table.delimiter.unwrap_or(usual);
        let quoted = match table.quoting {
            Quoting::Auto => format == FileFormat::Csv,
            Quoting::Double => true,
            Quoting::None => false,
        };
        let file = DelimitedFile::new(text, delimiter, quoted)?;
        let survey = Survey::of(&file)?;
        if labels.are_required() || survey.ragged.is_some() {
            check_delimiter(&file, &survey, delimiter)?;
        }
        if let Some((line, found)) = survey.ragged {
            return Err(ragged(&file, quoted, line, survey.first.len(), found));
        }
        let names = header::is_first_row(&survey, table).then(|| survey.first.clone());
        check_header(&file, &survey, names.as_deref())?;
        let content = Content::Rows { count: survey.first.len(), file: &file };
        let places = columns::find(file.path(), names.as_deref(), content, table, labels)?;
        let (width, has_header) = (survey.first.len(), names.is_some());
        let roles = Roles::new(file.path(), format, names, places, table, labels);
        Ok(Self { roles, file, width, has_header, quoted })
    }

    /// All examples, many at a time.
    pub(crate) fn examples(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<Example>, DataError>>, DataError> {
        let mut header = usize::from(self.has_header);
        Ok(self.file.rows()?.map(move |rows| {
            let rows = rows?;
            let skipped = header.min(rows.len());
            header -= skipped;
            rows.into_iter().skip(skipped).map(|row| self.example(row)).collect()
        }))
    }

    fn example(&self, mut row: Row) -> Result<Example, DataError> {
        // All were looked at before, but the file may have changed since.
        if row.fields.len() != self.width {
            return Err(ragged(&self.file, self.quoted, row.line, self.width, row.fields.len()));
        }
        let take = |place: usize| Ok(Value::String(mem::take(&mut row.fields[place])));
        self.roles.example(row.line, take)
    }
}

fn ragged(
    file: &DelimitedFile,
    quoted: bool,
    line: usize,
    expected: usize,
    found: usize,
) -> DataError {
    DataError::Ragged {
        path: file.path().into(),
        line,
        expected,
        found,
        advice: if quoted {
            "if a field holds the delimiter, quote it, or see --delimiter and --quoting"
        } else {
            "no field may hold the delimiter; if fields are in quotes, say --quoting double, \
             or see --delimiter"
        },
    }
}

/// Refuses a file whose first row is one column, and whose rows all hold another usual delimiter.
fn check_delimiter(
    file: &DelimitedFile,
    survey: &Survey,
    delimiter: char,
) -> Result<(), DataError> {
    let (suspect, flag) = match survey.suspects.iter().find(|&&suspect| suspect != delimiter) {
        Some('\t') => ("tabs", "'\\t'"),
        Some(';') => ("semicolons", "';'"),
        Some('|') => ("bars", "'|'"),
        Some(_) => ("commas", "','"),
        None => return Ok(()),
    };
    match survey.first.len() {
        1 => Err(DataError::WrongDelimiter { path: file.path().into(), suspect, flag }),
        _ => Ok(()),
    }
}

/// Refuses a header that comes again, or has nothing below it.
fn check_header(
    file: &DelimitedFile,
    survey: &Survey,
    names: Option<&[String]>,
) -> Result<(), DataError> {
    let path = file.path().into();
    match (names, survey.repeated) {
        // In a file of one column, a line that equals the header may be a text.
        (Some(names), Some(line)) if names.len() > 1 => {
            Err(DataError::RepeatedHeader { path, line })
        }
        (Some(_), _) if survey.below == 0 => {
            Err(DataError::Empty { path, header: " below its header" })
        }
        _ => Ok(()),
    }
}
