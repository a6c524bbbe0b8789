use std::io;
use std::path::PathBuf;

use bertune_tokenize::{BertTokenizer, Encoding, Limits};
use sha2::{Digest, Sha256};

use crate::completeness::Completeness;
use crate::dataset::tokenize;
use crate::label_map::SeenLabels;
use crate::{DataError, Example, LabelMap, Layout, Table, TableFiles, Targets};

/// The rows of labelled files without their texts, which stay in the files until they are
/// tokenized: a corpus need not fit into memory.
#[derive(Debug)]
pub struct LabelledRows {
    files: TableFiles,
    targets: Targets,
    weights: Option<Vec<f32>>,
    texts: [u8; 32],
}

impl LabelMap {
    /// The labels of files: as [`LabelMap::of`] has them, but the rows are read and let go.
    ///
    /// # Errors
    ///
    /// Those of [`LabelMap::of`], and if a row has no text or no label.
    pub fn of_files(files: &TableFiles) -> Result<Self, DataError> {
        let (mut seen, mut completeness) = (SeenLabels::default(), Completeness::default());
        for table in files.tables() {
            let table = table?;
            completeness.add(&table);
            seen.add(&table);
        }
        completeness.check(files.shape())?;
        seen.label_map(files.shape())
    }
}

impl LabelledRows {
    /// Reads all rows, and keeps their targets and weights.
    ///
    /// # Errors
    ///
    /// If a row has no text, or no target that is among the labels.
    pub fn read(files: TableFiles, labels: &LabelMap) -> Result<Self, DataError> {
        let (mut targets, mut weights) = (Ok(Targets::None), Vec::new());
        let (mut texts, mut completeness) = (TextHasher::default(), Completeness::default());
        for table in files.tables() {
            let table = table?;
            completeness.add(&table);
            texts.add(&table);
            weights.extend(table.examples.iter().filter_map(|example| example.weight));
            targets = targets.and_then(|targets| {
                Targets::of(&table, labels).map(|more| Targets::joined(targets, more))
            });
        }
        completeness.check(files.shape())?;
        let targets = targets?;
        let weights = (weights.len() == targets.len()).then_some(weights);
        Ok(Self { files, targets, weights, texts: texts.finish() })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The files that they are in; at least one.
    pub fn paths(&self) -> &[PathBuf] {
        self.files.paths()
    }

    /// What was found out about the files.
    pub fn layout(&self) -> &Layout {
        self.files.layout()
    }

    /// What the rows are to be given.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How much each row counts, if there is a column that says it.
    pub(crate) fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The SHA-256 of all texts.
    pub(crate) fn texts(&self) -> &[u8; 32] {
        &self.texts
    }

    /// Reads the texts once more, and gives the tokens of each row to `take`.
    pub(crate) fn tokenize(
        &self,
        tokenizer: &BertTokenizer,
        limits: Limits,
        mut take: impl FnMut(Vec<Encoding>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut texts = TextHasher::default();
        for table in self.files.tables() {
            let table = table?;
            texts.add(&table);
            tokenize(tokenizer, limits, &table, &mut take)?;
        }
        if texts.finish() != self.texts {
            let source = io::Error::other("it has changed since it was first looked through");
            return Err(DataError::Read { path: self.files.shape().title(), source });
        }
        Ok(())
    }
}

/// The SHA-256 of texts that are given one after another.
#[derive(Default)]
struct TextHasher(Sha256);

impl TextHasher {
    fn add(&mut self, table: &Table) {
        for Example { text, text_pair, .. } in &table.examples {
            self.add_part(text.as_bytes());
            self.add_part(if text_pair.is_some() { b"pair" } else { b"single" });
            if let Some(pair) = text_pair {
                self.add_part(pair.as_bytes());
            }
        }
    }

    /// Each part is preceded by its length, so that no two lists of parts are the same bytes.
    fn add_part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
