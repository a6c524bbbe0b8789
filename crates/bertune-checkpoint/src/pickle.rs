//! `pytorch_model.bin` as data: a pickle says which tensors there are, and where in the file
//! their numbers lie. Of the pickle's language only what a state dict needs is understood;
//! anything else is refused, so that nothing is ever run.

mod container;
mod kind;
mod legacy;
mod machine;
mod node;
mod state_dict;
mod tensor_record;
mod zipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::files::read_range;
use crate::{CheckpointError, HostTensor};

use container::Container;
use tensor_record::TensorRecord;

/// Larger pickles are refused; those of BERT have some 50,000 bytes.
const MAX_PICKLE_BYTES: u64 = 16 << 20;

/// A file of PyTorch: what the pickle says in memory, the numbers on disk until they are wanted.
#[derive(Debug)]
pub(crate) struct PickleFile {
    path: PathBuf,
    tensors: BTreeMap<String, TensorRecord>,
    container: Container,
}

impl PickleFile {
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let (tensors, container) = kind::open(path).map_err(|problem| problem.at(path))?;
        let file = Self { path: path.to_path_buf(), tensors, container };
        for (name, record) in &file.tensors {
            file.container.locate(record).map_err(|problem| problem.of(name).at(path))?;
        }
        Ok(file)
    }

    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, record)| (name.as_str(), record.shape.as_slice()))
    }

    /// `None` if there is no such tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<Result<HostTensor, CheckpointError>> {
        let record = self.tensors.get(name)?;
        Some(self.read(name, record))
    }

    fn read(&self, name: &str, record: &TensorRecord) -> Result<HostTensor, CheckpointError> {
        let range = self.container.locate(record).map_err(|problem| problem.at(&self.path))?;
        let bytes = read_range(&self.path, range)?;
        let values = record.storage.element_type.widen(&bytes).map_err(|element_type| {
            CheckpointError::ElementType {
                file: self.path.clone(),
                name: name.to_owned(),
                element_type: element_type.to_owned(),
            }
        })?;
        Ok(HostTensor { shape: record.shape.clone(), values: record.gather(values) })
    }
}

/// What is wrong with a file, before its path is known.
#[derive(Debug)]
enum Problem {
    Broken(String),
    Refused(String),
    Unreadable(CheckpointError),
}

impl Problem {
    fn broken(problem: impl Into<String>) -> Self {
        Self::Broken(problem.into())
    }

    fn of(self, tensor: &str) -> Self {
        match self {
            Self::Broken(problem) => Self::Broken(format!("the tensor `{tensor}`: {problem}")),
            other => other,
        }
    }

    fn at(self, path: &Path) -> CheckpointError {
        let file = path.to_path_buf();
        match self {
            Self::Broken(problem) => CheckpointError::Pickle { file, problem },
            Self::Refused(asks_for) => CheckpointError::PickleRefused { file, asks_for },
            Self::Unreadable(error) => error,
        }
    }
}

impl From<CheckpointError> for Problem {
    fn from(error: CheckpointError) -> Self {
        Self::Unreadable(error)
    }
}
