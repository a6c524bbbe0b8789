use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::CheckpointError;

/// The text files of a checkpoint are small; a larger one is not what it says.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// The bytes of a JSON file.
pub(crate) fn read_json_file(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let file = open(path)?;
    let length = length(&file, path)?;
    if length > MAX_JSON_BYTES {
        let message = format!("{length} bytes are too many for a JSON file");
        return Err(read_error(path, std::io::Error::other(message)));
    }
    let mut bytes = Vec::new();
    file.take(MAX_JSON_BYTES).read_to_end(&mut bytes).map_err(|source| read_error(path, source))?;
    Ok(bytes)
}

/// Reads JSON; an error names the file, the key, the line and the column.
pub(crate) fn parse_json<'a, T: serde::Deserialize<'a>>(
    path: &Path,
    bytes: &'a [u8],
) -> Result<T, CheckpointError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let at = |key: String, source| CheckpointError::Json { file: path.to_path_buf(), key, source };
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| at(error.path().to_string(), error.into_inner()))?;
    json.end().map_err(|source| at(String::new(), source))?;
    Ok(value)
}

/// The bytes of a part of a file whose length has been checked.
pub(crate) fn read_range(path: &Path, range: Range<u64>) -> Result<Vec<u8>, CheckpointError> {
    let mut file = open(path)?;
    read_from(&mut file, range).map_err(|source| read_error(path, source))
}

fn read_from(file: &mut File, range: Range<u64>) -> std::io::Result<Vec<u8>> {
    let length = range.end.saturating_sub(range.start);
    if range.end > file.metadata()?.len() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let length = usize::try_from(length).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(range.start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn open(path: &Path) -> Result<File, CheckpointError> {
    File::open(path).map_err(|source| read_error(path, source))
}

pub(crate) fn length(file: &File, path: &Path) -> Result<u64, CheckpointError> {
    Ok(file.metadata().map_err(|source| read_error(path, source))?.len())
}

pub(crate) fn read_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Read { path: path.to_path_buf(), source }
}

pub(crate) fn write_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Write { path: path.to_path_buf(), source }
}
