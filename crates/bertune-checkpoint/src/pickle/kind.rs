use std::collections::BTreeMap;
use std::path::Path;

use super::container::Container;
use super::{Problem, TensorRecord, legacy, zipped};
use crate::files::{length, open as open_file, read_range};

/// Reads the pickle of either kind of file: the zip archives that PyTorch has written since 1.6,
/// or the stream of pickles from before.
pub(super) fn open(path: &Path) -> Result<(BTreeMap<String, TensorRecord>, Container), Problem> {
    let file_length = length(&open_file(path)?, path)?;
    let start = read_range(path, 0..file_length.min(4))?;
    match start.as_slice() {
        b"PK\x03\x04" => zipped::open(path),
        [0x80, ..] => legacy::open(path),
        _ => Err(Problem::broken("it is neither a zip archive nor a pickle")),
    }
}
