use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::container::Container;
use super::{MAX_PICKLE_BYTES, Problem, TensorRecord, machine, state_dict};
use crate::files::{length, open as open_file, read_range};

/// Reads the archives that PyTorch writes since 1.6: `data.pkl`, and a file for each storage.
pub(super) fn open(path: &Path) -> Result<(BTreeMap<String, TensorRecord>, Container), Problem> {
    let entries = entries(path)?;
    let Some((root, pickle)) =
        entries.iter().find_map(|(name, range)| Some((name.strip_suffix("data.pkl")?, range)))
    else {
        return Err(Problem::broken("the archive holds no data.pkl"));
    };
    check_byte_order(path, entries.get(&format!("{root}byteorder")))?;
    if pickle.end - pickle.start > MAX_PICKLE_BYTES {
        return Err(Problem::broken("its data.pkl is too large"));
    }
    let objects = machine::load(&read_range(path, pickle.clone())?)?;
    let prefix = format!("{root}data/");
    let storage = |(name, range): (&String, &Range<u64>)| {
        Some((name.strip_prefix(&prefix)?.to_owned(), range.clone()))
    };
    let container = Container { storages: entries.iter().filter_map(storage).collect() };
    Ok((state_dict::tensors(&objects)?, container))
}

fn check_byte_order(path: &Path, entry: Option<&Range<u64>>) -> Result<(), Problem> {
    match entry {
        Some(range)
            if read_range(path, range.start..range.end.min(range.start + 8))? != b"little" =>
        {
            Err(Problem::broken("its numbers are big-endian"))
        }
        _ => Ok(()),
    }
}

/// Where each entry's bytes lie. PyTorch stores them as they are; a compressed entry could
/// unpack to any size, and is refused.
fn entries(path: &Path) -> Result<BTreeMap<String, Range<u64>>, Problem> {
    let file = open_file(path)?;
    let file_length = length(&file, path)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_problem)?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let (name, range) = entry(&mut archive, index, file_length)?;
        entries.insert(name, range);
    }
    Ok(entries)
}

fn entry(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    file_length: u64,
) -> Result<(String, Range<u64>), Problem> {
    let entry = archive.by_index_raw(index).map_err(zip_problem)?;
    let name = entry.name().to_owned();
    let is_plain = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
    if !is_plain || entry.size() != entry.compressed_size() {
        let name = name.escape_debug();
        return Err(Problem::broken(format!("the archive's entry `{name}` is compressed")));
    }
    let range = entry.data_start().and_then(|start| Some(start..start.checked_add(entry.size())?));
    match range {
        Some(range) if range.end <= file_length => Ok((name, range)),
        _ => Err(Problem::broken(format!(
            "the archive's entry `{}` breaks off",
            name.escape_debug()
        ))),
    }
}

fn zip_problem(error: ZipError) -> Problem {
    Problem::broken(format!("its zip archive is damaged: {error}"))
}
