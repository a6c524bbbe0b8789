use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{DataError, TextEncoding};

/// A file of text, looked through once, which can be read in blocks as often as it is wanted.
#[derive(Debug)]
pub(crate) struct TextFile {
    path: PathBuf,
    /// What a pipe gave, which can be read only once.
    kept: Option<NamedTempFile>,
    encoding: TextEncoding,
    /// What ends a line: in old Macintosh files, which have nothing else, a carriage return.
    line_end: u8,
}

/// Some whole lines, each with a line feed at its end.
#[derive(Debug)]
pub(crate) struct Block {
    /// The number of the first, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of a block, about.
const BLOCK: usize = 1 << 20;

impl TextFile {
    /// Refuses a file that is empty, or is no text in this encoding.
    pub(crate) fn open(path: &Path, encoding: TextEncoding) -> Result<Self, DataError> {
        if path.is_dir() {
            return Err(DataError::Folder { path: path.into() });
        }
        let kept = keep(path).map_err(|source| DataError::Read { path: path.into(), source })?;
        let mut file = Self { path: path.into(), kept, encoding, line_end: b'\n' };
        file.line_end = file.look_through()?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The lines, many at a time. A block ends with a line of which `ends_row` says that a row ends
    /// there; it is asked of every line, in order.
    pub(crate) fn blocks(
        &self,
        mut ends_row: impl FnMut(&[u8]) -> bool,
    ) -> Result<impl Iterator<Item = Result<Block, DataError>>, DataError> {
        let (mut reader, mut next) = self.reader()?;
        let mut block = move || {
            let (start, mut bytes, mut is_whole) = (next, Vec::new(), true);
            while bytes.len() < BLOCK || !is_whole {
                let read = bytes.len();
                let more = reader.read_until(self.line_end, &mut bytes);
                if more.map_err(|source| self.unreadable(source))? == 0 {
                    break;
                }
                is_whole = ends_row(&bytes[read..]);
                next.line += 1;
            }
            next.offset += bytes.len();
            let is_end = bytes.is_empty();
            let text = self.decode(bytes, start)?;
            Ok((!is_end).then_some(Block { line: start.line, text }))
        };
        Ok(std::iter::from_fn(move || block().transpose()))
    }

    /// The file from its beginning, or from behind the byte order mark that some programs write.
    fn reader(&self) -> Result<(BufReader<File>, Place), DataError> {
        let failed = |source| self.unreadable(source);
        let path = self.kept.as_ref().map_or(self.path.as_path(), NamedTempFile::path);
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
        let is_marked = reader.fill_buf().map_err(failed)?.starts_with(BYTE_ORDER_MARK)
            && self.encoding == TextEncoding::Utf8;
        let offset = if is_marked { BYTE_ORDER_MARK.len() } else { 0 };
        reader.consume(offset);
        Ok((reader, Place { line: 1, offset }))
    }

    fn unreadable(&self, source: io::Error) -> DataError {
        DataError::Read { path: self.path.clone(), source }
    }

    /// Looks whether all of it is text, and finds what ends its lines.
    fn look_through(&self) -> Result<u8, DataError> {
        let failed = |source| self.unreadable(source);
        let (mut reader, mut next) = self.reader()?;
        check_is_text(&self.path, reader.fill_buf().map_err(failed)?)?;
        let (mut line_end, mut is_blank) = (b'\r', true);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line).map_err(failed)? {
                0 if is_blank => return Err(empty(&self.path)),
                0 => return Ok(line_end),
                _ if line.contains(&0) => return Err(self.nul(next.line)),
                _ => {}
            }
            if line.ends_with(b"\n") {
                line_end = b'\n';
            }
            let length = line.len();
            is_blank &= self.decode(line, next)?.trim().is_empty();
            next = Place { line: next.line + 1, offset: next.offset + length };
        }
    }

    fn nul(&self, line: usize) -> DataError {
        DataError::Nul { path: self.path.clone(), line }
    }

    /// The text of whole lines that begin at this place.
    fn decode(&self, bytes: Vec<u8>, place: Place) -> Result<String, DataError> {
        let text = match self.encoding {
            TextEncoding::Utf8 => utf8(&self.path, bytes, place)?,
            TextEncoding::Latin1 => {
                encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into()
            }
        };
        Ok(if self.line_end == b'\n' { text } else { text.replace('\r', "\n") })
    }
}

/// Where bytes of a file begin.
#[derive(Clone, Copy)]
struct Place {
    /// From 1.
    line: usize,
    /// From 0.
    offset: usize,
}

fn utf8(path: &Path, bytes: Vec<u8>, place: Place) -> Result<String, DataError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let breaks = error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        let (line, offset) = (place.line + breaks, place.offset + valid);
        DataError::NotUtf8 { path: path.into(), line, offset }
    })
}

/// A copy of what a pipe gives.
fn keep(path: &Path) -> io::Result<Option<NamedTempFile>> {
    if fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut kept = NamedTempFile::new()?;
    io::copy(&mut File::open(path)?, kept.as_file_mut())?;
    Ok(Some(kept))
}

/// Refuses a file that by its first bytes is no text, or text in UTF-16.
fn check_is_text(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let path = path.into();
    let has = |place: usize, mark: &[u8]| bytes.get(place..).is_some_and(|b| b.starts_with(mark));
    let known = KINDS.iter().find(|&&(place, mark, ..)| has(place, mark));
    if let Some(&(.., kind, advice)) = known {
        return Err(DataError::Binary { path, kind, advice });
    }
    if has(0, b"\xff\xfe") || has(0, b"\xfe\xff") {
        return Err(DataError::Utf16 { path });
    }
    match bytes.iter().take(8192).any(|&byte| byte == 0) {
        true => Err(DataError::Binary { path, kind: "a binary file", advice: GIVE_TEXT }),
        false => Ok(()),
    }
}

fn empty(path: &Path) -> DataError {
    DataError::Empty { path: path.into(), header: "" }
}

const GIVE_TEXT: &str = "give a csv, tsv or jsonl file";
const UNPACK: &str = "unpack it first";
const SAVE_SHEET: &str = "save the sheet as csv, or unpack the file first";

/// Files that are often taken for tables: the place of their mark, the mark, what they are, and
/// what to do.
const KINDS: [(usize, &[u8], &str, &str); 10] = [
    (0, b"PAR1", "a parquet file", "say --format parquet"),
    (0, b"ARROW1", "an arrow file", "say --format arrow"),
    (0, b"SQLite format 3\0", "a database", GIVE_TEXT),
    (0, b"%PDF-", "a PDF file", GIVE_TEXT),
    (0, b"PK\x03\x04", "a zip file (as .xlsx is)", SAVE_SHEET),
    (0, b"\xd0\xcf\x11\xe0", "an old Office file", SAVE_SHEET),
    (0, b"\x1f\x8b", "a gzip file", UNPACK),
    (4, b"1AY&SY", "a bzip2 file", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz file", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
];
