use std::collections::BTreeMap;
use std::path::Path;

use burn_core::tensor::TensorData;
use serde::Deserialize;

use crate::access::Access;
use crate::files::{length, open, parse_json, read_json_file, read_range};
use crate::pickle::PickleFile;
use crate::safetensors_file::SafetensorsFile;
use crate::{CheckpointError, HostTensor};

/// The files that hold weights or list those that do, the preferred first.
pub(crate) const WEIGHT_FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// The tensors of a checkpoint, wherever they lie.
#[derive(Debug)]
pub(crate) struct Weights {
    files: Vec<WeightFile>,
    /// Which file holds a tensor, and its shape.
    tensors: BTreeMap<String, (usize, Vec<usize>)>,
}

impl Weights {
    pub(crate) fn open(folder: &Path, access: Access) -> Result<Self, CheckpointError> {
        let first = WEIGHT_FILES.iter().find(|name| folder.join(name).is_file());
        let Some(name) = first else {
            return Err(CheckpointError::NoWeights { folder: folder.to_path_buf() });
        };
        let path = folder.join(name);
        let names = if name.ends_with(".index.json") {
            existing_shards(folder, &path)?
        } else {
            vec![(*name).to_owned()]
        };
        let files = names.iter().map(|name| WeightFile::open(&folder.join(name), access));
        Ok(Self::of(files.collect::<Result<_, _>>()?))
    }

    /// The tensors of one file.
    pub(crate) fn of_file(path: &Path) -> Result<Self, CheckpointError> {
        Ok(Self::of(vec![WeightFile::open(path, Access::Read)?]))
    }

    fn of(files: Vec<WeightFile>) -> Self {
        let mut tensors = BTreeMap::new();
        for (position, file) in files.iter().enumerate() {
            for (name, shape) in file.shapes() {
                tensors.insert(name, (position, shape));
            }
        }
        Self { files, tensors }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(_, shape)| shape.as_slice())
    }

    /// A tensor where it lies, if there is one of that name that can be taken so.
    pub(crate) fn in_place(&self, name: &str) -> Option<TensorData> {
        let (file, _) = self.tensors.get(name)?;
        match self.files.get(*file)? {
            WeightFile::Safetensors(file) => file.in_place(name),
            WeightFile::Pickle(_) => None,
        }
    }

    pub(crate) fn check_unchanged(&self) -> Result<(), CheckpointError> {
        self.files.iter().try_for_each(|file| match file {
            WeightFile::Safetensors(file) => file.check_unchanged(),
            WeightFile::Pickle(_) => Ok(()),
        })
    }

    /// `None` if there is no such tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<Result<HostTensor, CheckpointError>> {
        let (file, _) = self.tensors.get(name)?;
        match self.files.get(*file)? {
            WeightFile::Safetensors(file) => file.tensor(name),
            WeightFile::Pickle(file) => file.tensor(name),
        }
    }
}

#[derive(Debug)]
enum WeightFile {
    Safetensors(SafetensorsFile),
    Pickle(PickleFile),
}

impl WeightFile {
    fn open(path: &Path, access: Access) -> Result<Self, CheckpointError> {
        check_is_no_pointer(path)?;
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            SafetensorsFile::open(path, access).map(Self::Safetensors)
        } else {
            PickleFile::open(path).map(Self::Pickle)
        }
    }

    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let owned = |(name, shape): (&str, &[usize])| (name.to_owned(), shape.to_vec());
        match self {
            Self::Safetensors(file) => file.shapes().map(owned).collect(),
            Self::Pickle(file) => file.shapes().map(owned).collect(),
        }
    }
}

/// What `git clone` leaves of a large file where Git LFS is not installed.
fn check_is_no_pointer(path: &Path) -> Result<(), CheckpointError> {
    const START: &[u8] = b"version https://git-lfs";
    let file_length = length(&open(path)?, path)?;
    let start = read_range(path, 0..file_length.min(START.len() as u64))?;
    if start == START {
        return Err(CheckpointError::LfsPointer { file: path.to_path_buf() });
    }
    Ok(())
}

/// `model.safetensors.index.json`: which shard holds which tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The file names that an index of shards gives, sorted, each once.
pub(crate) fn shards(index: &Path) -> Result<Vec<String>, CheckpointError> {
    let bytes = read_json_file(index)?;
    let parsed: Index = parse_json(index, &bytes)?;
    let mut names: Vec<_> = parsed.weight_map.into_values().collect();
    names.sort();
    names.dedup();
    match names.iter().find(|name| !is_weight_file(name)) {
        Some(name) => Err(CheckpointError::Index {
            index: index.to_path_buf(),
            problem: format!(
                "`{}` is no shard; a shard is a .safetensors or .bin file beside the index",
                name.escape_debug()
            ),
        }),
        None => Ok(names),
    }
}

fn existing_shards(folder: &Path, index: &Path) -> Result<Vec<String>, CheckpointError> {
    let names = shards(index)?;
    match names.iter().find(|name| !folder.join(name).is_file()) {
        Some(shard) => {
            Err(CheckpointError::NoShard { index: index.to_path_buf(), shard: shard.clone() })
        }
        None => Ok(names),
    }
}

/// Whether this is the plain name of a weight file, which leads out of no folder.
fn is_weight_file(name: &str) -> bool {
    let is_plain = !name.contains(['/', '\\', ':', '\0']) && !name.starts_with('.');
    is_plain && (name.ends_with(".safetensors") || name.ends_with(".bin"))
}
