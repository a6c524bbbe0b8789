use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::files::write_error;
use crate::{CheckpointError, Dtype, HostTensor};

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
    let mut config = config.clone();
    if config.contains_key("dtype") || config.contains_key("torch_dtype") {
        // It may come from a checkpoint of half precision, and these weights are of single.
        say_dtype(&mut config, Dtype::F32);
    }
    write_json(&folder.join("config.json"), &config)
}

/// Says in a `config.json` what the weights beside it are stored in, as transformers 5 does.
pub(crate) fn say_dtype(config: &mut Map<String, Value>, dtype: Dtype) {
    config.shift_remove("torch_dtype");
    config.insert("dtype".into(), dtype.name().into());
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
    write_tensors(path, tensors, Dtype::F32)
}

/// A tensor at a time, so that the numbers are never in memory a second time as a whole.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &BTreeMap<String, HostTensor>,
    dtype: Dtype,
) -> Result<(), CheckpointError> {
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        let header = header(tensors, dtype)?;
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for tensor in tensors.values() {
            file.write_all(&dtype.bytes(&tensor.values))?;
        }
        file.flush()
    };
    write().map_err(|source| write_error(path, source))
}

/// JSON, filled up with spaces so that the numbers are aligned.
fn header(tensors: &BTreeMap<String, HostTensor>, dtype: Dtype) -> std::io::Result<Vec<u8>> {
    let mut end = 0;
    let infos = tensors.iter().map(|(name, tensor)| {
        let elements = tensor.shape.iter().product::<usize>();
        assert_eq!(tensor.values.len(), elements, "`{name}` has the shape {:?}", tensor.shape);
        let start = end;
        end += elements * dtype.size();
        let info = TensorInfo {
            dtype: dtype.stored(),
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
