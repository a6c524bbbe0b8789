use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::files::{read_error, write_error};
use crate::weights::WEIGHT_FILES;
use crate::write::{say_dtype, write_tensors};
use crate::{Checkpoint, CheckpointError, Dtype, HostTensor, write_json};

/// Writes a checkpoint into a folder, in general that of a [`StagedFolder`](crate::StagedFolder),
/// with its numbers in another format, all in one `model.safetensors`. The other files of the folder
/// are copied, without those in folders below it.
///
/// Tensors of integers, which are no parameters, are left out.
///
/// # Errors
///
/// If a file cannot be read or written, or if a number is too large for the format.
pub fn convert(
    checkpoint: &Checkpoint,
    folder: &Path,
    dtype: Dtype,
) -> Result<(), CheckpointError> {
    let mut tensors = BTreeMap::new();
    for name in checkpoint.names() {
        match checkpoint.tensor(name) {
            Ok(tensor) => {
                check_range(checkpoint.folder(), name, &tensor, dtype)?;
                tensors.insert(name.to_owned(), tensor);
            }
            Err(CheckpointError::ElementType { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    write_tensors(&folder.join("model.safetensors"), &tensors, dtype)?;
    let mut config = checkpoint.config_json().clone();
    say_dtype(&mut config, dtype);
    write_json(&folder.join("config.json"), &config)?;
    copy_others(checkpoint.folder(), folder)
}

fn check_range(
    folder: &Path,
    name: &str,
    tensor: &HostTensor,
    dtype: Dtype,
) -> Result<(), CheckpointError> {
    match tensor.values.iter().find(|value| !dtype.holds(**value)) {
        None => Ok(()),
        Some(&value) => Err(CheckpointError::OutOfRange {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
            value,
        }),
    }
}

fn copy_others(from: &Path, to: &Path) -> Result<(), CheckpointError> {
    let unreadable = |source| read_error(from, source);
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else { continue };
        if !is_written_anew(Path::new(name)) {
            let copy = to.join(name);
            fs::copy(&path, &copy).map_err(|source| write_error(&copy, source))?;
        }
    }
    Ok(())
}

/// Whether a file holds weights, or speaks of them.
fn is_written_anew(name: &Path) -> bool {
    let is_weights = |extension| extension == "safetensors" || extension == "bin";
    name == "config.json"
        || WEIGHT_FILES.iter().any(|file| name == *file)
        || name.extension().is_some_and(is_weights)
}
