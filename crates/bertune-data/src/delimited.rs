use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::DataError;

/// One row of a delimited file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

/// All rows that are not blank; at least one.
///
/// Unquoted rows are lines; quoted ones may span several.
pub(crate) fn rows(
    path: &Path,
    text: &str,
    delimiter: char,
    quoted: bool,
) -> Result<Vec<Row>, DataError> {
    let rows = match u8::try_from(delimiter) {
        _ if matches!(delimiter, '\n' | '\r') => return Err(DataError::LineDelimiter),
        _ if !quoted => unquoted_rows(text, delimiter),
        Ok(byte) if byte.is_ascii() && byte != b'"' => quoted_rows(path, text, byte)?,
        _ => return Err(DataError::QuotedDelimiter { delimiter }),
    };
    if rows.is_empty() {
        return Err(DataError::Empty { path: path.into(), header: "" });
    }
    Ok(rows)
}

/// The first row that has more or fewer fields than the first of all.
pub(crate) fn ragged(rows: &[Row]) -> Option<&Row> {
    rows.iter().find(|row| row.fields.len() != rows[0].fields.len())
}

fn unquoted_rows(text: &str, delimiter: char) -> Vec<Row> {
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let filled = (1..).zip(lines).filter(|(_, line)| !is_blank(line, delimiter));
    filled
        .map(|(line, text)| Row { line, fields: text.split(delimiter).map(Into::into).collect() })
        .collect()
}

/// A line of nothing but spaces; one of empty fields is a row.
fn is_blank(line: &str, delimiter: char) -> bool {
    line.trim().is_empty() && !line.contains(delimiter)
}

fn quoted_rows(path: &Path, text: &str, delimiter: u8) -> Result<Vec<Row>, DataError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let (mut rows, mut line, mut counted) = (Vec::new(), 1, 0);
    loop {
        let before = reader.position().byte() as usize;
        match reader.read_record(&mut record) {
            Ok(true) => {}
            // The text is a string in memory: neither its encoding nor reading it can fail.
            Ok(false) | Err(_) => break,
        }
        let breaks = text[before..].len() - text[before..].trim_start_matches(['\r', '\n']).len();
        let start = before + breaks;
        line += text[counted..start].matches('\n').count();
        counted = start;
        let end = reader.position().byte() as usize;
        if end == text.len() && !is_closed(&text[start..end], char::from(delimiter)) {
            return Err(DataError::OpenQuote { path: path.into(), line });
        }
        if !is_blank(&text[start..end], char::from(delimiter)) {
            rows.push(Row { line, fields: record.iter().map(Into::into).collect() });
        }
    }
    Ok(rows)
}

/// Whether a row ends outside quotes.
fn is_closed(row: &str, delimiter: char) -> bool {
    let (mut quoted, mut field_starts) = (false, true);
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => drop(characters.next()),
            '"' if quoted => quoted = false,
            '"' if field_starts => quoted = true,
            _ => {}
        }
        field_starts = character == delimiter;
    }
    !quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: char, quoted: bool) -> Vec<(usize, Vec<String>)> {
        let rows = rows(Path::new("t.csv"), text, delimiter, quoted).unwrap();
        rows.into_iter().map(|row| (row.line, row.fields)).collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(|&field| field.into()).collect())
    }

    #[test]
    fn quoted_fields_may_hold_delimiters_quotes_and_lines() {
        let text = "a,b\r\n\"x, y\",\"he said \"\"hi\"\"\"\n\n\"two\nlines\",1\nlast,2";
        let expected = [
            row(1, &["a", "b"]),
            row(2, &["x, y", "he said \"hi\""]),
            row(4, &["two\nlines", "1"]),
            row(6, &["last", "2"]),
        ];
        assert_eq!(read(text, ',', true), expected);
    }

    #[test]
    fn a_quote_is_a_character_where_nothing_is_quoted() {
        let expected = [row(1, &["say \"hi", "1"]), row(3, &["\"", "0"])];
        assert_eq!(read("say \"hi\t1\r\n\r\n\"\t0\r\n", '\t', false), expected);
    }

    #[test]
    fn a_quoted_empty_field_is_a_row_and_a_blank_line_is_none() {
        let expected = [row(1, &["a"]), row(3, &[""]), row(4, &["b"])];
        assert_eq!(read("a\n \n\"\"\nb\n", ',', true), expected);
    }

    #[test]
    fn a_ragged_row_is_found() {
        let rows = rows(Path::new("t.csv"), "a,b\n\n1,2\n1,2,3\n", ',', true).unwrap();
        assert_eq!(ragged(&rows).map(|row| row.line), Some(4));
        assert_eq!(ragged(&rows[..2]), None);
    }

    #[test]
    fn an_open_quote_names_the_line_of_its_row() {
        for row in ["1,\"2\n3,4\n", "\"1,2\n", "1,\"2", "1,\"2 \"\"x", "1,\"2 \"\"x\"\"\n"] {
            let text = &format!("a,b\n{row}");
            let error = rows(Path::new("t.csv"), text, ',', true).unwrap_err();
            assert!(error.to_string().starts_with("t.csv, line 2: a quote is opened"), "{error}");
        }
    }
}
