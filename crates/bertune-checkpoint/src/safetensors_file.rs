use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bertune_mapped::MappedFile;
use burn_core::tensor::{AllocationProperty, Bytes, DType, TensorData};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::access::Access;
use crate::element_type::ElementType;
use crate::files::{length, open, read_error, read_range};
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
    mapped: Option<Mapped>,
}

impl SafetensorsFile {
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self, CheckpointError> {
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
        let mapped = match access {
            Access::Read => None,
            Access::Map => Some(Mapped::open(path)?),
        };
        if mapped.as_ref().is_some_and(|mapped| mapped.bytes.len() as u64 != file_length) {
            return Err(CheckpointError::Changed { path: path.to_path_buf() });
        }
        let tensors = header.tensors().into_iter();
        Ok(Self {
            path: path.to_path_buf(),
            tensors: tensors.map(|(name, info)| (name, info.clone())).collect(),
            data_start,
            mapped,
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

    /// A tensor in the mapped file, if its numbers are as this machine computes with them.
    pub(crate) fn in_place(&self, name: &str) -> Option<TensorData> {
        let (info, mapped) = (self.tensors.get(name)?, self.mapped.as_ref()?);
        let start = usize::try_from(self.data_start).ok()?;
        let (from, to) = info.data_offsets;
        let range = start.checked_add(from)?..start.checked_add(to)?;
        let is_ours = info.dtype == Dtype::F32 && cfg!(target_endian = "little");
        // `slice` panics beyond the end; an address that no f32 may have is copied elsewhere.
        if !is_ours || range.is_empty() || range.end > mapped.bytes.len() {
            return None;
        }
        let bytes = mapped.bytes.slice(range);
        if !bytes.as_ptr().cast::<f32>().is_aligned() {
            return None;
        }
        let bytes = Bytes::from_shared(bytes, AllocationProperty::File);
        Some(TensorData::from_bytes(bytes, info.shape.clone(), DType::F32))
    }

    pub(crate) fn check_unchanged(&self) -> Result<(), CheckpointError> {
        let Some(mapped) = &self.mapped else { return Ok(()) };
        match mapped.file.is_unchanged() {
            Ok(true) => Ok(()),
            Ok(false) => Err(CheckpointError::Changed { path: self.path.clone() }),
            Err(source) => Err(read_error(&self.path, source)),
        }
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

/// A file in memory, and the memory as tensors share it.
#[derive(Debug)]
struct Mapped {
    file: Arc<MappedFile>,
    bytes: bytes::Bytes,
}

impl Mapped {
    fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = MappedFile::open(path).map_err(|source| read_error(path, source))?;
        let file = Arc::new(file);
        Ok(Self { bytes: bytes::Bytes::from_owner(Share(file.clone())), file })
    }
}

struct Share(Arc<MappedFile>);

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// All tensors of one file, widened to f32.
///
/// # Errors
///
/// If the file cannot be read, or is damaged.
pub fn read_safetensors(path: &Path) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    let file = SafetensorsFile::open(path, Access::Read)?;
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
