use crate::targets::missing;
use crate::{DataError, Table};

/// Whether the rows of tables that follow one another have what learning needs.
#[derive(Debug, Default)]
pub(crate) struct Completeness {
    has_text: bool,
    has_pair: bool,
    /// The fault of the first row that lacks something.
    fault: Option<DataError>,
}

impl Completeness {
    /// Looks at more rows.
    pub(crate) fn add(&mut self, table: &Table) {
        for example in &table.examples {
            let is_blank = is_blank(&example.text);
            self.has_text |= !is_blank;
            self.has_pair |= example.text_pair.as_deref().is_some_and(|pair| !self::is_blank(pair));
            if self.fault.is_some() {
                continue;
            }
            let (path, position) = (table.file_of(example), table.position_of(example));
            if is_blank {
                self.fault = Some(DataError::EmptyText { path: path.into(), position });
            } else if !example.has_target(table.layout.targets) {
                self.fault = Some(missing(table, example));
            }
        }
    }

    /// Checks that every row had its text and its label, and some row a second text if there is a
    /// column of them. The table need not have its rows.
    pub(crate) fn check(self, table: &Table) -> Result<(), DataError> {
        let empty = |column: &String, flag| {
            Err(DataError::EmptyColumn { path: table.title(), column: column.clone(), flag })
        };
        match (&table.layout.text_pair, self.fault) {
            _ if !self.has_text => empty(&table.layout.text, "--text"),
            (Some(pair), _) if !self.has_pair => empty(pair, "--text-pair"),
            (_, fault) => fault.map_or(Ok(()), Err),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
