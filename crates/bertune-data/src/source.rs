use std::fs;
use std::path::Path;

use crate::{DataError, TextEncoding};

/// The text of a file.
pub(crate) fn read_text(path: &Path, encoding: TextEncoding) -> Result<String, DataError> {
    if path.is_dir() {
        return Err(DataError::Folder { path: path.into() });
    }
    let bytes = fs::read(path).map_err(|source| DataError::Read {
        path: path.into(),
        source,
    })?;
    if let Some(kind) = binary_kind(&bytes) {
        return Err(DataError::Binary {
            path: path.into(),
            kind,
        });
    }
    let text = match encoding {
        TextEncoding::Utf8 => utf8(path, bytes)?,
        TextEncoding::Latin1 => encoding_rs::WINDOWS_1252
            .decode_without_bom_handling(&bytes)
            .0
            .into(),
    };
    if text.trim().is_empty() {
        return Err(DataError::Empty {
            path: path.into(),
            header: "",
        });
    }
    Ok(text)
}

/// Decodes, without the byte order mark that some programs write.
fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, DataError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..offset]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        DataError::NotUtf8 {
            path: path.into(),
            line,
            offset,
        }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// What a file that is no text looks like.
fn binary_kind(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], _); 7] = [
        (b"PAR1", "a parquet file"),
        (b"ARROW1", "an arrow file"),
        (b"PK\x03\x04", "a zip file (as .xlsx is)"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\xd0\xcf\x11\xe0", "an old Office file"),
        (b"\xff\xfe", "in UTF-16"),
        (b"\xfe\xff", "in UTF-16"),
    ];
    let magic = kinds
        .into_iter()
        .find(|(magic, _)| bytes.starts_with(magic));
    let binary = || {
        bytes[..bytes.len().min(8192)]
            .contains(&0)
            .then_some("a binary file")
    };
    magic.map(|(_, kind)| kind).or_else(binary)
}
