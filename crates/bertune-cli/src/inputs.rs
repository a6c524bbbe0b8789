use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use bertune::data::{Labels, Table, TableFiles, TableFormat};
use bertune::predict::OwnedInput as Input;

use crate::args::TableArgs;

/// Texts to classify, in order, read as they are wanted.
pub(crate) struct Inputs {
    source: Source,
    with_pairs: bool,
}

enum Source {
    Rows(Rows<'static>),
    Files(TableFiles),
}

type Rows<'a> = Box<dyn Iterator<Item = anyhow::Result<Input>> + 'a>;

impl Inputs {
    /// The texts of the arguments.
    pub(crate) fn of_arguments(texts: &[String], pair: Option<&str>) -> Self {
        let rows: Vec<Input> =
            texts.iter().map(|text| (text.clone(), pair.map(String::from))).collect();
        Self::new(rows.into_iter().map(Ok), pair.is_some())
    }

    /// The rows of a table.
    pub(crate) fn of_file(path: &Path, flags: &TableArgs) -> anyhow::Result<Self> {
        let mut format = TableFormat::default();
        flags.apply(&mut format);
        let files = TableFiles::open(&[path], &format, Labels::Optional)?;
        // A fault far down must not be found when half of the result is written.
        files.tables().try_for_each(|table| table.map(drop))?;
        let with_pairs = files.layout().text_pair.is_some();
        Ok(Self { source: Source::Files(files), with_pairs })
    }

    /// The lines of standard input, of which there must be one.
    pub(crate) fn of_standard_input() -> anyhow::Result<Self> {
        let nothing =
            "there is nothing to classify; give texts as arguments, by --file or on standard input";
        if io::stdin().is_terminal() {
            bail!(nothing);
        }
        let mut rows = lines(io::stdin().lock()).peekable();
        if rows.peek().is_none() {
            bail!(nothing);
        }
        Ok(Self::new(rows.map(|line| Ok((line?, None))), false))
    }

    fn new(rows: impl Iterator<Item = anyhow::Result<Input>> + 'static, with_pairs: bool) -> Self {
        Self { source: Source::Rows(Box::new(rows)), with_pairs }
    }

    /// Whether these are pairs.
    pub(crate) fn with_pairs(&self) -> bool {
        self.with_pairs
    }

    /// The texts, up to `size` at a time; once only.
    pub(crate) fn chunks(
        &mut self,
        size: usize,
    ) -> impl Iterator<Item = anyhow::Result<Vec<Input>>> {
        let mut rows: Rows<'_> = match &mut self.source {
            Source::Rows(rows) => Box::new(rows),
            Source::Files(files) => Box::new(files.tables().flat_map(|table| match table {
                Ok(table) => texts(table).map(Ok).collect(),
                Err(error) => vec![Err(error.into())],
            })),
        };
        std::iter::from_fn(move || {
            let chunk: anyhow::Result<Vec<_>> = rows.by_ref().take(size).collect();
            match chunk {
                Ok(chunk) if chunk.is_empty() => None,
                chunk => Some(chunk),
            }
        })
    }
}

fn texts(table: Table) -> impl Iterator<Item = Input> {
    table.examples.into_iter().map(|example| (example.text, example.text_pair))
}

/// Lines without their ends; an error names the line.
fn lines(reader: impl BufRead) -> impl Iterator<Item = anyhow::Result<String>> {
    reader.split(b'\n').enumerate().map(|(i, line)| {
        let mut line = line.context("cannot read standard input")?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let line = line
            .strip_prefix(b"\xef\xbb\xbf")
            .filter(|_| i == 0)
            .map(<[u8]>::to_vec)
            .unwrap_or(line);
        String::from_utf8(line)
            .with_context(|| format!("standard input, line {}: not UTF-8", i + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> Vec<Result<String, String>> {
        lines(bytes).map(|line| line.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn a_line_is_a_text_without_its_end() {
        let texts = ["a", "", "b"].map(|text| Ok(text.to_owned()));
        assert_eq!(read(b"\xef\xbb\xbfa\r\n\nb"), texts);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_named() {
        let error = "standard input, line 2: not UTF-8".to_owned();
        assert_eq!(read(b"a\nb\xff\n")[1], Err(error));
    }

    #[test]
    fn chunks_hold_every_text_once() {
        let texts = ["a", "b", "c"].map(String::from);
        let chunks: Vec<_> = Inputs::of_arguments(&texts, None)
            .chunks(2)
            .map(|chunk| chunk.unwrap().len())
            .collect();
        assert_eq!(chunks, [2, 1]);
    }
}
