use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::TokenizeError;

/// Reads a file as JSON; a fault names the file, the line and the column.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, TokenizeError> {
    let bytes = read(path)?;
    serde_json::from_slice(&bytes).map_err(|source| json_error(path, source))
}

/// The same, or the default when there is no such file.
pub(crate) fn read_json_if_there<T>(path: &Path) -> Result<T, TokenizeError>
where
    T: DeserializeOwned + Default,
{
    match read_json(path) {
        Err(TokenizeError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(T::default())
        }
        result => result,
    }
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TokenizeError> {
    fs::read(path).map_err(|source| TokenizeError::Read { path: path.into(), source })
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TokenizeError> {
    let partial = path.with_extension("partial");
    write_synced(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .map_err(|source| TokenizeError::Write { path: path.into(), source })
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn json_error(path: &Path, source: serde_json::Error) -> TokenizeError {
    let (line, column) = (source.line(), source.column());
    let place = format!(" at line {line} column {column}");
    let reason = source.to_string().replace(&place, "");
    TokenizeError::Json { path: path.into(), line, column, reason, source }
}
