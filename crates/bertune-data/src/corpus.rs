use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bertune_tokenize::{BertTokenizer, Encoding};
use flate2::read::MultiGzDecoder;

use crate::flat_tokens::FlatTokens;
use crate::token_store::TokenStore;
use crate::{CorpusError, DataError, Dataset};

/// Raw text to learn a language from: files of UTF-8, packed by gzip or not, with a blank line
/// between documents.
#[derive(Clone, Debug)]
pub struct Corpus {
    files: Vec<PathBuf>,
    part: Part,
}

/// Which documents count.
#[derive(Clone, Copy, Debug)]
enum Part {
    All,
    /// Every so manyth.
    HeldOut(usize),
    /// The others.
    Rest(usize),
}

impl Part {
    fn has(self, document: usize) -> bool {
        match self {
            Self::All => true,
            Self::HeldOut(every) => (document + 1).is_multiple_of(every),
            Self::Rest(every) => !(document + 1).is_multiple_of(every),
        }
    }
}

/// The lines of one document.
pub type Document = Vec<String>;

impl Corpus {
    /// The text of these files, one after another.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files, part: Part::All }
    }

    /// The corpus without every `every`th document, and those documents.
    ///
    /// # Panics
    ///
    /// If `every` is 0.
    pub fn holding_out_every(self, every: usize) -> (Self, Self) {
        assert!(every > 0, "every first document at least");
        let held_out = Self { part: Part::HeldOut(every), ..self.clone() };
        (Self { part: Part::Rest(every), ..self }, held_out)
    }

    /// The files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// All documents, in order, as they are read.
    ///
    /// An item is an error if a file cannot be read, or is no UTF-8; the documents end there.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document, DataError>> + Send + '_ {
        let (mut failed, part) = (false, self.part);
        let documents = self.files.iter().flat_map(|file| Documents::open(file)).enumerate();
        let documents = documents.filter(move |(i, document)| document.is_err() || part.has(*i));
        let documents = documents.map(|(_, document)| document);
        documents.take_while(move |document| !std::mem::replace(&mut failed, document.is_err()))
    }

    /// The documents as full sequences: `[CLS]`, as many tokens as there is room for, `[SEP]`. A
    /// sequence goes on over the end of a document, where another `[SEP]` stands
    /// ([Liu et al., 2019](https://arxiv.org/abs/1907.11692), full-sentences); the last is shorter.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, there is no word in any, or there is no room for one.
    pub fn packed(
        &self,
        tokenizer: &BertTokenizer,
        max_length: usize,
    ) -> Result<Dataset, DataError> {
        let mut packer = Packer::new(tokenizer, max_length)?;
        let mut lines = Vec::new();
        for document in self.documents() {
            lines.extend(document?);
            // The end of a document.
            lines.push(String::new());
            if lines.len() >= CHUNK {
                packer.add(&std::mem::take(&mut lines))?;
            }
        }
        packer.add(&lines)?;
        packer.finish().ok_or_else(|| CorpusError::NoWords { paths: self.files.clone() }.into())
    }
}

/// Lines that are tokenized at once.
const CHUNK: usize = 4096;

/// The documents of one file.
struct Documents {
    path: PathBuf,
    lines: Result<Box<dyn BufRead + Send>, Option<DataError>>,
    line: usize,
}

impl Documents {
    fn open(path: &Path) -> Self {
        Self { path: path.into(), lines: open(path).map_err(Some), line: 0 }
    }

    /// The next line without its end; `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<String>, DataError> {
        let lines = match &mut self.lines {
            Ok(lines) => lines,
            Err(error) => return error.take().map_or(Ok(None), Err),
        };
        let mut bytes = Vec::new();
        let read = lines.read_until(b'\n', &mut bytes);
        let path = self.path.clone();
        self.line += 1;
        match read {
            Err(source) if is_of_gzip(&source) => Err(CorpusError::Gzip { path, source }.into()),
            Err(source) => Err(DataError::Read { path, source }),
            Ok(0) => Ok(None),
            Ok(_) => match String::from_utf8(bytes) {
                Ok(line) => Ok(Some(line.trim().to_owned())),
                Err(_) => Err(CorpusError::NotUtf8Text { path, line: self.line }.into()),
            },
        }
    }
}

impl Iterator for Documents {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut document = Document::new();
        loop {
            match self.next_line() {
                Err(error) => return Some(Err(error)),
                Ok(Some(line)) if !line.is_empty() => document.push(line),
                Ok(Some(_)) if document.is_empty() => {}
                Ok(None) if document.is_empty() => return None,
                Ok(_) => return Some(Ok(document)),
            }
        }
    }
}

/// A file's text, unpacked if it begins as gzip does.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, DataError> {
    let error = |source| DataError::Read { path: path.into(), source };
    if path.is_dir() {
        return Err(DataError::Folder { path: path.into() });
    }
    let mut file = BufReader::new(File::open(path).map_err(error)?);
    let is_packed = file.fill_buf().map_err(error)?.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn Read + Send> =
        if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(BufReader::with_capacity(1 << 16, text)))
}

/// Whether unpacking failed, and not reading.
fn is_of_gzip(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// Fills sequences.
struct Packer<'a> {
    tokenizer: &'a BertTokenizer,
    room: usize,
    waiting: Vec<u32>,
    packed: FlatTokens,
}

impl<'a> Packer<'a> {
    fn new(tokenizer: &'a BertTokenizer, max_length: usize) -> Result<Self, DataError> {
        match max_length.checked_sub(2).filter(|room| *room > 0) {
            Some(room) => {
                Ok(Self { tokenizer, room, waiting: Vec::new(), packed: FlatTokens::default() })
            }
            None => Err(CorpusError::NoRoom { max_length }.into()),
        }
    }

    /// Adds lines; an empty one ends a document.
    fn add(&mut self, lines: &[String]) -> Result<(), DataError> {
        let (_, sep) = self.tokenizer.around();
        for (ids, line) in self
            .tokenizer
            .encode_plain_batch(lines)
            .map_err(DataError::Tokenizer)?
            .into_iter()
            .zip(lines)
        {
            match line.is_empty() {
                false => self.waiting.extend(ids),
                true if self.waiting.last().is_none_or(|&id| id == sep) => {}
                true => self.waiting.push(sep),
            }
        }
        let full = self.waiting.len() / self.room * self.room;
        let rest = self.waiting.split_off(full);
        let full = std::mem::replace(&mut self.waiting, rest);
        full.chunks(self.room).for_each(|body| self.push(body));
        Ok(())
    }

    fn push(&mut self, body: &[u32]) {
        let (cls, sep) = self.tokenizer.around();
        let input_ids = [&[cls], body, &[sep]].concat();
        let token_type_ids = vec![0; input_ids.len()];
        self.packed.push(&[Encoding { input_ids, token_type_ids, offsets: Vec::new() }]);
    }

    /// All sequences; `None` if there is not a single token.
    fn finish(mut self) -> Option<Dataset> {
        let (_, sep) = self.tokenizer.around();
        let mut rest = std::mem::take(&mut self.waiting);
        rest.pop_if(|id| *id == sep);
        if !rest.is_empty() {
            self.push(&rest);
        }
        let is_empty = self.packed.example_ends.is_empty();
        (!is_empty).then(|| Dataset::of_tokens(TokenStore::in_memory(self.packed)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bertune_tokenize::VocabSettings;
    use flate2::write::GzEncoder;

    use super::*;

    fn tokenizer(folder: &Path) -> BertTokenizer {
        let path = folder.join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\n##e\n").unwrap();
        BertTokenizer::from_vocab(&path, &VocabSettings::default()).unwrap()
    }

    fn packed(text: &[u8], max_length: usize) -> Result<Vec<Vec<u32>>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, text).unwrap();
        let dataset = Corpus::new(vec![path]).packed(&tokenizer(folder.path()), max_length)?;
        let ids = (0..dataset.len()).map(|example| {
            dataset.sequences(example).flat_map(|sequence| sequence.input_ids.to_vec()).collect()
        });
        Ok(ids.collect())
    }

    #[test]
    fn documents_fill_sequences_one_after_another() {
        let text = b"\n\na b\nc\n\n\nd ae\n\nb\n";
        let expected = vec![vec![2, 5, 6, 7, 3], vec![2, 3, 8, 5, 3], vec![2, 9, 3, 6, 3]];
        assert_eq!(packed(text, 5).unwrap(), expected);
        assert_eq!(packed(text, 512).unwrap(), [[2, 5, 6, 7, 3, 8, 5, 9, 3, 6, 3]]);
    }

    #[test]
    fn gzip_is_unpacked() {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"a b c").unwrap();
        let whole = gzip.finish().unwrap();
        assert_eq!(packed(&whole, 9).unwrap(), [[2, 5, 6, 7, 3]]);
        for damaged in [&whole[..whole.len() - 6], &[&whole[..], b"more"].concat()] {
            let error = packed(damaged, 9).unwrap_err().to_string();
            assert!(error.contains("the gzip file is cut off or damaged"), "{error}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let message = |text: &[u8], length| packed(text, length).unwrap_err().to_string();
        assert!(message(b"a\nb \xff\n", 9).contains("line 2"));
        assert!(message(b"\n \n", 9).contains("no word"));
        assert!(message(b"a", 2).contains("2"));
        assert!(message(&[0x1f, 0x8b, 8, 0, 1], 9).contains("gzip file is cut off"));
    }
}
