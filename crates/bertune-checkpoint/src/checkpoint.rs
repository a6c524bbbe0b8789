use std::path::{Path, PathBuf};

use burn_core::tensor::TensorData;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::access::Access;
use crate::files::{parse_json, read_error, read_json_file};
use crate::weights::Weights;
use crate::{Adapter, CheckpointError, HostTensor, canonical_name};

/// An opened Hugging Face checkpoint folder: its `config.json` and its weights.
///
/// The weights are `model.safetensors`, or its shards with `model.safetensors.index.json`, or
/// else `pytorch_model.bin`, which is read as data: nothing in it is ever run. Opening reads what
/// the files say of themselves; numbers are read when they are wanted.
///
/// # Examples
///
/// ```no_run
/// use bertune_checkpoint::Checkpoint;
///
/// let checkpoint = Checkpoint::open("all-MiniLM-L6-v2".as_ref())?;
/// for name in checkpoint.names() {
///     let tensor = checkpoint.tensor(name)?;
///     println!("{name}: {:?}", tensor.shape);
/// }
/// # Ok::<_, bertune_checkpoint::CheckpointError>(())
/// ```
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config_bytes: Vec<u8>,
    config: Map<String, Value>,
    weights: Weights,
}

impl Checkpoint {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// If there is no such folder, if it lacks `config.json` or weights, or if one of them is
    /// damaged or asks for more than tensors.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        Self::open_to(folder, Access::Read)
    }

    /// Opens a folder whose numbers are taken from where they lie: safetensors files are mapped into
    /// memory, and [`tensor_data`](Self::tensor_data) of single precision is a part of that memory.
    ///
    /// Nothing is read before it is looked at, and processes that do the same share it. The files
    /// must not be written to meanwhile: [`check_unchanged`](Self::check_unchanged) tells whether
    /// they were. Other files are read as by [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn map(folder: &Path) -> Result<Self, CheckpointError> {
        Self::open_to(folder, Access::Map)
    }

    fn open_to(folder: &Path, access: Access) -> Result<Self, CheckpointError> {
        check_folder(folder)?;
        let config_file = folder.join("config.json");
        if Adapter::is_at(folder) {
            return Err(CheckpointError::IsAdapter { folder: folder.to_path_buf() });
        }
        if !config_file.is_file() {
            return Err(CheckpointError::NoConfig {
                folder: folder.to_path_buf(),
                found: first_names(folder)?,
            });
        }
        let config_bytes = read_json_file(&config_file)?;
        let config = parse_json(&config_file, &config_bytes)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            config_bytes,
            config,
            weights: Weights::open(folder, access)?,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `config.json` as it stands.
    pub fn config_json(&self) -> &Map<String, Value> {
        &self.config
    }

    /// `config.json` as a type of the caller's.
    ///
    /// # Errors
    ///
    /// If a field is missing or of another type; the error names the key, line and column.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        parse_json(&self.folder.join("config.json"), &self.config_bytes)
    }

    /// The tensors' names as the files have them, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.weights.names()
    }

    /// The shape of a tensor, if there is one of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.weights.shape(name)
    }

    /// Reads a tensor; half, brain and double precision become single precision.
    ///
    /// # Errors
    ///
    /// If there is none of that name, if its numbers are integers, or if the file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<HostTensor, CheckpointError> {
        self.weights.tensor(name).unwrap_or_else(|| {
            Err(CheckpointError::NoTensor { folder: self.folder.clone(), name: name.to_owned() })
        })
    }

    /// A tensor as the backends take it, without a copy where the folder is [mapped](Self::map) and
    /// has single precision.
    ///
    /// # Errors
    ///
    /// Those of [`tensor`](Self::tensor).
    pub fn tensor_data(&self, name: &str) -> Result<TensorData, CheckpointError> {
        match self.weights.in_place(name) {
            Some(data) => Ok(data),
            None => {
                self.tensor(name).map(|HostTensor { shape, values }| TensorData::new(values, shape))
            }
        }
    }

    /// Checks that no [mapped](Self::map) file was written to since it was opened. One that was
    /// replaced by another of its name counts as it was.
    ///
    /// # Errors
    ///
    /// If one was, with its name.
    pub fn check_unchanged(&self) -> Result<(), CheckpointError> {
        self.weights.check_unchanged()
    }

    /// The SHA-256 of some tensors, which tells whether they are those of another folder: of their
    /// [canonical names](canonical_name), shapes and f32 values, in the order of the names. It is
    /// the same however the folder stores them.
    ///
    /// # Errors
    ///
    /// If there is no tensor of a name, or if it cannot be read.
    pub fn sha256_of<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<String, CheckpointError> {
        let mut names: Vec<_> = names.map(|name| (canonical_name(name), name)).collect();
        names.sort();
        let mut hasher = Sha256::new();
        for (canonical, name) in names {
            let HostTensor { shape, values } = self.tensor(name)?;
            hasher.update(format!("{} {shape:?}\n", canonical.unwrap_or_default()));
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            hasher.update(bytes);
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

pub(crate) fn check_folder(folder: &Path) -> Result<(), CheckpointError> {
    let path = folder.to_path_buf();
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(CheckpointError::NotAFolder { path }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(CheckpointError::NoFolder { path })
        }
        Err(source) => Err(CheckpointError::Read { path, source }),
    }
}

/// What a folder holds, for a message.
fn first_names(folder: &Path) -> Result<String, CheckpointError> {
    let entries = std::fs::read_dir(folder).map_err(|source| read_error(folder, source))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(match names.len() {
        0 => "nothing".to_owned(),
        1..=5 => names.join(", "),
        _ => format!("{}, …", names[..5].join(", ")),
    })
}
