use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::DataError;
use crate::text_file::{Block, TextFile};

/// A file of rows between whose fields a delimiter stands.
#[derive(Debug)]
pub(crate) struct DelimitedFile {
    text: TextFile,
    separation: Separation,
}

/// How fields are told apart.
#[derive(Clone, Copy, Debug)]
enum Separation {
    /// By this character, wherever it is: a row is a line.
    Unquoted(char),
    /// By this byte outside quotes: a row may span several lines.
    Quoted(u8),
}

/// One row of a delimited file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

impl DelimitedFile {
    pub(crate) fn new(text: TextFile, delimiter: char, quoted: bool) -> Result<Self, DataError> {
        let separation = match u8::try_from(delimiter) {
            _ if matches!(delimiter, '\n' | '\r') => return Err(DataError::LineDelimiter),
            _ if !quoted => Separation::Unquoted(delimiter),
            Ok(byte) if byte.is_ascii() && byte != b'"' => Separation::Quoted(byte),
            _ => return Err(DataError::QuotedDelimiter { delimiter }),
        };
        Ok(Self { text, separation })
    }

    pub(crate) fn path(&self) -> &Path {
        self.text.path()
    }

    /// All rows that are not blank, many at a time.
    pub(crate) fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<Row>, DataError>>, DataError> {
        let mut in_quotes = false;
        let blocks = self.text.blocks(move |line| {
            if let Separation::Quoted(delimiter) = self.separation {
                in_quotes = ends_in_quotes(line, delimiter, in_quotes);
            }
            !in_quotes
        })?;
        Ok(blocks.map(|block| rows(self.path(), &block?, self.separation)))
    }
}

fn rows(path: &Path, block: &Block, separation: Separation) -> Result<Vec<Row>, DataError> {
    match separation {
        Separation::Unquoted(delimiter) => Ok(unquoted_rows(block, delimiter)),
        Separation::Quoted(delimiter) => quoted_rows(path, block, delimiter),
    }
}

fn unquoted_rows(block: &Block, delimiter: char) -> Vec<Row> {
    let lines = block.text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let filled = (block.line..).zip(lines).filter(|(_, line)| !is_blank(line, delimiter));
    filled
        .map(|(line, text)| Row { line, fields: text.split(delimiter).map(Into::into).collect() })
        .collect()
}

/// A line of nothing but spaces; one of empty fields is a row.
fn is_blank(line: &str, delimiter: char) -> bool {
    line.trim().is_empty() && !line.contains(delimiter)
}

fn quoted_rows(path: &Path, block: &Block, delimiter: u8) -> Result<Vec<Row>, DataError> {
    let text = block.text.as_str();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let (mut rows, mut line, mut counted) = (Vec::new(), block.line, 0);
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
        if end == text.len() && ends_in_quotes(&text.as_bytes()[start..end], delimiter, false) {
            return Err(DataError::OpenQuote { path: path.into(), line });
        }
        if !is_blank(&text[start..end], char::from(delimiter)) {
            rows.push(Row { line, fields: record.iter().map(Into::into).collect() });
        }
    }
    Ok(rows)
}

/// Whether text that begins at the start of a field, or in quotes, ends in quotes.
fn ends_in_quotes(text: &[u8], delimiter: u8, in_quotes: bool) -> bool {
    if !text.contains(&b'"') {
        return in_quotes;
    }
    let (mut quoted, mut field_starts) = (in_quotes, true);
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => drop(bytes.next()),
            b'"' if quoted => quoted = false,
            b'"' if field_starts => quoted = true,
            _ => {}
        }
        field_starts = byte == delimiter || matches!(byte, b'\r' | b'\n');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TextEncoding;

    fn rows(text: &str, delimiter: char, quoted: bool) -> Result<Vec<Row>, DataError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let text = TextFile::open(file.path(), TextEncoding::Utf8)?;
        let file = DelimitedFile::new(text, delimiter, quoted)?;
        let rows: Result<Vec<_>, _> = file.rows()?.collect();
        Ok(rows?.concat())
    }

    fn read(text: &str, delimiter: char, quoted: bool) -> Vec<(usize, Vec<String>)> {
        let rows = rows(text, delimiter, quoted).unwrap();
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
    fn an_open_quote_names_the_line_of_its_row() {
        for row in ["1,\"2\n3,4\n", "\"1,2\n", "1,\"2", "1,\"2 \"\"x", "1,\"2 \"\"x\"\"\n"] {
            let text = &format!("a,b\n{row}");
            let error = rows(text, ',', true).unwrap_err();
            assert!(error.to_string().contains(", line 2: a quote is opened"), "{error}");
        }
    }

    /// Rows of two blocks and more, in which quotes hold what ends a row elsewhere.
    fn long_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            "b c",
            ",",
            ",",
            "\n",
            "\r\n",
            "\r",
            "\"",
            "\"",
            "\"\"",
            "\"x,\ny\"",
            "\u{e9}",
        ]);
        prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn quotes_end_where_the_csv_reader_says(text in long_text()) {
            // A row after the text is a row of its own exactly if the text ends outside quotes.
            let mut with_end = ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(format!("{text}\nEND\n").into_bytes().as_slice())
                .into_records()
                .map(Result::unwrap)
                .collect::<Vec<_>>();
            let is_outside = with_end.pop().is_some_and(|row| row.as_slice() == "END");
            prop_assert_eq!(ends_in_quotes(text.as_bytes(), b',', false), !is_outside);
        }

        #[test]
        fn blocks_hold_the_rows_of_the_whole(text in long_text(), end in long_text()) {
            let long = format!("{}\n{end}\n", format!("{text}\n").repeat(2_000_000 / text.len()));
            let whole = Block { line: 1, text: long.clone() };
            if let Ok(whole) = quoted_rows(Path::new(""), &whole, b',') {
                prop_assume!(!whole.is_empty());
                prop_assert_eq!(rows(&long, ',', true).unwrap(), whole);
            }
        }
    }
}
