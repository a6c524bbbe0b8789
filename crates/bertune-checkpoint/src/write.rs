use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::files::write_error;
use crate::{CheckpointError, HostTensor};

/// Writes `model.safetensors` and `config.json` into a folder, in general that of a
/// [`StagedFolder`](crate::StagedFolder), which makes the whole appear at once.
///
/// # Panics
///
/// If a tensor has another number of values than its shape says.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_checkpoint(
    folder: &Path,
    tensors: &BTreeMap<String, HostTensor>,
    config: &Map<String, Value>,
) -> Result<(), CheckpointError> {
    write_safetensors(&folder.join("model.safetensors"), tensors)?;
    write_json(&folder.join("config.json"), config)
}

/// Writes a JSON file for people to read too.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CheckpointError> {
    let json = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    let write = |json: Vec<u8>| std::fs::write(path, [json.as_slice(), b"\n"].concat());
    json.and_then(write).map_err(|source| write_error(path, source))
}

/// Writes tensors as f32 into one file.
///
/// # Panics
///
/// If a tensor has another number of values than its shape says.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_safetensors(
    path: &Path,
    tensors: &BTreeMap<String, HostTensor>,
) -> Result<(), CheckpointError> {
    write_tensors(path, tensors).map_err(|source| write_error(path, source))
}

/// A tensor at a time, so that the numbers are never in memory a second time as a whole.
fn write_tensors(path: &Path, tensors: &BTreeMap<String, HostTensor>) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let header = header(tensors)?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for tensor in tensors.values() {
        let bytes: Vec<_> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes)?;
    }
    file.flush()
}

/// JSON, filled up with spaces so that the numbers are aligned.
fn header(tensors: &BTreeMap<String, HostTensor>) -> std::io::Result<Vec<u8>> {
    let mut end = 0;
    let infos = tensors.iter().map(|(name, tensor)| {
        let elements = tensor.shape.iter().product::<usize>();
        assert_eq!(tensor.values.len(), elements, "`{name}` has the shape {:?}", tensor.shape);
        let start = end;
        end += elements * size_of::<f32>();
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: tensor.shape.clone(),
            data_offsets: (start, end),
        };
        (name.clone(), info)
    });
    // Without this format, transformers refuses the file.
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let metadata = Metadata::new(Some(format), infos.collect()).map_err(std::io::Error::other)?;
    let mut json = serde_json::to_vec(&metadata)?;
    json.resize(json.len().next_multiple_of(8), b' ');
    Ok(json)
}
