use std::fs;
use std::path::Path;

use crate::{DataError, TextEncoding};

/// The text of a file.
pub(crate) fn read_text(path: &Path, encoding: TextEncoding) -> Result<String, DataError> {
    if path.is_dir() {
        return Err(DataError::Folder { path: path.into() });
    }
    let bytes = fs::read(path).map_err(|source| DataError::Read { path: path.into(), source })?;
    check_is_text(path, &bytes)?;
    let text = match encoding {
        TextEncoding::Utf8 => utf8(path, bytes)?,
        TextEncoding::Latin1 => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into()
        }
    };
    if text.trim().is_empty() {
        return Err(DataError::Empty { path: path.into(), header: "" });
    }
    // Lines of old Macintosh files end in a lone carriage return.
    if text.contains('\n') { Ok(text) } else { Ok(text.replace('\r', "\n")) }
}

/// Decodes, without the byte order mark that some programs write.
fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, DataError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        DataError::NotUtf8 { path: path.into(), line: line_of(error.as_bytes(), offset), offset }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Refuses a file that is no text, or text in UTF-16.
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
    match bytes.iter().position(|&byte| byte == 0) {
        Some(offset) if offset < 8192 => {
            Err(DataError::Binary { path, kind: "a binary file", advice: GIVE_TEXT })
        }
        Some(offset) => Err(DataError::Nul { path, line: line_of(bytes, offset) }),
        None => Ok(()),
    }
}

/// The line of a byte, from 1.
fn line_of(bytes: &[u8], offset: usize) -> usize {
    let breaks = bytes[..offset].iter().filter(|&&byte| byte == b'\n');
    1 + breaks.count()
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
