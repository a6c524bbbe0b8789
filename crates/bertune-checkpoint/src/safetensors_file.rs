use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::element_type::ElementType;
use crate::files::{length, open, read_range};
use crate::{CheckpointError, HostTensor};

/// The format's own limit on the header.
const MAX_HEADER_BYTES: u64 = 100_000_000;
const LENGTH_BYTES: u64 = 8;

/// A safetensors file: the header in memory, the numbers on disk until they are wanted.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    path: PathBuf,
    tensors: BTreeMap<String, TensorInfo>,
    data_start: u64,
}

impl SafetensorsFile {
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let broken =
            |problem: String| CheckpointError::Safetensors { file: path.to_path_buf(), problem };
        let file_length = length(&open(path)?, path)?;
        let data_start = data_start(path, file_length)?;
        let header = read_range(path, LENGTH_BYTES..data_start)?;
        // Shapes, offsets, gaps and overlaps are checked by the crate.
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|error| broken(error.to_string()))?;
        let expected = data_start.saturating_add(header.data_len() as u64);
        if expected != file_length {
            return Err(broken(format!(
                "its header describes {expected} bytes, the file has {file_length}"
            )));
        }
        let tensors = header.tensors().into_iter();
        Ok(Self {
            path: path.to_path_buf(),
            tensors: tensors.map(|(name, info)| (name, info.clone())).collect(),
            data_start,
        })
    }

    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, info)| (name.as_str(), info.shape.as_slice()))
    }

    /// `None` if there is no such tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<Result<HostTensor, CheckpointError>> {
        let info = self.tensors.get(name)?;
        Some(self.read(name, info))
    }

    fn read(&self, name: &str, info: &TensorInfo) -> Result<HostTensor, CheckpointError> {
        let wrong_type = |_| CheckpointError::ElementType {
            file: self.path.clone(),
            name: name.to_owned(),
            element_type: info.dtype.to_string(),
        };
        let element_type = element_type(info.dtype);
        if matches!(element_type, ElementType::Other { .. }) {
            return Err(wrong_type(""));
        }
        let (start, end) = info.data_offsets;
        let range = self.data_start + start as u64..self.data_start + end as u64;
        let bytes = read_range(&self.path, range)?;
        Ok(HostTensor {
            shape: info.shape.clone(),
            values: element_type.widen(&bytes).map_err(wrong_type)?,
        })
    }
}

/// All tensors of one file, widened to f32.
///
/// # Errors
///
/// If the file cannot be read, or is damaged.
pub fn read_safetensors(path: &Path) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    let file = SafetensorsFile::open(path)?;
    let tensors = file.tensors.iter();
    tensors.map(|(name, info)| Ok((name.clone(), file.read(name, info)?))).collect()
}

fn data_start(path: &Path, file_length: u64) -> Result<u64, CheckpointError> {
    let broken =
        |problem: String| CheckpointError::Safetensors { file: path.to_path_buf(), problem };
    if file_length < LENGTH_BYTES {
        return Err(broken(format!("it has only {file_length} bytes")));
    }
    let bytes = read_range(path, 0..LENGTH_BYTES)?;
    let header_length = bytes.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if header_length > MAX_HEADER_BYTES.min(file_length - LENGTH_BYTES) {
        return Err(broken(format!(
            "it announces a header of {header_length} bytes, the file has {file_length}"
        )));
    }
    Ok(LENGTH_BYTES + header_length)
}

fn element_type(dtype: Dtype) -> ElementType {
    match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        _ => ElementType::Other { name: "", size: 0 },
    }
}
